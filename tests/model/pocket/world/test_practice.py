"""The dialogs of the practice window: all different, whole, and as shipped; and what Pocket does with the first."""

from __future__ import annotations

import json

import numpy as np
from PIL import Image as Picture

from deskhand.app.settings import POCKET
from deskhand.model.files.shipped import open_shipped
from deskhand.model.pocket.measuring.evaluation import GREEDY, bundle_in, engine
from deskhand.model.pocket.world import practice, windows
from deskhand.model.types import CallDelta, Message, Request, Text, TextDelta


def test_no_two_are_alike_and_all_are_shown():
    drawn = practice.drawn()
    assert sorted(practice.ORDER) == list(range(practice.COUNT)) == list(range(len(drawn)))
    lines = [line for window in drawn for line in window.message]
    assert len(set(lines)) == len(lines)
    assert len({window.title for window in drawn}) == len(drawn)
    assert len({frozenset(button.label for button in window.buttons) for window in drawn}) == len(drawn)


def test_their_titles_stand_whole_in_the_bar_with_room_around_them():
    for window in practice.drawn():
        rows = np.nonzero((window.render()[:60] != window.theme.bar).any((1, 2)))[0]
        assert rows.min() >= 20
        assert rows.max() < 54


def test_the_shipped_ones_are_these_and_named_in_the_manifest():
    open_shipped(POCKET)
    named = json.loads((POCKET / "manifest.json").read_text("utf-8"))
    listed = json.loads((POCKET / "practice" / "windows.json").read_text("utf-8"))
    assert {f"practice/{each['file']}" for each in listed} | {"practice/windows.json"} <= set(named)
    for each, at in zip(listed, practice.ORDER, strict=True):
        window = practice.drawn()[at]
        assert (each["title"], tuple(each["message"])) == (window.title, window.message)
        with Picture.open(POCKET / "practice" / each["file"]) as picture:
            assert np.array_equal(np.asarray(picture.convert("RGB")), window.render())


def test_what_the_greeting_suggests_works_on_the_first():
    window = practice.drawn()[practice.ORDER[0]]
    local = engine(bundle_in(POCKET), drafts=True)

    def ask(text):
        message = Message("user", (windows.picture(window.render()), Text(text)))
        deltas = list(local.generate(Request((message,), sampling=GREEDY, max_tokens=120)))
        return "".join(each.text for each in deltas if isinstance(each, TextDelta)), [
            (each.call.arguments["x"], each.call.arguments["y"]) for each in deltas if isinstance(each, CallDelta)
        ]

    try:
        assert ask("What does the dialog say?") == (" ".join(window.message), [])
        assert ask("What is the title?") == (window.title, [])
        assert ask("Which buttons are there?") == (", ".join(button.label for button in window.buttons), [])
        for button in window.buttons:
            (((x, y),),) = (ask(f"press the button that says {button.label}")[1],)
            top, left, bottom, right = window.box(button)
            assert left < x < right
            assert top < y < bottom
    finally:
        local.close()
