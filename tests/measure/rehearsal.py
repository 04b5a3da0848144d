"""Rehearse the 12B without having it: its real shape with random weights, loaded and run by our own engine.

    make rehearsal        (needs 9 GiB of free memory, 7.5 GB of disk under build/, and ten minutes of two quiet cores)

Writes the bundle (`real_shape.py`), then loads it with 8k and 32k tokens of context as it is shipped (pictures of 560
tokens, keys and values in f16), and once for pictures of 1,120 tokens, each time in a process of its own, and writes
docs/rehearsal.json. Every step is timed twice: by the clock, and by the processor time
of all threads divided by their number, which is what the clock would show if nothing else ran.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

# Before llama.cpp is loaded, as the worker's environment does it.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GGML_NO_BACKTRACE", "1")

import numpy as np
import psutil
from real_shape import write_drafter, write_main, write_mmproj

from deskhand.model.config import LocalConfig
from deskhand.model.files.fingerprint import fingerprint
from deskhand.model.files.memory import plan
from deskhand.model.files.tuning import TuningCache
from deskhand.model.language.dialect import Control, Piece, Plain
from deskhand.model.llama.generation import End
from deskhand.model.llama.probe import tune, tune_waiting
from deskhand.model.llama.session import Session
from deskhand.model.types import Audio, Image, Sampling, Usage

FOLDER = Path("build/rehearsal")
RESULT = Path("docs/rehearsal.json")
VOCABULARY = "vendor/llama.cpp/models/ggml-vocab-gemma-4.gguf"
PARTS = {"8k": (8192, 560), "32k": (32_768, 560), "large": (8192, 1120)}
"""Context lengths and the largest pictures; the second is measured whole."""

HEAD, TAIL = Control("<bos><|turn>user\n"), Control("<turn|>\n<|turn>model\n")
GREEDY = Sampling(temperature=0)
TEXT = "The window on the left lists the files of the project and the one on the right shows what changed in them. "


def say(line: str) -> None:
    """One line of progress."""
    print(line, flush=True)  # noqa: T201 - its output


def bundle() -> dict[str, Path]:
    """The three files, made once."""
    files = {name: FOLDER / f"{name}.gguf" for name in ("main", "mmproj", "drafter")}
    if not (FOLDER / "done").exists():
        vocabulary = FOLDER / Path(VOCABULARY).name
        (archive,) = FOLDER.glob("llama_cpp_python-*.tar.gz")
        with tarfile.open(archive) as tar:
            member = tar.extractfile(f"{archive.name.removesuffix('.tar.gz')}/{VOCABULARY}")
            assert member, "the archive holds no vocabulary of Gemma 4"
            vocabulary.write_bytes(member.read())
        write_mmproj(files["mmproj"])
        write_drafter(files["drafter"], vocabulary)
        write_main(files["main"], vocabulary)
        (FOLDER / "done").touch()
    return files


class Clock(AbstractContextManager["Clock"]):
    """Seconds by the clock, and of the processor by thread of computation."""

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads
        self.wall = self.quiet = 0.0

    def __enter__(self) -> Self:
        """Start."""
        self._began = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.wall = time.perf_counter() - self._began[0]
        self.quiet = (time.process_time() - self._began[1]) / self._threads

    def as_json(self, count: int = 0) -> dict[str, float]:
        """Seconds, and how many of ``count`` things come to one."""
        times = {"seconds": round(self.wall, 3), "seconds_if_quiet": round(self.quiet, 3)}
        rates = {"per_second": round(count / self.wall, 2), "per_second_if_quiet": round(count / self.quiet, 2)}
        return {**times, **(rates if count else {})}


def memory(session: Session) -> dict[str, Any]:
    """What is resident now, in MiB, and what of it are checkpoints and kept embeddings."""
    rollup = {
        line.split(":")[0]: int(line.split()[1]) / 1024
        for line in Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    }
    checkpoints = sum(checkpoint.data.nbytes for checkpoint in session.cache.checkpoints)
    kept = sum(made.nbytes for made in session.projector._embeddings.values()) if session.projector else 0
    return {
        "resident": round(rollup["Rss"]),
        "of_it_mapped": round(rollup["Pss_File"]),
        "of_it_checkpoints": round(checkpoints / (1 << 20)),
        "of_it_kept_embeddings": round(kept / (1 << 20)),
    }


class Rehearsal:
    """Measurements at one context length, told as they are made.

    Args:
        config: what is loaded.
        write: takes everything measured so far.
    """

    def __init__(self, config: LocalConfig, write: Callable[[dict[str, Any]], None]) -> None:
        self._write = write
        self._found: dict[str, Any] = {}
        self._threads = psutil.cpu_count(logical=False) or 1
        # Threads are probed after the load, by itself, so that both times are known.
        with Clock() as clock:
            self.session = Session(config.model_copy(update={"threads": self._threads}))
        amounts = plan(self.session.config)
        self.planned = {name: round(amount / (1 << 20)) for name, amount in asdict(amounts).items()}
        self.planned["loaded"] = round(amounts.loaded / (1 << 20))
        self.note("context", self.session.context.length)
        self.note("image_budget", config.image_budget)
        self.note("kv_type", self.session.config.kv_type)
        self.note("planned_mib", self.planned)
        self.note("load_seconds", round(clock.wall, 1))
        self.note("memory_loaded_mib", memory(self.session))
        self.probe(config.main)

    def probe(self, main: Path) -> None:
        """The start-up probe of threads and of how they wait; of the first part anew, then as it was remembered."""
        known = TuningCache(FOLDER / "tuning.json")
        with Clock() as steps:
            tuning = tune(self.session.context, fingerprint([main]), known)
        if self.session.drafter:
            self.session.drafter.use_threads(tuning.threads)
        with Clock() as waits:
            waiting = tune_waiting(tuning.threads, known)
        figures = {"threads": tuning.threads, "steps_ms": tuning.steps, "waiting": waiting}
        self.note("probe", {**figures, "seconds": round(steps.wall, 2), "waiting_seconds": round(waits.wall, 2)})

    def note(self, name: str, value: Any) -> None:
        """Keep a figure, and where the machine stood."""
        self._found[name] = value
        say(f"{time.strftime('%H:%M:%S')} load {os.getloadavg()[0]:.1f}  {name}: {json.dumps(value)}")
        self._write(self._found)

    def run(self, pieces: list[Piece], tokens: int = 0) -> tuple[Usage, Clock]:
        """Read a prompt, write some tokens."""
        usage = Usage()
        with Clock(self._threads) as clock:
            for item in self.session.run(pieces, sampling=GREEDY, max_tokens=tokens):
                usage = item.usage if isinstance(item, End) else usage
        return usage, clock

    def text(self, repeats: int) -> None:
        """Prefill of text, in the engine's own slices."""
        usage, clock = self.run([HEAD, Plain(TEXT * repeats), TAIL])
        self.note("text", {"tokens": usage.evaluated_tokens, **clock.as_json(usage.evaluated_tokens)})

    def decode(self, count: int) -> None:
        """Tokens after the last prompt, without drafting."""
        session, position = self.session, self.session.cache.position
        with Clock(self._threads) as clock:
            for index in range(count):
                session.context.decode([1000 + index], position + index)
        session.context.remove(position)
        self.note("decode", {"tokens": count, **clock.as_json(count)})

    def verify(self, repeats: int = 3) -> None:
        """Seconds of a step with 0 to the most drafted tokens, and of one draft; the least of some."""
        session, position = self.session, self.session.cache.position
        assert session.drafter
        for depth in range(session.context.outputs):
            times: list[Clock] = []
            for _ in range(repeats):
                with Clock(self._threads) as clock:
                    session.context.decode(list(range(1000, 1001 + depth)), position, outputs=depth + 1)
                times.append(clock)
                session.context.remove(position)
            self.note(f"verify_{depth}_drafted", min(times, key=lambda c: c.quiet).as_json())
        session.context.decode([1000], position)
        times = []
        for _ in range(repeats):
            with Clock(self._threads) as clock:
                session.drafter.propose(1000, 0, position + 1, 1)
            times.append(clock)
        session.context.remove(position)
        self.note("draft_one", min(times, key=lambda c: c.quiet).as_json())

    def medium(self, name: str, medium: Image | Audio) -> None:
        """A picture or a clip: to embeddings, and into the cache."""
        session = self.session
        prepared = session.prompt([HEAD, medium, TAIL]).media.values()
        assert session.projector
        with Clock(self._threads) as encoded:
            for each in prepared:
                session.projector.embeddings(each)
        usage, clock = self.run([HEAD, medium, TAIL])
        tokens = usage.image_tokens + usage.audio_tokens
        self.note(
            name, {"tokens": tokens, "encode": encoded.as_json(), "prefill": clock.as_json(usage.evaluated_tokens)}
        )

    def remember(self) -> None:
        """Memory now, against the plan."""
        now = memory(self.session)
        resident = now["resident"] - now["of_it_checkpoints"] - now["of_it_kept_embeddings"]
        now["without_checkpoints_and_embeddings"] = resident
        now["over_plan"] = round(resident / self.planned["loaded"], 3)
        self.note("memory_in_use_mib", now)


