"""The skill input, on a real X server against a real program's window, which says what reached it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from Xlib import XK, X, display
from Xlib.ext import xtest

from deskhand.app import capture
from deskhand.app.host import AppHost, pointer, typist
from deskhand.app.hotkey import StopKey
from deskhand.app.x11.windows import Windows

PROGRAM = """
import json, sys
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLineEdit, QPushButton, QWidget

class Room(QWidget):
    def wheelEvent(self, event):
        say("wheel", event.angleDelta().y())
    def mouseDoubleClickEvent(self, event):
        say("double", [event.position().x(), event.position().y()])
    def mousePressEvent(self, event):
        say("press", [event.button().name, event.position().x(), event.position().y()])
    def keyPressEvent(self, event):
        say("key", [event.key(), event.modifiers() == Qt.KeyboardModifier.ControlModifier])

def say(kind, value):
    print(json.dumps([kind, value]), flush=True)

app = QApplication([sys.argv[1]])
room = Room(None, Qt.WindowType.FramelessWindowHint)
room.setWindowTitle("Victim")
room.setGeometry(*map(int, sys.argv[2:6]))
button = QPushButton("Order pizza", room)
button.setGeometry(50, 50, 200, 60)
button.setStyleSheet("font-size: 24px")
button.clicked.connect(lambda: say("clicked", 1))
field = QLineEdit(room)
field.setGeometry(50, 150, 300, 40)
field.textChanged.connect(lambda text: say("text", text))
room.show()
room.setFocus()
while not room.windowHandle().isExposed():  # the X server has it on the screen
    app.processEvents()
