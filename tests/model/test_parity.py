"""The engine against the reference: what transformers computed from the same weights, pictures and sounds.

The golden arrays are made by ``make parity`` (tests/parity); this file needs neither torch nor transformers.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deskhand.model import pixels
from deskhand.model.config import LocalConfig
from deskhand.model.files.bundle import Bundle
from deskhand.model.language.template import Gemma4Dialect
from deskhand.model.llama.cache import Span
from deskhand.model.llama.drafting import Drafter
from deskhand.model.llama.generation import End
from deskhand.model.llama.sampling import Sampler
from deskhand.model.llama.session import Session
from deskhand.model.tiny.vocab import vocabulary
from deskhand.model.types import BUDGETS, Request, Sampling, Text, Usage

sys.path.insert(0, str(Path(__file__).parents[1] / "parity"))  # what both sides share is a folder, no package
from cases import CASES, DRAFTED, KEPT_STEPS, NEW_TOKENS, Case, media_step, user, varied, words
from checkpoint import CHECKPOINTS, Checkpoint, fingerprint, write

GOLDEN = Path(__file__).parent / "golden"
GREEDY = Sampling(temperature=0)

STALE = "If the tiny bundle, its vocabulary or the prompt format was changed on purpose, run `make parity`."

CORRELATION = 0.9999

MAX_DELTA = 0.15
"""Of logits, which reach 30: llama.cpp takes GELU from a table of float16, and pixels are rounded (docs/parity.md)."""

MAX_EMBEDDING_DELTA = 0.02
"""Of embeddings of unit variance: Pillow and torchvision round up to two pixels in a thousand differently."""


@dataclass(frozen=True)
class World:
    """One checkpoint on both sides."""

    checkpoint: Checkpoint
    bundle: Bundle
    session: Session
    golden: dict[str, np.ndarray]

    def request(self, case: Case) -> Request:
        return varied(case.request, int(self.golden[f"{case.name}/variant"]))

    def expected(self, case: Case) -> dict[str, np.ndarray]:
        return {
            name.removeprefix(f"{case.name}/"): array
            for name, array in self.golden.items()
            if name.startswith(f"{case.name}/")
        }


def config(bundle: Bundle, **changes: Any) -> LocalConfig:
    """The setting in which the engine computes as exactly as it can."""
    settings = {"context_length": 4096, "kv_type": "f32", "flash_attention": False, "threads": 1}
    return LocalConfig(main=bundle.main, mmproj=bundle.mmproj, **{**settings, **changes})


@pytest.fixture(scope="module", params=CHECKPOINTS, ids=lambda checkpoint: checkpoint.name)
def world(request, tmp_path_factory) -> Iterator[World]:
    checkpoint: Checkpoint = request.param
    bundle = write(tmp_path_factory.mktemp(checkpoint.name), checkpoint)
    with np.load(GOLDEN / f"{checkpoint.name}.npz") as golden:
        arrays = dict(golden)
    session = Session(config(bundle))
    yield World(checkpoint, bundle, session, arrays)
    session.close()


every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@dataclass
class Steps:
    """What a run of the sampler saw: its tokens in order, and the logits that each was chosen from."""

    tokens: list[int] = field(default_factory=list)
    logits: list[np.ndarray] = field(default_factory=list)


@pytest.fixture
def steps(monkeypatch) -> Steps:
    """Look over the sampler's shoulder: what a session yields is text, and a byte alone is none."""
    seen, original = Steps(), Sampler.sample

    def sample(self: Sampler, context: Any, row: int) -> int:
        seen.logits.append(context.logits(row).copy())
        seen.tokens.append(original(self, context, row))
        return seen.tokens[-1]

    monkeypatch.setattr(Sampler, "sample", sample)
    return seen


def answer(session: Session, request: Request, limit: int = NEW_TOKENS) -> Usage:
    """Run a request greedily to its limit."""
    *_, end = session.run(Gemma4Dialect().render(request), sampling=GREEDY, max_tokens=limit)
    assert isinstance(end, End)
    assert end.reason == "length"
    return end.usage


def assert_same(ours: np.ndarray, theirs: np.ndarray, atol: float = MAX_DELTA) -> None:
    """Same shape, same best entry of every row, rows that correlate, and no entry far off."""
    assert ours.shape == theirs.shape
    np.testing.assert_array_equal(ours.argmax(-1), theirs.argmax(-1))
    for one, other in zip(np.atleast_2d(ours), np.atleast_2d(theirs), strict=True):
        assert np.corrcoef(one, other)[0, 1] >= CORRELATION
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=atol)


def placeholders(world: World) -> list[int]:
    """Ids that stand for one embedding of a picture and of sound."""
    return vocabulary(world.checkpoint.spec.vocab).ids("<|image|>", "<|audio|>")


def assert_answer(world: World, case: Case, steps: Steps) -> None:
    expected = world.expected(case)
    assert steps.tokens[:NEW_TOKENS] == expected["tokens"].tolist()
    assert_same(np.stack([steps.logits[step] for step in KEPT_STEPS]), expected["logits"])