def screenshot(budget: int) -> Image:
    """A 1080p screen of noise: what is on it makes no difference to time and memory."""
    pixels = np.random.default_rng(budget).integers(0, 256, (1080, 1920, 3), np.uint8)
    return Image(pixels.tobytes(), 1920, 1080, budget)


def rehearse(context: int, budget: int, part: str) -> None:
    """All measurements at one context length, written to a file of their own as they come."""
    into = FOLDER / f"{part}.json"
    config = LocalConfig(**bundle(), context_length=context, image_budget=budget)
    rehearsal = Rehearsal(config, lambda found: into.write_text(json.dumps(found)) and None)
    rehearsal.text(12 if part == "32k" else 2)
    rehearsal.decode(8)
    rehearsal.remember()
    if part == "32k":
        rehearsal.verify()
        sound = np.random.default_rng(0).uniform(-0.1, 0.1, 160_000).astype("<f4")
        rehearsal.medium("sound_10_s", Audio(sound.tobytes()))
    if part != "8k":
        rehearsal.medium(f"screenshot_{budget}", screenshot(budget))
        rehearsal.remember()
    rehearsal.session.close()


def main() -> None:
    """Write the bundle, measure in fresh processes, and gather."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=PARTS, help="measure one part here, for the processes that it starts")
    options = parser.parse_args()
    if options.part:
        rehearse(*PARTS[options.part], options.part)
        return
    with Clock() as clock:
        files = bundle()
    made = {name: path.stat().st_size for name, path in files.items()}
    say(f"the bundle took {clock.wall:.0f} s: {made}")
    (FOLDER / "tuning.json").unlink(missing_ok=True)
    for part in PARTS:
        subprocess.run([sys.executable, __file__, "--part", part], check=True)
    gather(made)


def gather(made: dict[str, int]) -> None:
    """Write what was measured to docs/rehearsal.json."""
    cores, memory_gib = psutil.cpu_count(logical=False), psutil.virtual_memory().total / (1 << 30)
    RESULT.write_text(
        json.dumps(
            {
                "made": "random Q4_0 weights in the 12B's shape, the real vocabulary; see docs/rehearsal.md",
                "bytes": made,
                "machine": f"{cores} cores of {_processor()}, {memory_gib:.1f} GiB, no GPU",
                "contexts": [json.loads((FOLDER / f"{part}.json").read_text()) for part in PARTS],
            },
            indent=2,
        )
        + "\n"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "an unknown processor"


if __name__ == "__main__":
    main()
