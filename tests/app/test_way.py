"""A window of Deskhand's that covers everything, on a real X server: it makes way for a click, and gets none."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from deskhand.agent.safety.windows import Area
from deskhand.agent.tools.host import HostError
from deskhand.app import practice
from deskhand.app.host.way import Way
from deskhand.model.pocket.world import practice as drawing

HERE = Area(1, 1, 1, 1)

PROGRAM = """
import json, sys, threading
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QWidget
from deskhand.agent.tool import Tool
from deskhand.agent.tools.host import Asked, HostError
from deskhand.model.types import ToolCall
from deskhand.app import capture
from deskhand.app.host import AppHost
from deskhand.app.host import way
from deskhand.app.host.gui import Gui

way.GONE = 1.5  # a busy machine needs longer to draw what was below

class Cover(QWidget):
    def mousePressEvent(self, event):
        print(json.dumps({"covered": "was clicked"}), flush=True)

app = QApplication(["deskhand"])
app.setQuitOnLastWindowClosed(False)
cover = Cover(None, Qt.WindowType.FramelessWindowHint)
cover.setGeometry(0, 0, 1280, 800)
cover.show()
own_thread = Gui()
gui = own_thread if "way" in sys.argv else None
x, y = map(int, sys.argv[1:3])

def work():
    host = AppHost(70, (), (), gui)
    (screen,) = capture.clients()
    host.saw([capture.grab(screen, budget=70)])
    stop = threading.Event()
    seen = host.ask(Asked("look", {}, "screen_look", "screen", ("screen",), stop, "c0")).images[0].pixels
    looked = len({seen[at : at + 3] for at in range(0, len(seen), 3)})
    tool = Tool("input_click", "input", "", {}, ("input",), bundled=True)
    aim = host.sight.aim(tool, ToolCall("c1", tool.name, {"x": x, "y": y}), stop)
    # Asked in the window's thread, as the question to the person is: behind what brings the window back.
    told = {"note": aim.note, "colours": 0, "looked": looked, "visible": own_thread.call(cover.isVisible, stop)}
    if aim.image is not None:
        pixels = aim.image.pixels
        told["colours"] = len({pixels[at : at + 3] for at in range(0, len(pixels), 3)})
    try:
        host.ask(Asked("click", {"x": x, "y": y}, "input_click", "input", ("input",), stop, "c1"))
        told["error"] = ""
    except HostError as error:
        told["error"] = str(error)
    def end():
        told["back"] = cover.isVisible()
        print(json.dumps(told), flush=True)
        app.quit()
    own_thread.post(end)

QTimer.singleShot(600, lambda: threading.Thread(target=work).start())
app.exec()
"""


@pytest.fixture
def below(x_display, monkeypatch, tmp_path):
    """A practice window, and the place of the middle of its first button."""
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", x_display)
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
    drawing.write(tmp_path, 1)
    process = practice.start(tmp_path)
    process.stdout.readline()
    (dialog,) = json.loads(Path(tmp_path, "windows.json").read_text())
    left, top, right, bottom = dialog["buttons"][0]["box"]
    place = [str(round(500 * (a + b) / size)) for a, b, size in ((left, right, 480), (top, bottom, 336))]
    yield process, dialog["buttons"][0]["label"], place
    process.terminate()
    process.communicate()


def run(*arguments):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_it_goes_away_for_the_picture_and_the_click_and_comes_back(below):
    process, label, place = below
    (told,) = run(*place, "way")
    assert told["note"] == told["error"] == ""
    assert told["looked"] > 10, "so does a look (WINDOW.md 1: our window was painted over the button)"
    assert told["colours"] > 10, "the approval shows what is below, not grey"
    assert told["visible"], "back before the person is asked"
    assert told["back"]
    assert json.loads(process.stdout.readline())["pressed"] == label


def test_where_it_can_not_make_way_the_person_is_told_so_before_and_nothing_is_clicked(below):
    _, _, place = below
    (told,) = run(*place)
    assert told["note"].startswith("A window of Deskhand's covers this place")
    assert told["error"] == "That place is on one of Deskhand's own windows, which skills can't click."


def test_one_place_at_a_time_and_stop_ends_the_waiting(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    way, stop = Way(), threading.Event()
    stop.set()
    with way.clear(HERE, threading.Event()), pytest.raises(HostError, match="stopped"), way.clear(HERE, stop):
        raise AssertionError
    with way.clear(HERE, stop):
        pass


FIELD = """
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QLineEdit, QPushButton, QVBoxLayout, QWidget
from deskhand.app.host.way import leave
from deskhand.app.window.sheet import DeleteSheet
from deskhand.app.window.theme import Theme

app = QApplication(["deskhand"])
app.setQuitOnLastWindowClosed(False)
window = QWidget()
column = QVBoxLayout(window)
column.addWidget(QPushButton("New conversation"))
field = QLineEdit()
column.addWidget(field)
window.setGeometry(100, 100, 600, 400)
window.show()
field.setFocus()

def until(true, then):
    if true():
        then()
    else:
        QTimer.singleShot(50, lambda: until(true, then))

def gone(then):
    back = leave(window)
    QTimer.singleShot(500, lambda: (back(False), then()))

def question():
    sheet = DeleteSheet(window, Theme(app), "a question, asked before the window manager has brought the window back")
    sheet.present()
    until(lambda: sheet.isAncestorOf(app.focusWidget() or field), lambda: (sheet.reject(), gone(end)))

def end():
    until(app.focusWidget, told)

def told():
    print(type(app.focusWidget()).__name__, flush=True)
    app.quit()

until(window.isActiveWindow, lambda: gone(question))
app.exec()
"""


def test_the_keyboard_is_in_the_message_after_a_question_and_a_click(managed_display, monkeypatch):
    """WINDOW.md 3: after a click it was on “New conversation”, and a space would have begun one."""
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", managed_display)
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
    done = subprocess.run([sys.executable, "-c", FIELD], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "QLineEdit\n"
