import json
import os
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch
from zoneinfo import available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskhand.agent import timers as timers_module
from deskhand.agent.directory import Directory
from deskhand.agent.timers import REPEATS, Timer, Timers, following
from tests.zone import living_in


@pytest.fixture
def told():
    return []


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "clock" / "timers"
    made.mkdir(parents=True)
    return made


@pytest.fixture
def timers(tmp_path, told):
    made = Timers(tmp_path, told.append)
    yield made
    made.stop()


def put(folder, name, due, label=""):
    (folder / f"{name}.json").write_text(json.dumps({"id": name, "label": label, "due": due, "set": due - 5}))


def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_timer_fires_once_when_it_is_due(timers, folder, told):
    put(folder, "a", time.time() + 0.5, "tea")
    put(folder, "b", time.time() + 1000)
    assert [timer.label for timer in timers.pending()] == ["tea", ""]
    timers.start()
    wait_for(lambda: told)
    time.sleep(0.6)
    assert [(notice.kind, notice.text) for notice in told] == [("timer", "Timer “tea” is up.")]
    assert [timer.id for timer in timers.pending()] == ["b"]


def test_what_was_missed_is_told_at_the_next_start(timers, folder, told):
    put(folder, "a", time.time() - 3600, "call")
    put(folder, "b", time.time() - 86400 * 3)
    timers.start()
    wait_for(lambda: len(told) == 2)
    assert told[0].text.startswith("Missed while Deskhand was not running: “call” ended at ")
    assert "Your timer ended at 20" in told[1].text


def test_wait_returns_when_the_last_timer_fired(timers, folder, told):
    put(folder, "a", time.time() + 0.7)
    timers.start()
    timers.wait(threading.Event())
    assert [notice.text for notice in told] == ["Your timer is up."]


def test_wait_can_be_stopped(timers, folder):
    put(folder, "a", time.time() + 1000)
    cancel = threading.Event()
    threading.Timer(0.2, cancel.set).start()
    timers.wait(cancel)
    assert len(timers.pending()) == 1


def test_two_watchers_tell_a_timer_once(tmp_path, timers, folder, told):
    other = Timers(tmp_path, told.append)
    due = time.time() + 3  # both watch by then
    for number in range(20):
        put(folder, f"t{number}", due)
    timers.start()
    other.start()
    wait_for(lambda: len(told) >= 20)
    other.stop()
    timers.stop()
    assert len(told) == 20
    assert list(folder.iterdir()) == []


KILLED = """
import os, sys
from pathlib import Path
from deskhand.agent.timers import Timers
timers = Timers(Path(sys.argv[1]), lambda notice: os.kill(os.getpid(), 9))
timers.start()
timers.wait(__import__("threading").Event())
"""


def test_a_program_killed_while_it_told_a_timer_does_not_lose_it(tmp_path, timers, folder, told):
    put(folder, "a", time.time() - 1, "tea")
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert killed.returncode == -9
    assert [path.suffix for path in folder.iterdir()] == [
        f".firing-{path.name.rpartition('-')[2]}" for path in folder.iterdir()
    ]
    timers.start()
    wait_for(lambda: told)
    assert "tea" in told[0].text


def test_a_damaged_timer_is_put_aside_and_said(timers, folder, told):
    (folder / "bad.json").write_text("{")
    (folder / "odd.json").write_text('{"id": 1}')
    timers.start()
    wait_for(lambda: len(told) == 2)
    assert "can't be read" in told[0].text
    assert sorted(path.name for path in folder.iterdir()) == ["bad.broken", "odd.broken"]


def test_a_link_does_not_lead_to_other_files(tmp_path, timers, folder, told):
    other = tmp_path / "other"
    other.mkdir()
    (other / "settings.json").write_text("{}")
    (folder / "one.json").symlink_to(other / "settings.json")
    timers.start()
    time.sleep(0.6)
    timers.stop()
    (folder / "one.json").unlink()
    folder.rmdir()
    folder.symlink_to(other)
    timers.start()
    time.sleep(0.6)
    assert [path.name for path in other.iterdir()] == ["settings.json"]
    assert told == []


def test_a_timer_that_repeats_is_written_through_no_link(tmp_path, timers, folder, told):
    """F1: what a skill's script puts in the place of the file, or of an unfinished one, leads nowhere."""
    mine = tmp_path / "mine"
    mine.write_text("mine")
    for name in ("ab.part", ".ab.json.part", "ab.broken"):
        (folder / name).symlink_to(mine)
    (folder / "no.json").symlink_to(mine)
    (folder / "tw.json").hardlink_to(mine)
    os.mkfifo(folder / "pi.json")
    (folder / f"di.json.firing-{os.getpid()}").mkdir()
    put(folder, "di", time.time() - 1, "silenced")
    due = time.time() - 1
    (folder / "zz.json").write_text(json.dumps({"id": "zz", "label": "x", "due": due, "set": due, "repeat": "daily"}))
    timers.start()
    wait_for(lambda: [timer for timer in timers.pending() if timer.id == "zz" and timer.due > time.time()])
    assert mine.read_text() == "mine"
    assert [notice.text for notice in told if "“x”" in notice.text] == ["Timer “x” is up."]


def test_a_timer_that_a_backup_gave_a_second_name_is_one(tmp_path, timers, folder):
    put(folder, "ab", time.time() + 1000, "tea")
    (tmp_path / "backup.json").hardlink_to(folder / "ab.json")
    assert [timer.label for timer in timers.pending()] == ["tea"]