def test_the_weights_are_those_of_the_golden_arrays(world):
    np.testing.assert_allclose(fingerprint(world.bundle), world.golden["weights"], rtol=1e-12, err_msg=STALE)


def test_pictures_get_the_references_size():
    with np.load(GOLDEN / "sizes.npz") as golden:
        pictures, resized = golden["picture"].tolist(), golden["resized"].tolist()
    ours = [[list(pixels.reference_size(*size, budget)) for budget in BUDGETS] for size in pictures]
    assert ours == resized


@every_case
def test_the_prompt_is_the_same_tokens(world, case):
    image, audio = placeholders(world)
    ours: list[int] = []
    for item in world.session.prompt(Gemma4Dialect().render(world.request(case))).items:
        match item:
            case Span(_, kind, tokens, positions):
                assert tokens == positions
                ours += [image if kind == "image" else audio] * tokens
            case _:
                ours.append(item)
    assert ours == world.expected(case)["ids"].tolist(), STALE


@every_case
def test_pictures_and_sound_become_the_same_embeddings(world, case):
    prompt = world.session.prompt(Gemma4Dialect().render(world.request(case)))
    embeddings = world.session.projector.embeddings
    ours = [
        whole[:: media_step(len(whole))]
        for framed, items in groupby(prompt.items, lambda item: isinstance(item, Span) and (item.kind, item.frame))
        if framed
        for whole in [np.concatenate([embeddings(prompt.media[item.digest]) for item in items])]
    ]
    expected = world.expected(case).get("media")
    assert bool(ours) == (expected is not None)
    if ours:
        assert_same(np.concatenate(ours), expected, atol=MAX_EMBEDDING_DELTA)


@every_case
def test_a_cold_session_answers_as_the_reference(world, case, steps):
    world.session.cache.clear()
    usage = answer(world.session, world.request(case))
    ids = world.expected(case)["ids"].tolist()
    assert usage.evaluated_tokens == usage.prompt_tokens == len(ids)
    assert [usage.image_tokens, usage.audio_tokens] == [ids.count(placeholder) for placeholder in placeholders(world)]
    assert_answer(world, case, steps)


def assert_warm(world: World, case: Case, steps: Steps, before: Request) -> Usage:
    world.session.cache.clear()
    answer(world.session, before)
    steps.tokens.clear()
    steps.logits.clear()
    usage = answer(world.session, world.request(case))
    assert_answer(world, case, steps)
    return usage


@pytest.mark.parametrize("case", [case for case in CASES if case.warm], ids=lambda case: case.name)
def test_after_the_turn_before_the_answer_is_that_from_scratch(world, case, steps):
    request = world.request(case)
    usage = assert_warm(world, case, steps, replace(request, messages=request.messages[: case.warm]))
    assert usage.reused_tokens > usage.prompt_tokens / 3


@pytest.mark.parametrize("name", ["long", "pictures", "mixed", "second-turn", "second-turn-long"])
def test_after_another_question_the_answer_is_that_from_scratch(world, name, steps):
    (case,) = (case for case in CASES if case.name == name)
    usage = assert_warm(world, case, steps, varied(case.request, 99))
    assert usage.reused_tokens > usage.prompt_tokens / 3


def test_after_a_way_back_longer_than_any_window_the_answer_is_that_from_scratch(world, steps):
    (case,) = (case for case in CASES if case.name == "second-turn")
    longer = replace(case.request, messages=(*case.request.messages[:-1], user(Text(words(1200, 13)))))
    assert_warm(world, case, steps, longer)


@pytest.fixture
def drafting(world, kit) -> Iterator[Session]:
    """A new session for each case, which drafts in every step."""
    session = Session(config(world.bundle, drafter=world.bundle.drafter, draft_depth=DRAFTED))
    yield kit.always_draft(session)
    session.close()


@every_case
def test_the_drafter_proposes_what_the_references_does_and_changes_nothing(world, drafting, case, steps, monkeypatch):
    original = Drafter.propose
    proposed: list[list[int]] = []
    logits: list[np.ndarray] = []

    def propose(self: Drafter, token: int, row: int, position: int, count: int) -> list[int]:
        if not proposed:
            # What is proposed depends on the target's memory alone, so asking more often changes nothing.
            original(self, token, row, position, 1)
            logits.append(self._context.logits(0).copy())
            proposed.append(original(self, token, row, position, DRAFTED))
        return original(self, token, row, position, count)

    monkeypatch.setattr(Drafter, "propose", propose)
    usage = answer(drafting, world.request(case))
    assert usage.drafted > 0
    if not world.checkpoint.random:
        assert usage.accepted > 0
    assert_answer(world, case, steps)
    assert_same(logits[0], world.expected(case)["draft_logits"])
    assert proposed[0] == world.expected(case)["draft"].tolist()
