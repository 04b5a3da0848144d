import json
import os
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from deskhand.agent import prompt
from deskhand.agent.limits import Limits
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.timers import Timers
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.model.types import ToolCall
from tests.skills.conftest import skill_module
from tests.zone import living_in

ROOT = Path(__file__).parents[2] / "skills"


@pytest.fixture
def clock(tmp_path):
    box = Toolbox(load_skills([(ROOT, "bundled")]), tmp_path, None)
    return lambda name, **arguments: box.run(ToolCall("c", f"clock_{name}", arguments), threading.Event(), Limits())


def read_by_model(result):
    return prompt.tool_message(ToolCall("c", "t", {}), result).text


def test_the_time_is_the_local_time(clock, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    told = clock("time").value
    assert told["zone"] == "IST (UTC+05:30)"
    here = datetime.now().astimezone(__import__("zoneinfo").ZoneInfo("Asia/Kolkata"))
    assert told["date"] == f"{here:%Y-%m-%d}"
    assert told["weekday"] == f"{here:%A}"


def test_the_day_is_told_in_words_and_that_of_tomorrow(clock):
    """WINDOW.md 2: “what day is it tomorrow?” listed the timers."""
    said = read_by_model(clock("time"))
    now = datetime.now().astimezone()
    tomorrow = now + timedelta(days=1)
    assert f"on {now:%A}, {now.day} {now:%B} {now.year}. Tomorrow is {tomorrow:%A}, {tomorrow.day} " in said
    assert any(part in said for part in ("in the morning", "in the afternoon", "in the evening", "noon", "midnight"))
    assert "{" not in said


def test_a_timer_that_was_set_really_fires(clock, tmp_path):
    told = []
    timers = Timers(tmp_path, told.append)
    timers.start()
    result = clock("set_timer", seconds=1, label="  look at\nthe oven ")
    assert result.error == ""
    assert [timer.label for timer in timers.pending()] == ["look at the oven"] or told
    timers.wait(threading.Event())
    timers.stop()
    assert len(told) == 1
    assert "look at the oven" in told[0].text


def test_lengths_add_up_and_due_is_now_plus_the_length(clock, tmp_path):
    before = time.time()
    assert clock("set_timer", hours=1, minutes="2", seconds=3.5).value["seconds"] == 3723.5
    (timer,) = Timers(tmp_path, print).pending()
    assert before + 3723.5 <= timer.due <= time.time() + 3723.5


def test_what_the_model_reads_can_be_said_as_it_stands(clock, tmp_path):
    result = clock("set_timer", minutes=10)
    wording = skill_module("clock", "wording")
    (timer,) = Timers(tmp_path, print).pending()
    end, now = datetime.fromtimestamp(timer.due).astimezone(), datetime.now().astimezone()
    when = f"at {wording.time(end)}" if end.date() == now.date() else wording.moment(end, now)
    assert read_by_model(result) == f"Your 10-minute timer ends {when}."
    assert result.value["id"] == timer.id
    said = read_by_model(clock("set_timer", at="tomorrow at 9", label="call Anna"))
    assert said == "Reminder set for tomorrow at 9:00 in the morning: call Anna."
    said = read_by_model(clock("set_timer", at="tomorrow", label="call Anna"))
    assert said == "Reminder set for tomorrow at 9:00 in the morning (no time was given): call Anna."
    said = read_by_model(clock("set_timer", at="every day at 9", label="tablets"))
    assert said.startswith("Reminder set, every day, first to")
    assert read_by_model(clock("set_timer", at="in anderthalb Stunden", label="Nudeln")).startswith(
        "Your 90-minute timer “"
    )
    listed = read_by_model(clock("list_timers"))
    assert listed.startswith("5 are set: the 10-minute timer, which ends ")
    assert timer.id not in listed
    assert read_by_model(clock("cancel_timer", timer="the 10 minute timer")) == "Cancelled: the 10-minute timer."


def test_a_timer_over_a_change_of_the_clocks_names_the_time_at_which_it_rings(tmp_path):
    """Report 23: a 6-hour timer over a change said 09:44, and the list 08:44."""
    tools, moments = skill_module("clock", "tools"), {}
    host = type("Host", (), {"data": tmp_path})
    with living_in("Europe/Berlin") as zone:
        start = datetime(2027, 3, 27, 23, 30, tzinfo=zone)
        now, tools._now = tools._now, start.astimezone
        try:
            told = tools.set_timer(host, hours=6)
            moments = tools.list_timers(host)["timers"][0]
        finally:
            tools._now = now
    assert told["due"] == moments["due"] == "2027-03-28 06:30:00"
    assert told["say"] == "Your 6-hour timer ends tomorrow at 6:30 in the morning."


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, "at least one second"),
        ({"minutes": -5}, "at least one second"),
        ({"hours": 2, "minutes": -5}, "at least one second"),
        ({"seconds": 0.2}, "at least one second"),
        ({"hours": 1e9}, "longer than a year"),
        ({"hours": 1e300}, "longer than a year"),
        ({"minutes": 5, "at": "tomorrow at 9"}, "not both"),
        ({"at": "every day at 9", "repeat": "weekly"}, "can't be both every week and every day"),
    ],
)
def test_impossible_lengths_are_said(clock, tmp_path, arguments, error):
    assert error in clock("set_timer", **arguments).error
    assert Timers(tmp_path, print).pending() == []