app.processEvents()
say("shown", 1)
app.exec()
"""

TEXT = "Grüße, Łódź! (1€)日本 {~}"


class Program:
    """Another program with a window, and what it says."""

    def __init__(self, name, place):
        environment = {**os.environ, "QT_QPA_PLATFORM": "xcb"}
        command = [sys.executable, "-c", PROGRAM, name, *map(str, place)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
        self.said = []
        assert self.process.stdout.readline() == '["shown", 1]\n'
        self.thread = threading.Thread(target=self._listen)
        self.thread.start()
        time.sleep(1)  # until the X server has drawn it; there is no window manager to ask

    def _listen(self):
        for line in self.process.stdout:
            self.said.append(tuple(json.loads(line)))

    def wait(self, kind, count=1):
        deadline = time.monotonic() + 20
        while len(self.values(kind)) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.values(kind)

    def wait_text(self, text):
        deadline = time.monotonic() + 20
        while self.values("text")[-1:] != [text] and time.monotonic() < deadline:
            time.sleep(0.05)
        assert self.values("text")[-1] == text

    def values(self, kind):
        return [value for each, value in self.said if each == kind]

    def end(self):
        self.process.kill()
        self.process.wait()
        self.thread.join()
        self.process.stdout.close()


@pytest.fixture
def desktop(x_display, monkeypatch):
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", x_display)
    # The detector of text finds little on a screen that is black but for one word, which no desktop is.
    connection = display.Display()
    root = connection.screen().root
    root.change_attributes(background_pixel=0xF0F0F0)
    root.clear_area(0, 0, 0, 0)
    connection.sync()
    connection.close()


@pytest.fixture
def program(desktop):
    made = Program("victim", (300, 200, 500, 400))
    yield made
    made.end()


@pytest.fixture
def call(bundled):
    return bundled(AppHost(560))


@pytest.fixture
def stop_key(desktop):
    """As the window has it for as long as it is open; it must not be pressed by a mere Escape."""
    pressed = threading.Event()
    key = StopKey(pressed.set)
    yield
    key.close()
    assert not pressed.is_set()


def thousandths(x, y):
    return {"x": round(x / 1280 * 1000), "y": round(y / 800 * 1000)}


def test_a_click_lands_where_the_text_was_found(program, call):
    result = call("screen_find", text="Order pizza")
    assert result.error == ""
    found = result.value["found"][0]
    assert abs(found["x"] - 450 / 1.28) < 20
    assert abs(found["y"] - 280 / 0.8) < 20
    assert call("input_click", x=found["x"], y=found["y"]).error == ""
    assert program.wait("clicked") == [1]


def test_other_buttons_double_clicks_and_the_wheel(program, call):
    place = thousandths(700, 500)
    assert call("input_click", **place, button="right").value["clicked"] == {"x": 700, "y": 500}
    (pressed,) = program.wait("press")
    assert pressed == ["RightButton", 400.0, 300.0]
    call("input_click", **place, double=True)
    assert len(program.wait("double")) == 1
    call("input_scroll", **place, direction="down", turns=2)
    assert program.wait("wheel", 2) == [-120, -120]


def test_text_of_all_scripts_is_typed(program, call):
    call("input_click", **thousandths(500, 370))
    found = call("input_type", text=TEXT).value
    assert (found["typed"], found["into"]) == (len(TEXT), "Victim")
    program.wait_text(TEXT)


@pytest.fixture
def field(program, call):
    """The field of the other program has the keyboard, and every key means again what it meant before."""
    connection = display.Display()
    typist.Keyboard(connection).give_back()
    call("input_click", **thousandths(500, 370))
    yield program
    typist.Keyboard(connection).give_back()
    connection.close()


def test_a_program_that_is_behind_reads_what_was_typed(field, call):
    os.kill(field.process.pid, signal.SIGSTOP)  # as a program that is busy; it reads the keys once it can
    try:
        assert call("input_type", text=TEXT).value["typed"] == len(TEXT)
        assert call("input_type", text=" Ωμέγα").error == ""
    finally:
        os.kill(field.process.pid, signal.SIGCONT)
    field.wait_text(f"{TEXT} Ωμέγα")


def test_more_characters_than_free_keys_are_typed_in_parts(field, call, monkeypatch):
    monkeypatch.setattr(typist, "MOST_LENT", 3)
    monkeypatch.setattr(typist, "BEHIND", 1.0)
    changed = []
    lend = typist.Keyboard.lend

    def watched(keyboard, symbols, cancel):
        changed.append(len(symbols))
        return lend(keyboard, symbols, cancel)

    monkeypatch.setattr(typist.Keyboard, "lend", watched)
    assert call("input_type", text="Łódź 日本語 Łódź Ωμέ").error == ""
    field.wait_text("Łódź 日本語 Łódź Ωμέ")
    assert len(changed) > 2
    assert max(changed) <= 3


def test_keys_are_given_back_also_those_of_a_process_that_died(field, call, monkeypatch):
    connection = display.Display()
    before = [list(key) for key in connection.get_keyboard_mapping(8, 248)]
    call("input_type", text="日")  # its key stays for long; as if this process had died, nothing remembers it
    typist._returning.cancel()
    assert typist.Keyboard(connection).lent
    monkeypatch.setattr(typist, "KEPT", 0.05)
    call("input_type", text="本")
    deadline = time.monotonic() + 20
    while typist.Keyboard(connection).lent and time.monotonic() < deadline:
        time.sleep(0.02)
    assert typist.Keyboard(connection).lent == {}
    assert [list(key) for key in connection.get_keyboard_mapping(8, 248)] == before
    connection.close()


def test_a_combination_of_keys_arrives(program, call):
    call("input_click", **thousandths(700, 500))
    assert call("input_keys", combination="ctrl+s").error == ""
    assert [ord("S"), True] in program.wait("key", 2)
    assert call("input_keys", combination="hyper+nonsense").error == "There is no key named hyper."


def test_the_place_is_shown_first_and_escape_stops_it(program, call, stop_key, capfd, monkeypatch):
    monkeypatch.setattr(pointer, "SHOWN", 20.0)
    seen = []

    def watch():
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not seen:
            percept = capture.grab(budget=560)
            at = ((280 - 21) * percept.image.width + 450) * 3
            if tuple(percept.image.pixels[at : at + 3]) in {(0xE0, 0x24, 0x3A), (128, 128, 128)}:
                seen.append(True)
        connection = display.Display()
        escape = connection.keysym_to_keycode(XK.XK_Escape)
        xtest.fake_input(connection, X.KeyPress, escape)
        xtest.fake_input(connection, X.KeyRelease, escape)
        connection.sync()
        connection.close()

    thread = threading.Thread(target=watch)
    thread.start()
    result = call("input_click", **thousandths(450, 280))
    thread.join()
    assert seen
    assert result.error == "The person pressed Escape: nothing was done."
    assert program.values("clicked") == []
    assert capfd.readouterr() == ("", "")


def test_nothing_is_clicked_or_turned_while_another_has_escape(program, call, stop_key):
    other = display.Display()
    other.screen().root.grab_key(other.keysym_to_keycode(XK.XK_Escape), 0, False, X.GrabModeAsync, X.GrabModeAsync)
    other.sync()
    for tool in ("input_click", "input_scroll"):
        assert call(tool, **thousandths(450, 280)).error.startswith("Another program has the Escape key")
    found = call("screen_find", text="Order pizza")
    assert (found.error, found.value["marked"]) == ("", True)
    other.close()
    assert call("input_click", **thousandths(450, 280)).error == ""
    assert program.wait("clicked") == [1]
    assert program.values("wheel") == []


def test_our_own_windows_are_never_clicked_or_typed_into(program, call):
    ours = Program("deskhand", (300, 200, 300, 150))
    try:
        result = call("input_click", **thousandths(450, 280))
        assert result.error == "That place is on one of Deskhand's own windows, which skills can't click."
        assert ours.values("clicked") == []
        assert program.values("clicked") == []
        connection = display.Display()
        windows = Windows(connection)
        front = [each for each in windows.stacked() if windows.is_ours(each)]
        assert front
        connection.set_input_focus(front[0], X.RevertToParent, X.CurrentTime)
        connection.sync()
        assert call("input_type", text="yes").value["into"] == "Victim"
        connection.close()
        time.sleep(0.5)
        assert ours.values("key") == []
        assert ours.values("text") == []
    finally:
        ours.end()


def test_places_outside_and_no_display_are_sentences(desktop, call, monkeypatch):
    assert "from 0 to 1000" in call("input_click", x=1200, y=5).error
    monkeypatch.delenv("DISPLAY")
    assert "no X11 display here" in call("input_type", text="x").error
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert "under X11 only" in call("input_keys", combination="Enter").error


def test_stop_ends_a_mark(program, bundled):
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    assert "stopped" in bundled(AppHost(560), stop)("input_click", **thousandths(450, 280)).error
    assert program.values("clicked") == []
