"""The skill that lets things go on, over the application's own host; a real screen that a window changes."""

import subprocess
import sys
import time

import pytest
from Xlib import display

from deskhand.agent import background as module
from deskhand.agent.background import Background
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.task import Task
from deskhand.app.host import AppHost
from tests.skills.conftest import ROOT

WINDOW = """
import sys
from Xlib import X, display
d = display.Display()
s = d.screen()
w = s.root.create_window(100, 100, 400, 300, 0, s.root_depth, background_pixel=s.white_pixel, event_mask=X.ExposureMask)
w.map()
d.sync()
print("there", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def kept(tmp_path):
    made = Background(tmp_path / "data", lambda _event: None)
    yield made
    made.stop()


def test_what_is_begun_is_what_was_asked_for(bundled, kept):
    call = bundled(AppHost(70, background=kept))
    result = call("background_later", what="read my notes\nout", minutes=10)
    (task,) = result.begins
    assert (task.kind, task.what, task.id) == ("later", "read my notes out", result.value["id"])
    assert abs(task.due - time.time() - 600) < 60
    assert "needs Deskhand's window" in call("background_watch", what="x").error
    kept.begin(Task("t1", "later", "x", time.time() + 60))
    assert [entry["id"] for entry in call("background_list").value["tasks"]] == ["t1"]
    ended = call("background_end", task="t1").value
    assert (ended["ended"], ended["what"]) == ("t1", "x")
    assert ended["say"].startswith("Ended: “x”, at ")
    assert "Nothing can go on" in bundled(AppHost(70))("background_list").error


def test_what_goes_on_is_ended_by_what_people_call_it(bundled, kept):
    call = bundled(AppHost(70, background=kept))
    assert call("background_list").value["say"] == "Nothing goes on in the background."
    due = time.time() + 3600
    for name, what in (("t1", "read my notes out"), ("t2", "tell the news"), ("t3", "read the mail out")):
        kept.begin(Task(name, "later", what, due))
    assert call("background_list").value["say"].count("“") == 3
    error = call("background_end", task="read").error
    assert error.startswith("Several can be meant: “read my notes out”, at ")
    assert error.endswith("Ask which.")
    assert call("background_end", task="the one to tell the news").value["ended"] == "t2"
    assert call("background_end", task="cheese").error.startswith("Nothing that goes on is like “cheese”. There is: “")
    assert len(call("background_end", task="all of them").value["ended"]) == 2
    assert call("background_end", task="all").error == "Nothing goes on in the background."


def test_a_watch_asks_always_and_a_list_never():
    tools = {t.name: t for skill in load_skills([(ROOT, "bundled")]).skills for t in skill.tools}
    assert tools["background_list"].quiet
    assert not any(tools[f"background_{name}"].quiet for name in ("watch", "later", "end"))
    assert tools["background_watch"].scopes != ("screen",)  # so a shown screenshot does not allow it


def paint_black(name):
    """Paint the empty screen, which another test may have made as light as the window that opens here."""
    connection = display.Display(name)
    screen = connection.screen()
    screen.root.change_attributes(background_pixel=screen.black_pixel)
    screen.root.clear_area(0, 0, 0, 0)
    connection.sync()
    connection.close()


def test_a_window_that_opens_on_a_real_screen_wakes_a_watch(bundled, kept, x_display, monkeypatch):
    monkeypatch.setenv("DISPLAY", x_display)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    paint_black(x_display)
    monkeypatch.setattr(module, "TICK", 0.1)
    woken = []
    kept.start(woken.append)
    result = bundled(AppHost(70, background=kept))("background_watch", every=2)
    assert not result.error
    kept.begin(result.begins[0])
    watch = kept._watches[result.value["id"]]

    def wait_for(condition):
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    wait_for(lambda: watch.seen is not None)
    first = watch.next
    wait_for(lambda: watch.next > first)  # another look, at the same screen
    assert woken == []
    window = subprocess.Popen(
        [sys.executable, "-c", WINDOW], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    try:
        assert window.stdout.readline() == "there\n"
        wait_for(lambda: woken)
        assert woken[0].percept.live
        woken[0].settle("done")
        assert kept.all() == ()
    finally:
        window.communicate(timeout=30)