def test_what_lies_in_the_folder_is_not_followed_and_not_waited_for(clock, tmp_path):
    """F1: also where there is no box around the skill."""
    folder = tmp_path / "clock" / "timers"
    folder.mkdir(parents=True)
    (tmp_path / "mine").write_text(json.dumps({"label": "mine", "due": time.time() + 100}))
    (folder / "ab.json").symlink_to(tmp_path / "mine")
    os.mkfifo(folder / "cd.json")
    box = skill_module("clock", "store")
    assert box.entries(folder) == []
    box.write(folder, box.Entry("ab", "tea", time.time() + 100, time.time()))
    assert not (folder / "ab.json").is_symlink()
    assert "mine" in (tmp_path / "mine").read_text()
    assert [entry.label for entry in box.entries(folder)] == ["tea"]
    assert sorted(path.name for path in folder.iterdir()) == ["ab.json", "cd.json"]


def test_timers_are_listed_and_cancelled(clock):
    first = clock("set_timer", minutes=10, label="Tea").value["id"]
    second = clock("set_timer", minutes=5).value["id"]
    listed = clock("list_timers").value["timers"]
    assert [timer["id"] for timer in listed] == [second, first]
    assert 580 < listed[1]["seconds_left"] <= 600
    told = clock("cancel_timer", timer="tea").value
    assert (told["cancelled"], told["label"], told["say"]) == (first, "Tea", "Cancelled: the 10-minute timer “Tea”.")
    assert "None is like “coffee”. There is: the 5-minute timer" in clock("cancel_timer", timer="coffee").error
    assert clock("cancel_timer", timer=second).error == ""
    told = clock("list_timers")
    assert (told.value["timers"], read_by_model(told)) == ([], "No timers or reminders are set.")
    assert clock("cancel_timer", timer="tea").error == "No timer or reminder is set."


@pytest.fixture
def several(clock):
    """Pasta, tea and eggs, with lengths of 12, 5 and 12 minutes, and a call tomorrow at 7 in the evening."""
    clock("set_timer", minutes=12, label="pasta")
    clock("set_timer", minutes=5, label="green tea")
    clock("set_timer", minutes=40, label="eggs")
    clock("set_timer", at="tomorrow at 7 pm", label="call Anna")
    return clock


