"""What is typed is spelt as it was learnt, whoever types it; nothing else of it changes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from deskhand.model.errors import BundleError
from deskhand.model.language.learnt import Learnt
from deskhand.model.pocket.world import commands
from deskhand.model.pocket.world.understood import ABOUT_WINDOWS, understood

LEARNT = understood()


@pytest.mark.parametrize(
    ("typed", "learnt"),
    [
        ("What time is it?", "what time is it"),
        ("set a timer for ten minutes", "set a timer for 10 minutes"),
        ("SET A  TIMER FOR 17 MINUTES!", "set a timer for 17 minutes"),
        ("Set a timer for one hour.", "set a timer for one hour"),
        ("weather in london", "weather in London"),
        ("Launch Firefox", "launch firefox"),
        ("which button is ok", "Which button is OK?"),
        (" read the window", "Read the window."),
        ("write down the number one 2 three", "write down the number 1 2 3"),
        ("write down buy milk and Bread", "write down buy milk and bread"),
    ],
)
def test_a_sentence_is_spelt_as_it_was_learnt(typed, learnt):
    assert LEARNT.spelt(typed) == learnt


@pytest.mark.parametrize("text", ["weather in Tokyo", "Tell me more.", "a (strange) {text} \\d+ .*", "", "42"])
def test_what_is_no_such_sentence_stays_as_it_is(text):
    assert LEARNT.spelt(text) == text


def test_a_question_mark_goes_where_no_learnt_sentence_has_one():
    assert LEARNT.spelt("What can you do?!") == "What can you do"


def test_every_command_however_it_is_typed_becomes_the_one_that_was_learnt():
    rng = np.random.default_rng(5)
    for _ in range(300):
        command = commands.draw(rng)
        for typed in (command.typed, command.spoken, command.spoken.upper() + "?", command.typed.capitalize() + "."):
            assert LEARNT.spelt(typed) == command.typed
    for sentence in ABOUT_WINDOWS:
        asked = sentence.format(button="Save")
        assert LEARNT.spelt(asked.lower().rstrip("?.")) == asked


def test_a_result_is_told_as_worked_or_failed():
    assert LEARNT.result('{"time": "12:30", "errors": 0}') == LEARNT.worked
    assert LEARNT.result('{"error": "xdg-open failed with code 3."}') == LEARNT.failed
    for odd in ("just text", "error", "[1]", "3", ""):
        assert LEARNT.result(odd) == LEARNT.worked


def test_it_comes_back_from_its_file(tmp_path):
    LEARNT.write(tmp_path / "learnt.json")
    again = Learnt.read(tmp_path / "learnt.json")
    assert (again.sentences, again.slots) == (LEARNT.sentences, LEARNT.slots)
    assert again.spelt("timer five minutes?") == "timer 5 minutes"


@pytest.mark.parametrize(
    "broken", ["", "{}", json.dumps({"sentences": ["{a}"], "slots": {}, "worked": "", "failed": ""})]
)
def test_a_broken_file_is_said(tmp_path, broken):
    (tmp_path / "learnt.json").write_text(broken)
    with pytest.raises(BundleError, match=r"learnt\.json"):
        Learnt.read(tmp_path / "learnt.json")
