"""A thousand damaged bundles: our validation refuses them in words, or llama.cpp gets them, and never takes us along.

What our validation lets through is really loaded, in a process of its own, and a word and a picture are read with it.
llama.cpp aborts or crashes on some of them. The process that then dies is not ours, and its death is put into words.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest

from deskhand.model.config import LocalConfig
from deskhand.model.errors import BundleError, ModelError
from deskhand.model.files.bundle import Bundle
from deskhand.model.files.header import read_header
from deskhand.model.files.memory import plan
from deskhand.model.process.causes import cause_of_death
from deskhand.model.process.client import WorkerEngine
from deskhand.model.tiny.bundle import TinySpec, cached_bundle
from deskhand.model.types import Finish, Image, Message, Request, Text

sys.path.insert(0, str(Path(__file__).parent))  # files beside this one, no package
from mutations import mutations, original

SMALL = TinySpec(
    vocab=512,
    hidden=32,
    ffn=32,
    layers=2,
    pattern=2,
    heads=2,
    kv_heads=2,
    head_dim=32,
    head_dim_swa=16,
    drafter_hidden=24,
    drafter_ffn=16,
    drafter_layers=2,
)
"""1.6 MB: a thousand copies are written in seconds."""

EACH = {"main": 400, "mmproj": 300, "drafter": 300}
PATIENCE = 60.0
"""Seconds for one bundle on a busy machine; a whole one takes a tenth of one."""


class Loader:
    """`loader.py` in a process of its own, started again when it dies."""

    def __init__(self) -> None:
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the process that writes it
        self._start()

    def _start(self) -> None:
        self._log.seek(0)
        self._log.truncate()
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("loader.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def load(self, files: dict[str, str]) -> tuple[str, str]:
        """What became of a bundle: ``read``, ``refused`` or ``died``, and a sentence."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(files) + "\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], PATIENCE)
        assert ready, f"loading {files} hangs"
        if line := self._process.stdout.readline():
            answer = json.loads(line)
            return ("read" if answer == "read" else "refused"), answer
        code = self._process.wait()
        self._log.seek(0)
        sentence = cause_of_death(code, self._log.read(), out_of_memory=False)
        self.close()
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the process that writes it
        self._start()
        return "died", sentence

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            assert stream
            stream.close()


@pytest.fixture
def loader() -> Generator[Loader]:
    loader = Loader()
    yield loader
    loader.close()


def files(bundle: Bundle, **changed: Path) -> dict[str, str]:
    paths = {"main": bundle.main, "mmproj": bundle.mmproj, "drafter": bundle.drafter, **changed}
    return {role: str(path) for role, path in paths.items()}


def test_the_whole_bundle_is_read(loader: Loader):
    assert loader.load(files(cached_bundle(SMALL)))[0] == "read"


@pytest.mark.parametrize("role", EACH)
def test_damaged_files_end_in_an_answer_or_a_sentence(role: str, loader: Loader, tmp_path: Path):
    bundle = cached_bundle(SMALL)
    outcomes: Counter[str] = Counter()
    deadly: Path | None = None
    for number, (kind, data) in enumerate(mutations(original(getattr(bundle, role)), EACH[role], seed=7)):
        path = tmp_path / f"{number}.gguf"
        path.write_bytes(data)
        began = time.process_time()
        try:
            read_header(path)
        except BundleError as error:
            outcome, sentence = "refused by its header", str(error)
        else:
            outcome, sentence = loader.load(files(bundle, **{role: path}))
        assert time.process_time() - began < 2, f"{kind} {number} took this process seconds"
        assert outcome == "read" or (sentence.strip() and "\n" not in sentence), (kind, number, sentence)
        outcomes[outcome] += 1
        if outcome == "died" and deadly is None:
            deadly = path
        else:
            path.unlink()
    assert outcomes["refused by its header"] > EACH[role] / 3, outcomes
    assert outcomes["read"] > 5, outcomes
    assert outcomes["died"] < EACH[role] / 20, outcomes
    if deadly is not None:
        answers_or_says_why(files(bundle, **{role: deadly}))


def answers_or_says_why(paths: dict[str, str]) -> None:
    """The same with the engine as the application holds it: whatever happens, it is told and can be asked again."""
    settings = {"context_length": 512, "threads": 1, "image_budget": 560}
    engine = WorkerEngine(LocalConfig(**{role: Path(path) for role, path in paths.items()}, **settings))
    request = Request((Message("user", (Image(bytes(48 * 48 * 3), 48, 48, 70), Text("What?"))),), max_tokens=4)
    for _ in range(2):
        outcome: object
        try:
            *_, outcome = engine.generate(request)
        except ModelError as error:
            outcome = str(error)
        assert isinstance(outcome, Finish) or outcome
    engine.close()


def test_a_header_that_claims_millions_of_layers_is_refused_at_once(tmp_path: Path):
    bundle = cached_bundle(SMALL)
    data = bytearray(bundle.main.read_bytes())
    at = data.index(b"gemma4.block_count") + len(b"gemma4.block_count") + 4
    for claimed in (0, 1 << 20, (1 << 32) - 1):
        data[at : at + 4] = claimed.to_bytes(4, "little")
        path = tmp_path / f"{claimed}.gguf"
        path.write_bytes(data)
        with pytest.raises(BundleError, match=f"it claims {claimed} layers"):
            plan(LocalConfig(main=path))