@pytest.mark.parametrize(
    ("words", "gone"),
    [
        ("pasta", "pasta"),
        ("the pasta timer", "pasta"),
        ("the 12 minute timer", "pasta"),
        ("the 12-minute one", "pasta"),
        ("the twelve minute timer", "pasta"),
        ("the tea one", "green tea"),
        ("my timer for the tea", "green tea"),
        ("the 40 minutes timer for the eggs", "eggs"),
        ("the reminder to call Anna", "call Anna"),
        ("the first one", "green tea"),
        ("the second", "pasta"),
        ("number 3", "eggs"),
        ("the last one", "call Anna"),
        ("the latest", "call Anna"),
        ("the oldest timer", "pasta"),
        ("the reminder tomorrow", "call Anna"),
        ("the one at 7 pm", "call Anna"),
        ("the 7 o'clock reminder", "call Anna"),
        ("den Pasta-Timer", "pasta"),
        ("die Erinnerung an Anna", "call Anna"),
        ("den 12-Minuten-Timer", "pasta"),
        ("le minuteur de 12 minutes", "pasta"),
        ("el temporizador de pasta", "pasta"),
        ("le rappel Anna", "call Anna"),
        ("PASTA", "pasta"),
        ("next", "green tea"),
    ],
)
def test_what_the_person_says_is_cancelled_when_it_is_clear(several, words, gone):
    """WINDOW.md 2."""
    result = several("cancel_timer", timer=words)
    assert result.error == ""
    assert result.value["label"] == gone
    assert len(several("list_timers").value["timers"]) == 3


@pytest.mark.parametrize("words", ["all", "all timers", "all of them", "alle", "tous les minuteurs", "todos"])
def test_all_are_cancelled_at_once(several, words):
    assert len(several("cancel_timer", timer=words).value["cancelled"]) == 4
    assert several("list_timers").value["timers"] == []


def test_what_can_be_several_is_asked_about_by_name(several):
    several("set_timer", minutes=12, label="rice")
    error = several("cancel_timer", timer="the 12 minute timer").error
    assert error.startswith("Several can be meant: the 12-minute timer “pasta”, which ends ")
    assert error.endswith("Ask which.")
    assert "“rice”" in error
    assert "Several can be meant" in several("cancel_timer", timer="the timer").error
    assert "Several can be meant" in several("cancel_timer", timer="the last one").error  # set last, or rings last
    for words in ("the 13 minute timer", "the sixth sheep", "the pasta timer for Anna"):
        assert several("cancel_timer", timer=words).error.startswith("None is like “")
    assert len(several("list_timers").value["timers"]) == 5


def test_make_that_12_minutes_changes_the_latest_timer(clock, tmp_path):
    """WINDOW.md 2: it set a second timer."""
    first = clock("set_timer", minutes=10, label="pasta").value["id"]
    (before,) = Timers(tmp_path, print).pending()
    result = clock("change_timer", minutes=12)
    (after,) = Timers(tmp_path, print).pending()
    assert (after.id, after.label) == (first, "pasta")
    assert abs(after.due - before.due - 120) < 0.01
    assert read_by_model(result).startswith("Changed. Your 12-minute timer “pasta” now ends ")
    more = clock("change_timer", timer="the pasta timer", minutes=5, more=True)
    (longer,) = Timers(tmp_path, print).pending()
    assert abs(longer.due - after.due - 300) < 0.01
    assert "17-minute timer" in read_by_model(more)
    assert read_by_model(clock("change_timer", label="rice")).startswith("Changed. Your 17-minute timer “rice”")


def test_a_reminder_gets_another_time(clock, tmp_path):
    clock("set_timer", minutes=90)
    clock("set_timer", at="every day at 9", label="tablets")
    said = read_by_model(clock("change_timer", timer="tablets", at="10 in the morning"))
    assert said.startswith("Changed. Reminder set, every day, first ")
    assert "10:00 in the morning: tablets." in said
    (_, timer) = sorted(Timers(tmp_path, print).pending(), key=lambda each: each.label)
    assert (timer.repeat, timer.wall.hour) == ("daily", 10)
    assert clock("change_timer").error == "Say what to change: the length, the time or the words."
    assert "not both" in clock("change_timer", minutes=3, at="noon").error
    assert "Only one" in clock("change_timer", timer="all", minutes=3).error


