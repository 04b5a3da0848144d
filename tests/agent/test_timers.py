import json
import os
import subprocess
import sys
import threading
import time
from datetime import datetime

import pytest

from deskhand.agent.timers import Timers, following


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
    assert told[0].text.startswith("Missed while Deskhand was not running: “call” was up at ")
    assert "Your timer was up at 20" in told[1].text


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
from deskhand.agent.timers import Timers, following
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
    def seconds(text):
        return datetime.fromisoformat(text).timestamp()

    assert following(seconds(first), repeat, seconds(now)) == seconds(then)


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
    assert again.due == following(due, "daily", time.time())
    assert again.due > time.time()