def test_without_a_folder_nothing_happens(timers, told):
    timers.start()
    timers.start()
    timers.wait(threading.Event())
    timers.stop()
    timers.stop()
    assert told == []
    assert timers.pending() == []


@pytest.mark.parametrize(
    ("repeat", "first", "now", "then"),
    [
        ("daily", "2026-01-30 08:00", "2026-01-30 08:00", "2026-01-31 08:00"),
        ("daily", "2026-01-01 08:00", "2026-03-05 09:00", "2026-03-06 08:00"),
        ("weekdays", "2026-01-30 08:00", "2026-01-30 08:01", "2026-02-02 08:00"),
        ("weekly", "2026-01-30 08:00", "2026-01-30 08:01", "2026-02-06 08:00"),
        ("monthly", "2026-01-31 08:00", "2026-01-31 08:01", "2026-03-31 08:00"),
        ("yearly", "2024-02-29 08:00", "2024-02-29 08:01", "2028-02-29 08:00"),
    ],
)
def test_a_repetition_is_at_the_same_time_of_the_wall(repeat, first, now, then):
    found = following(datetime.fromisoformat(first), repeat, datetime.fromisoformat(now).timestamp())
    assert found == datetime.fromisoformat(then)


def rings(wall, repeat, times):
    """When a series rings that begins at ``wall``: through its file, each time as late as a tick."""
    timer = Timer("a", "", wall.timestamp(), repeat, {"wall": wall.isoformat()})
    for _ in range(times):
        yield timer
        with TemporaryDirectory() as place, Directory.open(Path(place)) as folder:
            with patch("time.time", lambda due=timer.due: due + 0.2):
                timers_module._again(folder, "a.json", timer)
            timer = timers_module._read(folder, "a.json")


def test_a_time_that_one_day_lacks_does_not_move_the_series():
    """Report 23."""
    with living_in("Europe/Berlin") as zone:
        series = rings(datetime.fromisoformat("2027-03-27 02:30"), "daily", 4)
        found = [f"{datetime.fromtimestamp(timer.due, zone):%m-%d %H:%M}" for timer in series]
        assert found == ["03-27 02:30", "03-28 03:30", "03-29 02:30", "03-30 02:30"]
        series = rings(datetime.fromisoformat("2027-03-28 02:30"), "weekly", 2)
        assert [f"{datetime.fromtimestamp(timer.due, zone):%H:%M}" for timer in series] == ["03:30", "02:30"]
        series = rings(datetime.fromisoformat("2027-02-28 02:30"), "monthly", 3)
        assert [f"{datetime.fromtimestamp(timer.due, zone):%H:%M}" for timer in series] == ["02:30", "03:30", "02:30"]


def test_a_night_that_is_moved_into_the_next_day_is_not_skipped():
    with living_in("America/Nuuk") as zone:  # on 27 March 2027 the clocks go from 22:59 to 00:00, or an hour around it
        series = list(rings(datetime.fromisoformat("2027-03-25 23:30"), "daily", 6))
        assert [f"{timer.wall:%d %H:%M}" for timer in series] == [f"{day} 23:30" for day in range(25, 31)]
        dues = [datetime.fromtimestamp(timer.due, zone) for timer in series]
        assert len({due.timestamp() for due in dues}) == 6
        assert dues[-1].strftime("%d %H:%M") == "30 23:30"


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(sorted(available_timezones() - {"localtime"})),
    st.datetimes(datetime.fromisoformat("2024-01-01"), datetime.fromisoformat("2029-01-01")),
    st.sampled_from(REPEATS),
)
def test_a_series_keeps_its_time_of_the_wall_in_every_zone(name, wall, repeat):
    """Report 23, over all zones: later each time, and at its time wherever that time exists."""
    wall = wall.replace(second=0, microsecond=0)
    with living_in(name) as zone:
        before = 0.0
        for timer in rings(wall, repeat, 8):
            assert timer.due > before
            before = timer.due
            assert (timer.wall.hour, timer.wall.minute) == (wall.hour, wall.minute)
            shown = datetime.fromtimestamp(timer.due, zone).replace(tzinfo=None)
            there = timer.wall.replace(tzinfo=zone)
            exists = datetime.fromtimestamp(there.timestamp(), zone).replace(tzinfo=None) == timer.wall
            assert shown == timer.wall or (not exists and abs((shown - timer.wall).total_seconds()) <= 86_400)


@pytest.mark.parametrize("text", ["[]", "[" * 100_000, '{"id": "a", "label": "", "due": 1e300}', '{"due": NaN}', "7"])
def test_what_is_no_timer_is_put_aside(timers, folder, told, text):
    (folder / "bad.json").write_text(text)
    timers.start()
    wait_for(lambda: told)
    assert [path.name for path in folder.iterdir()] == ["bad.broken"]


def test_a_timer_that_repeats_fires_and_is_set_again(tmp_path):
    folder = tmp_path / "clock" / "timers"
    folder.mkdir(parents=True)
    due = time.time() - 1
    (folder / "ab.json").write_text(json.dumps({"id": "ab", "label": "tea", "due": due, "set": due, "repeat": "daily"}))
    told = []
    timers = Timers(tmp_path, told.append)
    timers.start()
    deadline = time.monotonic() + 20
    while not (told and timers.pending()) and time.monotonic() < deadline:
        time.sleep(0.02)
    timers.stop()
    assert [notice.text for notice in told] == ["Timer “tea” is up."]
    (again,) = timers.pending()
    assert (again.id, again.repeat) == ("ab", "daily")
    assert again.due == following(Timer("ab", "", due).wall, "daily", time.time()).timestamp()
    assert again.due > time.time()
