"""The files that ship are those that were measured: suites that were run with them come out the same again.

On another processor sums are rounded otherwise, and of two letters that are almost equally likely the other may win; so
a turn or two of a suite may be right here and wrong there.
"""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from deskhand.app.settings import POCKET
from deskhand.model.errors import BundleError
from deskhand.model.files.shipped import open_shipped
from deskhand.model.pocket import curriculum
from deskhand.model.pocket.measuring.card import GOALS, drafting, table
from deskhand.model.pocket.measuring.evaluation import SMALL, evaluate

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


def test_the_drafter_drafts_as_stated_and_answers_are_the_same_with_and_without_it(stated, measured):
    assert abs(measured["drafting"]["acceptance"] - stated["drafting"]["acceptance"]) < 0.1
    assert stated["drafting"]["acceptance"] >= 0.6
    assert measured["drafting"]["same answers"] >= 0.99
    assert measured["drafting"]["tokens a step"] > 1.5


def test_the_card_says_what_the_report_says(stated):
    card = (POCKET / "README.md").read_text("utf-8")
    assert table(stated) in card
    assert drafting(stated) in card
    assert set(GOALS) <= set(curriculum.HELD_OUT) == set(stated["small"]) <= set(stated["suites"])


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
