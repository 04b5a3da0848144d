"""The commands that Pocket is taught, and whether the skills they call exist."""

from __future__ import annotations

import numpy as np
import pytest

from deskhand.agent.skills.signatures import read
from deskhand.app.settings import BUNDLED_SKILLS
from deskhand.model.pocket.world.commands import INTENTS, command, draw, examples
from deskhand.model.pocket.world.lexicon import held_out, words


def tools() -> dict[str, set[str]]:
    """Parameters of every bundled tool."""
    return {
        f"{file.parent.name}_{signature.name}": set(signature.parameters["properties"])
        for file in BUNDLED_SKILLS.glob("*/tools.py")
        for signature in read(file)[0]
    }


def test_there_are_at_least_thirty_commands():
    assert len({intent.name for intent in INTENTS}) == len(INTENTS) >= 30


def test_every_call_is_one_that_a_bundled_skill_takes():
    known = tools()
    assert known
    for call in examples():
        assert set(call.arguments) <= known[call.name], call


@pytest.mark.parametrize(("number", "said"), [(0, "zero"), (7, "seven"), (20, "twenty"), (45, "forty five")])
def test_numbers_are_said_in_words(number, said):
    assert words(number) == said


def test_slots_are_filled_alike_in_speech_writing_and_call():
    (intent,) = (intent for intent in INTENTS if intent.name == "named timer")
    made = command(intent, intent.patterns[0], {"label": "tea", "number": 25})
    assert made.spoken == "start a tea timer for twenty five minutes"
    assert made.typed == "start a tea timer for 25 minutes"
    assert made.call.arguments == {"label": "tea", "minutes": 25}


def test_held_out_sentences_are_never_drawn_for_training():
    rng = np.random.default_rng(0)
    trained = {draw(rng, name="remind", held=False).spoken for _ in range(500)}
    kept = {draw(rng, name="remind", held=True).spoken for _ in range(100)}
    assert not any(map(held_out, trained))
    assert all(map(held_out, kept))


def test_every_command_can_be_drawn():
    rng = np.random.default_rng(1)
    assert {draw(rng).intent for _ in range(2000)} == {intent.name for intent in INTENTS}
