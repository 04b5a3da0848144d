"""What counts as right."""

from __future__ import annotations

import json

import numpy as np
import pytest

from deskhand.model.pocket.measuring.scoring import Answer, distance, overlap, score
from deskhand.model.pocket.world.commands import click
from deskhand.model.pocket.world.samples import DONE, KINDS, UNHEARD, UNKNOWN, Conditions, Sample
from deskhand.model.types import ToolCall

PLAIN = Conditions()


def sample(kind: str, seed: int = 0) -> Sample:
    return KINDS[kind](np.random.default_rng(seed), PLAIN)


def as_answered(made: Sample) -> Answer:
    return Answer(made.answer.text, made.answer.calls)


@pytest.mark.parametrize("kind", KINDS)
def test_the_samples_own_answer_is_right(kind):
    found = score(sample(kind), as_answered(sample(kind)))
    assert found.right
    assert found.exact
    assert not found.errors


@pytest.mark.parametrize("kind", ["command spoken", "after", "read", "box", "press typed", "unheard"])
def test_nothing_is_wrong_everywhere(kind):
    found = score(sample(kind), Answer(""))
    assert not found.right
    assert not found.exact


def test_another_argument_is_another_call():
    made = sample("command typed")
    (call,) = made.answer.calls
    wrong = ToolCall("", call.name, {**call.arguments, "more": 1})
    assert not score(made, Answer("", (wrong,))).right


def test_a_click_counts_anywhere_inside_the_button_and_nowhere_else():
    made = sample("press typed", 3)
    (call,) = made.answer.calls
    window = made.window
    (button,) = (b for b in window.buttons if window.middle(b) == (call.arguments["x"], call.arguments["y"]))
    top, left, bottom, right = window.box(button)
    inside, outside = click(left + 1, top + 1), click(right + 5, bottom + 5)
    assert score(made, Answer("", (inside,))).right
    assert not score(made, Answer("", (inside,))).exact
    assert not score(made, Answer("", (outside,))).right
    assert not score(made, Answer("", (inside, inside))).right
    assert not score(made, Answer("", (ToolCall("", "input_click", {"x": "left"}),))).right


def test_a_box_counts_from_half_an_overlap_and_with_its_label():
    made = sample("box")
    text = made.answer.text
    (entry,) = json.loads(text.removeprefix("```json\n").removesuffix("\n```"))
    top, left, bottom, right = entry["box_2d"]

    def moved(by: int) -> Answer:
        box = [{**entry, "box_2d": [top, left + by, bottom, right + by]}]
        return Answer(f"```json\n{json.dumps(box)}\n```")

    assert score(made, moved((right - left) // 5)).right
    assert not score(made, moved(right - left)).right
    assert not score(made, Answer(text.replace('"label":"', '"label":"x'))).right
    assert not score(made, Answer(text[:-4])).right
    assert not score(made, Answer("```json\n[1, 2]\n```")).right


def test_any_abstention_is_right_where_nothing_can_be_done_and_any_call_is_an_act():
    made = sample("unheard")
    assert score(made, Answer(UNKNOWN)).right
    assert not score(made, Answer(UNKNOWN)).exact
    assert not score(made, Answer(DONE)).right
    acting = score(made, Answer(UNHEARD, (ToolCall("", "clock_time", {}),)))
    assert acting.acted
    assert not acting.right
    assert score(made, Answer("", broken=True)).acted


def test_errors_are_counted_in_letters():
    made = sample("title")
    found = score(made, Answer(made.answer.text + "xy"))
    assert (found.errors, found.letters) == (2, len(made.answer.text))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("", "", 0), ("abc", "", 3), ("", "ab", 2), ("kitten", "sitting", 3), ("flaw", "lawn", 2), ("same", "same", 0)],
)
def test_distance(one, other, expected):
    assert distance(one, other) == distance(other, one) == expected


def test_overlap_is_one_for_the_same_box_and_nothing_for_boxes_apart():
    assert overlap((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert overlap((0, 0, 10, 10), (0, 5, 10, 15)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 10, 10), (20, 20, 30, 30)) == 0
    assert overlap((5, 5, 5, 5), (5, 5, 5, 5)) == 0
