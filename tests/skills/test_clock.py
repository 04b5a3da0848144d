import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from deskhand.agent.limits import Limits
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.timers import Timers
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.model.types import ToolCall

ROOT = Path(__file__).parents[2] / "skills"


@pytest.fixture
def clock(tmp_path):
    box = Toolbox(load_skills([(ROOT, "bundled")]), tmp_path, None)
    return lambda name, **arguments: box.run(ToolCall("c", f"clock_{name}", arguments), threading.Event(), Limits())


def test_the_time_is_the_local_time(clock, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    told = clock("time").value
    assert told["zone"] == "IST (UTC+05:30)"
    here = datetime.now().astimezone(__import__("zoneinfo").ZoneInfo("Asia/Kolkata"))
    assert told["date"] == f"{here:%Y-%m-%d}"
    assert told["weekday"] == f"{here:%A}"


def test_a_timer_that_was_set_really_fires(clock, tmp_path):
    told = []
    timers = Timers(tmp_path, told.append)
    timers.start()
    result = clock("set_timer", seconds=1, label="  look at\nthe oven ")
    assert result.error == ""
    assert [timer.label for timer in timers.pending()] == ["look at the oven"] or told
    timers.wait(threading.Event())
    timers.stop()
    assert [notice.text for notice in told] == ["Timer “look at the oven” is up."]


def test_lengths_add_up_and_due_is_now_plus_the_length(clock, tmp_path):
    before = time.time()
    assert clock("set_timer", hours=1, minutes="2", seconds=3.5).value["seconds"] == 3723.5
    (timer,) = Timers(tmp_path, print).pending()
    assert before + 3723.5 <= timer.due <= time.time() + 3723.5


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, "at least one second"),
        ({"minutes": -5}, "at least one second"),
        ({"hours": 2, "minutes": -5}, "at least one second"),
        ({"hours": 1e9}, "longer than a year"),
        ({"hours": 1e300}, "longer than a year"),
    ],
)
def test_impossible_lengths_are_said(clock, tmp_path, arguments, error):
    assert error in clock("set_timer", **arguments).error
    assert Timers(tmp_path, print).pending() == []


def test_timers_are_listed_and_cancelled(clock, tmp_path):
    first = clock("set_timer", minutes=10, label="Tea").value["id"]
    second = clock("set_timer", minutes=5).value["id"]
    listed = clock("list_timers").value["timers"]
    assert [timer["id"] for timer in listed] == [second, first]
    assert 590 < listed[1]["seconds_left"] <= 600
    assert clock("cancel_timer", timer="tea").value == {"cancelled": first, "label": "Tea"}
    assert f"Running: {second}" in clock("cancel_timer", timer="coffee").error
    assert clock("cancel_timer", timer=second).error == ""
    assert clock("list_timers").value == {"timers": []}


def test_two_timers_of_one_label_need_the_id(clock):
    for _ in range(2):
        clock("set_timer", minutes=1, label="tea")
    assert "give the id" in clock("cancel_timer", timer="tea").error


def test_a_reminder_is_set_for_a_date_and_repeats(bundled, tmp_path):
    call = bundled(None)
    day = datetime.now().astimezone() + timedelta(days=30)
    found = call("clock_set_reminder", at=f"{day:%Y-%m-%d} 18:00", label="water the plants", repeat="monthly").value
    assert (found["due"], found["repeat"]) == (f"{day:%Y-%m-%d} 18:00:00", "monthly")
    (listed,) = call("clock_list_timers").value["timers"]
    assert (listed["label"], listed["repeat"]) == ("water the plants", "monthly")
    (timer,) = Timers(tmp_path / "data", lambda notice: None).pending()
    assert (timer.repeat, timer.label) == ("monthly", "water the plants")
    assert call("clock_cancel_timer", timer="water the plants").error == ""


def test_a_time_alone_is_the_next_one(bundled):
    now = datetime.now().astimezone()
    soon = now + timedelta(minutes=5)
    found = bundled(None)("clock_set_reminder", at=f"{soon:%H:%M}", label="tea").value
    assert found["due"] == f"{soon:%Y-%m-%d %H:%M}:00"
    past = now - timedelta(hours=1)
    found = bundled(None)("clock_set_reminder", at=f"{past:%H:%M}", label="tea").value
    assert found["due"] == f"{past + timedelta(days=1):%Y-%m-%d %H:%M}:00"


def test_a_reminder_that_can_not_be_is_said(bundled):
    call = bundled(None)
    assert "is past" in call("clock_set_reminder", at="2020-01-01 10:00", label="x").error
    assert "further away than a year" in call("clock_set_reminder", at="2999-01-01 10:00", label="x").error
    for text in ("tomorrow", "25:00", "", "2026-02-30 10:00"):
        assert "no date and time" in call("clock_set_reminder", at=text, label="x").error