def test_a_reminder_is_set_for_a_date_and_repeats(bundled, tmp_path):
    call = bundled(None)
    day = datetime.now().astimezone() + timedelta(days=30)
    found = call("clock_set_timer", at=f"{day:%Y-%m-%d} 18:00", label="water the plants", repeat="monthly").value
    assert (found["due"], found["repeat"]) == (f"{day:%Y-%m-%d} 18:00:00", "monthly")
    (listed,) = call("clock_list_timers").value["timers"]
    assert (listed["label"], listed["repeat"]) == ("water the plants", "monthly")
    (timer,) = Timers(tmp_path / "data", lambda notice: None).pending()
    assert (timer.repeat, timer.label) == ("monthly", "water the plants")
    assert f"{timer.wall:%d %H:%M}" == f"{day:%d} 18:00"
    assert call("clock_cancel_timer", timer="water the plants").error == ""


def test_weekdays_begin_with_one(tmp_path):
    tools = skill_module("clock", "tools")
    host = type("Host", (), {"data": tmp_path})
    with living_in("Europe/Berlin") as zone:
        start = datetime(2026, 11, 27, 14, 20, tzinfo=zone)  # a Friday
        now, tools._now = tools._now, start.astimezone
        try:
            told = tools.set_timer(host, at="every weekday at 9", label="stand-up")
        finally:
            tools._now = now
    assert told["due"] == "2026-11-30 09:00:00"
    assert told["say"] == "Reminder set, every weekday, first on Monday, 30 November at 9:00 in the morning: stand-up."


def test_a_time_alone_is_the_next_one(bundled):
    now = datetime.now().astimezone()
    soon = now + timedelta(minutes=5)
    found = bundled(None)("clock_set_timer", at=f"{soon:%H:%M}", label="tea").value
    assert found["due"] == f"{soon:%Y-%m-%d %H:%M}:00"
    past = now - timedelta(hours=1)
    found = bundled(None)("clock_set_timer", at=f"{past:%H:%M}", label="tea").value
    assert found["due"] == f"{past + timedelta(days=1):%Y-%m-%d %H:%M}:00"


def test_a_reminder_that_can_not_be_is_said(bundled):
    call = bundled(None)
    assert "which has passed: ask which day is meant" in call("clock_set_timer", at="2020-01-01 10:00", label="x").error
    assert "further away than a year" in call("clock_set_timer", at="2999-01-01 10:00", label="x").error
    for text in ("soon", "25:00", "2026-02-30 10:00"):
        assert "no date and time that is clear: ask" in call("clock_set_timer", at=text, label="x").error
    assert call("clock_list_timers").value["timers"] == []


def test_a_date_in_words_is_read_in_the_box(bundled):
    """The library that reads dates is there and quick enough where tools run."""
    found = bundled(None)("clock_set_timer", at="am 24. Dezember um 18 Uhr", label="Geschenke")
    assert found.error == ""
    assert found.value["due"].endswith("-12-24 18:00:00")


def test_files_of_earlier_versions_are_timers_too(clock, tmp_path):
    folder = tmp_path / "clock" / "timers"
    folder.mkdir(parents=True)
    old = {"id": "ab", "label": "tea", "due": time.time() + 600, "set": time.time()}
    (folder / "ab.json").write_text(json.dumps(old))
    (folder / "bad.json").write_text("[")
    assert [timer["id"] for timer in clock("list_timers").value["timers"]] == ["ab"]
    assert clock("change_timer", timer="tea", minutes=20).error == ""
    assert clock("cancel_timer", timer="tea").value["cancelled"] == "ab"
