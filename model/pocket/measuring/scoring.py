"""Whether an answer is right, by kind of turn."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from deskhand.model.pocket.world.commands import CLICK
from deskhand.model.pocket.world.samples import ABSTENTIONS, Sample
from deskhand.model.pocket.world.windows import Button
from deskhand.model.types import ToolCall

READS = frozenset({"read", "say", "title", "buttons", "ask spoken", "transcribe"})
"""Kinds whose answer is text that stands on a window or was said."""

ABSTAINS = frozenset({"unheard", "unknown spoken", "unknown typed", "foreign", "no button"})
"""Kinds that ask for something outside Pocket's world."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an engine wrote.

    Attributes:
        text: besides calls.
        calls: that could be parsed.
        broken: whether a call could not be.
    """

    text: str
    calls: tuple[ToolCall, ...] = ()
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Score:
    """How good one answer is.

    Attributes:
        right: it is what was asked for: the same call, the same text, a click inside the button, a box that covers it
            by half or more; of what can't be done, any abstention.
        exact: it is the very answer of the sample.
        errors: letters to change in a text; 0 where none was to be read.
        letters: of the text that was to be read.
        acted: it calls a tool, or tries to.
    """

    right: bool
    exact: bool
    errors: int
    letters: int
    acted: bool


def score(sample: Sample, answer: Answer) -> Score:
    """Judge an answer to a sample."""
    exact = answer.text == sample.answer.text and _same(answer.calls, sample.answer.calls) and not answer.broken
    reads = sample.kind in READS
    right = exact
    if sample.kind in {"press typed", "press spoken"}:
        right = _clicked(sample, answer)
    elif sample.kind == "box":
        right = _boxed(sample, answer)
    elif sample.kind in ABSTAINS:
        right = answer.text in ABSTENTIONS and not answer.calls and not answer.broken
    return Score(
        right,
        exact,
        distance(answer.text, sample.answer.text) if reads else 0,
        len(sample.answer.text) if reads else 0,
        bool(answer.calls) or answer.broken,
    )


def _same(one: Sequence[ToolCall], other: Sequence[ToolCall]) -> bool:
    return [(c.name, dict(c.arguments)) for c in one] == [(c.name, dict(c.arguments)) for c in other]


def _target(sample: Sample) -> Button | None:
    """The button that a click of the sample's answer is in the middle of."""
    if sample.window is None or not sample.answer.calls:
        return None
    place = sample.answer.calls[0].arguments
    here = (place["x"], place["y"])
    return next((button for button in sample.window.buttons if sample.window.middle(button) == here), None)


def _clicked(sample: Sample, answer: Answer) -> bool:
    button = _target(sample)
    if button is None or sample.window is None or answer.broken or [call.name for call in answer.calls] != [CLICK]:
        return False
    x, y = (answer.calls[0].arguments.get(axis) for axis in ("x", "y"))
    top, left, bottom, right = sample.window.box(button)
    return isinstance(x, int) and isinstance(y, int) and left <= x <= right and top <= y <= bottom


def _read_box(text: str) -> tuple[list[int], str] | None:
    found = re.fullmatch(r"```json\n(.*)\n```", text, re.DOTALL)
    try:
        (entry,) = json.loads(found[1] if found else "")
        box, label = [int(edge) for edge in entry["box_2d"]], str(entry["label"])
    except (ValueError, KeyError, TypeError):
        return None
    return (box, label) if len(box) == 4 else None


def _boxed(sample: Sample, answer: Answer) -> bool:
    found, wanted = _read_box(answer.text), _read_box(sample.answer.text)
    if found is None or wanted is None or found[1] != wanted[1]:
        return False
    return overlap(found[0], wanted[0]) >= 0.5


def overlap(one: Sequence[int], other: Sequence[int]) -> float:
    """Common area of two boxes (top, left, bottom, right) as a share of what they cover together."""

    def area(top: int, left: int, bottom: int, right: int) -> int:
        return max(0, bottom - top) * max(0, right - left)

    common = area(*(max(a, b) for a, b in zip(one[:2], other[:2], strict=True)), *map(min, one[2:], other[2:]))
    together = area(*one) + area(*other) - common
    return common / together if together else 0.0


def distance(one: str, other: str) -> int:
    """Letters to insert, delete or change to turn one text into the other (Levenshtein)."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]
