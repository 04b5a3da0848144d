"""The files that ship are those that were measured: suites that were run with them come out the same again.

On another processor sums are rounded otherwise, and of two letters that are almost equally likely the other may win; so
a turn or two of a suite may be right here and wrong there.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from deskhand.app.settings import POCKET
from deskhand.model.errors import BundleError
from deskhand.model.files.shipped import LEARNT, open_shipped
from deskhand.model.pocket import curriculum
from deskhand.model.pocket.measuring.card import GOALS, drafting, missed, practised, table
from deskhand.model.pocket.measuring.evaluation import SMALL, answer, engine, evaluate
from deskhand.model.pocket.world import commands
from deskhand.model.pocket.world.commands import INTENTS, SLOTS
from deskhand.model.pocket.world.samples import DONE, FAILED, Sample
from deskhand.model.pocket.world.understood import ABOUT_WINDOWS, understood
from deskhand.model.types import Message, Text

MAY_DIFFER = 2
"""Turns of a small suite."""


@pytest.fixture(scope="module")
def stated() -> dict[str, Any]:
    return json.loads((POCKET / "report.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    return evaluate(open_shipped(POCKET), SMALL)


@pytest.mark.parametrize("suite", curriculum.HELD_OUT)
def test_a_suite_is_as_right_and_acts_as_often_as_when_it_was_measured(suite, stated, measured):
    found, said = measured["suites"][suite], stated["small"][suite]
    for share in ("right", "exact", "acted"):
        assert abs(found[share] - said[share]) * SMALL <= MAY_DIFFER + 1e-6, share
    if "character error" in said:
        assert found["character error"] == pytest.approx(said["character error"], abs=0.02)


def test_it_does_on_the_practice_windows_as_stated(stated, measured):
    for kind, (right, asked) in stated["practice"].items():
        assert measured["practice"][kind][1] == asked
        assert abs(measured["practice"][kind][0] - right) <= MAY_DIFFER


def test_the_drafter_drafts_as_stated_and_answers_are_the_same_with_and_without_it(stated, measured):
    assert abs(measured["drafting"]["acceptance"] - stated["drafting"]["acceptance"]) < 0.1
    assert stated["drafting"]["acceptance"] >= 0.6
    assert measured["drafting"]["same answers"] >= 0.99
    assert measured["drafting"]["tokens a step"] > 1.5


def test_the_card_says_what_the_report_says(stated):
    card = (POCKET / "README.md").read_text("utf-8")
    assert table(stated) in card
    assert drafting(stated) in card
    assert practised(stated) in card
    assert set(GOALS) <= set(curriculum.HELD_OUT) == set(stated["small"]) <= set(stated["suites"])


def test_the_card_says_what_can_be_said():
    card = (POCKET / "README.md").read_text("utf-8")
    assert all(pattern in card for intent in INTENTS for pattern in intent.patterns)
    assert all(sentence in card for sentence in ABOUT_WINDOWS)
    assert all(str(value) in card for values in SLOTS.values() for value in values)
    assert missed(json.loads((POCKET / "report.json").read_text("utf-8"))) in card


def test_the_sentences_that_ship_are_those_of_its_training(tmp_path):
    understood().write(tmp_path / LEARNT)
    assert (POCKET / LEARNT).read_text("utf-8") == (tmp_path / LEARNT).read_text("utf-8")


FAILURES = ["There is no application called chess.", "xdg-open failed with code 3.", "You did not allow it."]


@pytest.mark.parametrize("result", [{"error": text} for text in FAILURES] + [{"time": "22:22:04", "notes": []}])
def test_it_says_whether_a_tool_worked_whatever_that_tells(result):
    local = engine(open_shipped(POCKET), drafts=True)
    for at, intent in enumerate(INTENTS):
        command = commands.draw(np.random.default_rng(at), name=intent.name)
        call = replace(command.call, id="1")
        told = Message("tool", (Text(json.dumps(result)),), call_id="1", name=call.name)
        before = (Message("assistant", calls=(call,)), told)
        said, _ = answer(local, Sample("after", Message("assistant"), command.typed, before=before))
        assert said.text == (FAILED if "error" in result else DONE), command.typed
    local.close()


def test_the_files_are_small_enough_to_ship(stated):
    assert sum(path.stat().st_size for path in open_shipped(POCKET).files) == stated["bytes"] <= 12_000_000


def test_a_changed_file_is_refused_before_it_is_loaded(tmp_path):
    copy = tmp_path / "pocket"
    shutil.copytree(POCKET, copy)
    path = copy / "drafter.gguf"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(BundleError, match=r"drafter\.gguf is not the file that came with Deskhand"):
        open_shipped(copy)
