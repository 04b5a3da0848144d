"""Real sessions on the tiny bundle, and what tests read off them."""

from __future__ import annotations

import os

# Before llama.cpp is loaded, as the worker's environment does it: several processes share the test machine's cores.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GGML_NO_BACKTRACE", "1")

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from deskhand.model.config import LocalConfig
from deskhand.model.language.dialect import Piece
from deskhand.model.llama.depth import Depth
from deskhand.model.llama.generation import End
from deskhand.model.llama.reading import Read
from deskhand.model.llama.session import Session
from deskhand.model.llama.writing import Written
from deskhand.model.tiny.bundle import TinySpec, cached_bundle
from deskhand.model.types import Audio, Image, Sampling, Usage

GREEDY = Sampling(temperature=0)
DEFAULT = TinySpec()


@dataclass
class Outcome:
    """What one run of a session gave."""

    written: list[Written] = field(default_factory=list)
    read: list[Read] = field(default_factory=list)
    reason: str = ""
    usage: Usage = field(default_factory=Usage)

    @property
    def text(self) -> str:
        return "".join(written.text for written in self.written)


def tiny_config(spec: TinySpec = DEFAULT, **changes: Any) -> LocalConfig:
    """The tiny bundle in the setting in which batches of different sizes give the same numbers."""
    bundle = cached_bundle(spec)
    settings = {
        "main": bundle.main,
        "mmproj": bundle.mmproj,
        "drafter": None,
        "context_length": 4096,
        "kv_type": "f32",
        "flash_attention": False,
        "threads": 1,
    }
    return LocalConfig(**{**settings, **changes})


def run(session: Session, pieces: Sequence[Piece], **options: Any) -> Outcome:
    outcome = Outcome()
    for item in session.run(pieces, **{"sampling": GREEDY, "max_tokens": 24, **options}):
        match item:
            case Read():
                outcome.read.append(item)
            case Written():
                outcome.written.append(item)
            case End(reason, usage):
                outcome.reason, outcome.usage = reason, usage
    return outcome


def logits_after(session: Session, pieces: Sequence[Piece]) -> np.ndarray:
    """Read a prompt, write nothing, and give the logits of what would come next."""
    assert run(session, pieces, max_tokens=0).reason == "length"
    return session.context.logits(-1).copy()


def picture(width: int = 320, height: int = 200, budget: int = 70, seed: int = 0) -> Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return Image(pixels.tobytes(), width, height, budget)


def clip(seconds: float, seed: int = 0) -> Audio:
    samples = np.random.default_rng(seed).uniform(-0.5, 0.5, int(seconds * 16_000))
    return Audio(samples.astype("<f4").tobytes())


class FixedDepth(Depth):
    """Drafts as many tokens as allowed in every step, whatever they cost and however few of them are right."""

    def next(self) -> int:
        return self._most


def always_draft(session: Session) -> Session:
    """Let a session draft in every step, so that a test does not depend on time."""
    assert session.drafter
    session.drafter.depth = FixedDepth(session.config.draft_depth)
    return session


@pytest.fixture
def open_session() -> Generator[Callable[..., Session]]:
    """Opens sessions that are closed with the test; takes what `tiny_config` takes."""
    with ExitStack() as stack:

        def opener(spec: TinySpec = DEFAULT, **changes: Any) -> Session:
            session = Session(tiny_config(spec, **changes))
            stack.callback(session.close)
            return session

        yield opener


@pytest.fixture
def kit() -> Any:
    """The functions of this file, for tests in files that can't import it."""

    class Kit:
        GREEDY = GREEDY
        run = staticmethod(run)
        logits_after = staticmethod(logits_after)
        picture = staticmethod(picture)
        clip = staticmethod(clip)
        always_draft = staticmethod(always_draft)
        tiny_config = staticmethod(tiny_config)

    return Kit
