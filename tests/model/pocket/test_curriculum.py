"""What is trained when, and how a run knows how far it is."""

from __future__ import annotations

import json

import numpy as np
import pytest

from deskhand.model.pocket import curriculum
from deskhand.model.pocket.spec import PocketSpec
from deskhand.model.pocket.training.schedule import COOLING, WARM_UP, Journal, learning_rate
from deskhand.model.pocket.world.samples import KINDS


@pytest.mark.parametrize("percent", [0, 10, 30, 60, 100])
def test_every_kind_that_is_trained_exists(percent):
    assert set(curriculum.mixture(percent)) <= set(KINDS)
    assert sum(curriculum.mixture(percent).values()) > 0


def test_at_the_end_every_kind_is_trained_and_windows_leave_the_grid():
    assert set(curriculum.mixture(100)) == set(KINDS)
    assert all(curriculum.mixture(100).values())
    begin, end = curriculum.conditions(0), curriculum.conditions(100)
    assert begin.shifted == begin.second_face == begin.noisy == 0
    assert min(end.shifted, end.second_face, end.noisy) > 0
    assert not begin.held
    assert not end.held


def test_the_turns_of_a_step_depend_on_its_number_and_on_nothing_else():
    one, again, other = (curriculum.turns(1, step, 60.0, 6) for step in (4, 4, 5))
    for a, b in zip(one, again, strict=True):
        np.testing.assert_array_equal(a.ids, b.ids)
        np.testing.assert_array_equal(a.frames, b.frames)
        np.testing.assert_array_equal(a.patches, b.patches)
    assert [a.ids.tolist() for a in one] != [a.ids.tolist() for a in other]


@pytest.mark.parametrize("suite", curriculum.HELD_OUT)
def test_held_out_suites_are_held_out_and_fit_the_window(suite):
    assert curriculum.HELD_OUT[suite][1].held
    for turn in curriculum.held_out_turns(suite, 3):
        assert 0 < turn.start < len(turn.ids) <= PocketSpec().window


def test_the_rate_rises_stays_and_falls_to_almost_nothing():
    assert learning_rate(0, 0, 1.0) == pytest.approx(1 / WARM_UP)
    assert learning_rate(WARM_UP, COOLING, 1.0) == 1.0
    assert learning_rate(9999, (COOLING + 100) / 2, 1.0) == pytest.approx(0.505)
    assert 0 < learning_rate(9999, 100, 1.0) <= 0.011


def test_a_run_by_steps_ends_after_them(tmp_path):
    journal = Journal(tmp_path / "journal", 0, steps=4)
    assert [journal.percent(step) for step in range(5)] == [0, 25, 50, 75, 100]


def test_a_repeated_run_sees_the_percentages_that_it_saw_before(tmp_path):
    first = Journal(tmp_path / "journal", minutes=1)
    first.resume(12.0)
    seen = [first.percent(step) for step in range(5)]
    assert seen[0] >= 20
    again = Journal(tmp_path / "journal", minutes=1)
    again.resume(0.0)
    assert [again.percent(step) for step in range(5)] == seen
    assert again.percent(5) >= seen[-1]


def test_a_line_that_was_cut_off_is_forgotten(tmp_path):
    path = tmp_path / "journal"
    path.write_text(json.dumps({"step": 0, "percent": 7.5}) + '\n{"step": 1, "perc', encoding="utf-8")
    journal = Journal(path, minutes=60)
    assert journal.percent(0) == 7.5
    assert journal.percent(1) == 7.5
    assert Journal(path, minutes=1e-6).percent(1) == 7.5


def test_a_run_without_an_end_is_refused(tmp_path):
    with pytest.raises(ValueError, match="minutes"):
        Journal(tmp_path / "journal", 0)
