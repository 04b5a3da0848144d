"""What goes on behind: real files, a real thread, a screen that the test draws."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace

import psutil
import pytest

from deskhand.agent import background as module
from deskhand.agent.background import MOST, Background
from deskhand.agent.events import Notice, TasksChanged
from deskhand.agent.origin import Origin
from deskhand.agent.percept import ScreenPercept
from deskhand.agent.task import Task, TaskError
from deskhand.model.types import Image

WHITE, BLACK = (ScreenPercept(Image(bytes([value]) * 3 * 64 * 64, 64, 64, 70), live=True) for value in (255, 0))


class Screen:
    """What a watch sees: whatever the test says."""

    def __init__(self):
        self.now, self.looks = WHITE, 0

    def __call__(self):
        self.looks += 1
        if isinstance(self.now, Exception):
            raise self.now
        return self.now


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "TICK", 0.02)


@pytest.fixture
def screen():
    return Screen()


@pytest.fixture
def told():
    return []


@pytest.fixture
def woken():
    return []


@pytest.fixture
def make(tmp_path, told, woken):
    made = []

    def one(*, start=True):
        background = Background(tmp_path, told.append)
        made.append(background)
        if start:
            background.start(woken.append)
        return background

    yield one
    for background in made:
        background.stop()


def watch(screen, what="", **other):
    given = {"due": time.time() + 60, "every": 0.02, "conversation": 7, **other}
    return Task(other.pop("id", "w1"), "watch", what, look=screen, **{k: v for k, v in given.items() if k != "id"})


def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def notices(told):
    return [event.text for event in told if isinstance(event, Notice)]


def test_a_watch_for_any_change_comes_back_with_the_picture_and_only_then(make, screen, woken):
    background = make()
    origins = (Origin("web", "example.org"),)
    background.begin(watch(screen, origins=origins))
    wait_for(lambda: screen.looks > 10)
    assert woken == []
    screen.now = BLACK
    wait_for(lambda: woken)
    (back,) = woken
    assert (back.percept, back.task.conversation, back.task.origins) == (BLACK, 7, origins)
    looks = screen.looks
    time.sleep(0.2)
    assert screen.looks == looks  # nobody looks while it is being dealt with
    back.settle("done")
    assert background.all() == ()
    assert back.cancel.is_set()


def test_a_watch_for_something_asks_at_once_and_then_whenever_the_screen_changed(make, screen, woken):
    background = make()
    background.begin(watch(screen, "it is black"))
    wait_for(lambda: len(woken) == 1)
    woken[0].settle("not yet")
    before = screen.looks
    wait_for(lambda: screen.looks > before + 10)
    assert len(woken) == 1
    screen.now = BLACK
    wait_for(lambda: len(woken) == 2)
    woken[1].settle("put off")  # nobody had time: it is not lost, though the screen stays as it is
    wait_for(lambda: len(woken) == 3)
    assert woken[2].percept == BLACK
    assert [task.id for task in background.all()] == ["w1"]


def test_a_watch_ends_by_itself_with_a_sentence(make, screen, told, woken, monkeypatch):
    background = make()
    background.begin(watch(screen, "nothing", due=time.time() + 3600))
    wait_for(lambda: woken)
    woken[0].settle("not yet")
    clock = time.time
    monkeypatch.setattr(module.time, "time", lambda: clock() + 7200)
    wait_for(lambda: len(notices(told)) == 1)
    monkeypatch.setattr(module, "MOST_ASKED", 1)
    background.begin(watch(Screen(), "a film", id="w2"))
    wait_for(lambda: len(woken) == 2)
    woken[1].settle("not yet")
    failing = Screen()
    failing.now = TaskError("There is no screen to capture.")
    background.begin(watch(failing, "blind", id="w3"))
    wait_for(lambda: len(notices(told)) == 3)
    assert background.all() == ()
    text = " ".join(notices(told))
    assert "“nothing” has ended: its time is up" in text
    assert "changed 1 times in vain" in text
    assert "“blind” has ended: There is no screen to capture." in text
    assert failing.looks == module.PATIENCE


def test_another_program_lists_a_watch_and_withdraws_it(make, screen, woken):
    background, other = make(), make(start=False)
    background.begin(watch(screen, "x"))
    wait_for(lambda: woken)
    assert [(task.id, task.what, task.conversation) for task in other.all()] == [("w1", "x", 7)]
    assert other.withdraw("w1").kind == "watch"
    wait_for(woken[0].cancel.is_set)  # its turn is stopped in the program that runs it
    assert background.all() == ()
    with pytest.raises(TaskError, match="no task named w1"):
        other.withdraw("w1")


def test_the_watch_of_a_killed_program_is_gone(make, tmp_path):
    background = make()
    folder = tmp_path / "deskhand" / "watches"
    folder.mkdir(parents=True)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    task = {"label": "x", "due": time.time() + 9, "every": 1, "conversation": 1, "origins": []}
    begun = psutil.Process().create_time()
    (folder / "a.json").write_text(json.dumps({"id": "a", **task, "process": [dead.pid, begun]}))
    (folder / "b.json").write_text(json.dumps({"id": "b", **task, "process": [os.getpid(), begun - 999]}))
    (folder / "c.json").write_text("{")
    assert background.all() == ()
    assert list(folder.iterdir()) == []


def test_later_comes_back_also_after_a_restart_with_its_conversation_and_its_taint(make, woken):
    first = make(start=False)  # it ends before the moment comes
    origins = (Origin("screen", "screen 1"),)
    first.begin(Task("l1", "later", "look again", time.time() + 0.5, conversation=3, origins=origins))
    first.stop()
    second = make(start=False)
    assert second.all()[0].conversation == 3
    time.sleep(0.6)
    second.start(woken.append)
    wait_for(lambda: woken)
    (back,) = woken
    assert (back.task.what, back.task.conversation, back.task.origins) == ("look again", 3, origins)
    assert back.late > 0
    second.stop()  # before it was dealt with
    third = make()
    wait_for(lambda: len(woken) == 2)
    woken[1].settle("done")
    third.stop()
    make()
    time.sleep(0.2)
    assert len(woken) == 2


def test_stop_withdraws_what_would_act_and_leaves_reminders(make, screen, woken, tmp_path):
    background = make()
    (tmp_path / "clock" / "timers").mkdir(parents=True)
    timer = {"id": "t", "label": "tea", "due": time.time() + 60, "set": 0}
    (tmp_path / "clock" / "timers" / "t.json").write_text(json.dumps(timer))
    background.begin(watch(screen, "x"))
    background.begin(Task("l1", "later", "a", time.time() + 60, conversation=1))
    background.begin(Task("l2", "later", "b", time.time() - 1, conversation=1))
    wait_for(lambda: len(woken) == 2)
    assert {task.id for task in background.all()} == {"w1", "l1", "t"}
    assert background.clear() == 3
    assert all(back.cancel.is_set() for back in woken)
    assert [task.kind for task in background.all()] == ["timer"]
    for back in woken:
        back.settle("done")
    assert background.withdraw("t").what == "tea"
    assert background.all() == ()


def test_one_that_waits_for_its_turn_can_be_withdrawn_by_name(make, woken):
    background = make()
    background.begin(Task("l1", "later", "a", time.time() - 1, conversation=1))
    wait_for(lambda: woken)
    assert background.withdraw("l1").id == "l1"
    assert woken[0].cancel.is_set()


def test_there_are_not_too_many_and_a_watch_needs_somebody_to_tell(make, screen):
    background = make()
    for number in range(MOST):
        background.begin(watch(screen, id=f"w{number}"))
    with pytest.raises(TaskError, match="withdraw one first"):
        background.begin(Task("l", "later", "x", time.time() + 60))
    silent = make(start=False)
    background.clear()
    with pytest.raises(TaskError, match="needs Deskhand's window"):
        silent.begin(watch(screen))
    silent.begin(Task("l", "later", "x", time.time() + 60))


def test_whoever_shows_the_list_hears_of_every_change(make, screen, told):
    background = make()
    background.begin(watch(screen))
    wait_for(lambda: any(isinstance(event, TasksChanged) and event.tasks for event in told))
    background.clear()
    wait_for(lambda: told and isinstance(told[-1], TasksChanged) and not told[-1].tasks)


def test_a_file_of_another_hand_is_tainted_and_belongs_to_nothing(make, woken, tmp_path):
    folder = tmp_path / "deskhand" / "timers"
    folder.mkdir(parents=True)
    (folder / "x.json").write_text(json.dumps({"id": "x", "label": "do it", "due": 1, "set": 0}))
    make()
    wait_for(lambda: woken)
    assert (woken[0].task.conversation, woken[0].task.origins) == (0, (Origin("file", "x"),))


def test_a_task_is_the_same_after_it_was_written(make, screen):
    background = make()
    task = watch(screen, "x", origins=(Origin("file", "a", "d"),))
    background.begin(task)
    assert background.all() == (replace(task, look=None),)


def test_a_timer_of_the_clock_is_told_at_once_and_then_comes_back(make, told, woken, tmp_path):
    folder = tmp_path / "clock" / "timers"
    folder.mkdir(parents=True)
    due = time.time() - 1
    (folder / "ab12.json").write_text(json.dumps({"id": "ab12", "label": "tea", "due": due, "set": due - 5}))
    make()
    wait_for(lambda: woken)
    assert notices(told) == ["Timer “tea” is up."]
    assert (woken[0].task.id, woken[0].task.kind, woken[0].task.what) == ("ab12", "timer", "Timer “tea” is up.")
    wait_for(lambda: not list(folder.iterdir()))
