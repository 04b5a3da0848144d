"""What Pocket understands, as a person may look it up and as its engine spells what they type."""

from __future__ import annotations

from deskhand.model.language.learnt import Learnt
from deskhand.model.pocket.world.commands import INTENTS, SLOTS
from deskhand.model.pocket.world.lexicon import BUTTONS, words
from deskhand.model.pocket.world.samples import BOX, LIST, PRESS, READ, SAY, TITLE, TRANSCRIBE

WORKED, FAILED = '{"total": "12"}', '{"error": "Anna is not there."}'
"""Results of the kinds that `samples` draws."""

ABOUT_WINDOWS = (*READ, *SAY, *TITLE, *LIST, *BOX, *PRESS)


def _spellings(value: str | int) -> dict[str, str]:
    if isinstance(value, int):
        return {words(value): str(value), str(value): str(value)}
    return {value.lower(): value}


def understood() -> Learnt:
    """Every sentence, and what may stand in its slots."""
    values = {**SLOTS, "goods2": SLOTS["goods"], "button": BUTTONS}
    slots = {
        name: {typed: learnt for value in choices for typed, learnt in _spellings(value).items()}
        for name, choices in values.items()
    }
    commands = (pattern for intent in INTENTS for pattern in intent.patterns)
    return Learnt((*commands, *ABOUT_WINDOWS, TRANSCRIBE), slots, WORKED, FAILED)
