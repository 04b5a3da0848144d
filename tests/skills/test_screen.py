import contextlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from Xlib import display, error

from deskhand.agent.limits import Limits
from deskhand.agent.percept import ScreenPercept
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.tools.host import HostError, picture
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.app.host import AppHost, mark, phrases, voice
from deskhand.app.x11.connection import connected
from deskhand.app.x11.recipient import at
from deskhand.app.x11.windows import Windows
from deskhand.model.types import Image, ToolCall

ROOT = Path(__file__).parents[2] / "skills"
IMAGE = Image(bytes(range(240)) * 5, 20, 20)

PROGRAM = """
import sys
from PySide6.QtWidgets import QApplication, QLabel
app = QApplication(["door"])
label = QLabel("Emergency exit")
label.setStyleSheet("background: white; color: black; font-size: 36px; padding: 30px")
label.setGeometry(300, 250, 500, 200)
label.show()
while not label.windowHandle().isExposed():  # the X server has it on the screen
    app.processEvents()
app.processEvents()
print("shown", flush=True)
app.exec()
"""


@pytest.fixture
def desktop_text(x_display, monkeypatch):
    """A real screen on which another program shows two words."""
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", x_display)
    connection = display.Display()
    connection.screen().root.change_attributes(background_pixel=0xF0F0F0)
    connection.screen().root.clear_area(0, 0, 0, 0)
    connection.sync()
    connection.close()
    environment = {**os.environ, "QT_QPA_PLATFORM": "xcb"}
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, env=environment, text=True)
    assert process.stdout.readline() == "shown\n"
    time.sleep(1)
    yield
    process.kill()
    process.wait()
    process.stdout.close()


class Eyes:
    def __init__(self, problem=""):
        self.problem = problem

    def ask(self, asked):
        if self.problem:
            raise HostError(self.problem)
        return picture(ScreenPercept(IMAGE, left=100, source="screen 2 (X11)"))


def look(tmp_path, host):
    box = Toolbox(load_skills([(ROOT, "bundled")]), tmp_path, host)
    return box.run(ToolCall("c", "screen_look"), threading.Event(), Limits())


def test_the_picture_goes_to_the_model_and_its_source_is_told(tmp_path):
    result = look(tmp_path, Eyes())
    assert result.images == (IMAGE,)
    assert result.value == {"screenshot": "screen 2 (X11)"}


def test_no_display_is_one_sentence(tmp_path):
    result = look(tmp_path, Eyes("There is no display here: attach a picture instead."))
    assert result.error == "There is no display here: attach a picture instead."
    assert result.images == ()


def test_a_real_screen_is_seen(tmp_path, monkeypatch, x_display):
    monkeypatch.setenv("DISPLAY", x_display)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("XDG_SESSION_TYPE", "x11")
    result = look(tmp_path, AppHost(560))
    assert result.error == ""
    (image,) = result.images
    assert (image.width, image.height, image.budget) == (1280, 800, 560)
    assert result.value["screenshot"].startswith("Screen 1")


def test_a_screen_that_can_not_be_captured_is_one_sentence(tmp_path, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    result = look(tmp_path, AppHost(560))
    assert result.images == ()
    assert result.error


def marks():
    """Left, top, right and bottom of what is marked now; None if nothing is."""
    connection = display.Display()
    found = []
    with contextlib.suppress(error.XError):  # a mark that goes while it is looked at
        found = [w.get_geometry() for w in connection.screen().root.query_tree().children if _mark(w)]
    connection.close()
    if len(found) != 4:
        return None
    left, top = min(g.x for g in found), min(g.y for g in found)
    return left, top, max(g.x + g.width for g in found), max(g.y + g.height for g in found)


def test_what_is_found_stays_marked_until_the_answer_has_been_read(bundled, desktop_text, monkeypatch):
    """WINDOW.md 3: the mark was gone before “I marked it” appeared."""
    monkeypatch.setattr(mark, "AFTER", 0.2)
    host = AppHost(560)
    result = bundled(host)("screen_find", text="Emergency exit")
    assert result.error == ""
    assert result.value["marked"] is True
    left, top, right, bottom = marks()
    x, y = result.value["found"][0]["x"] * 1.28, result.value["found"][0]["y"] * 0.8
    assert left < x < right
    assert top < y < bottom
    host.answered()
    deadline = time.monotonic() + 20
    while marks() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert marks() is None


def test_a_mark_takes_no_click_and_goes_before_the_next_look(bundled, desktop_text):
    host = AppHost(560)
    bundled(host)("screen_find", text="Emergency exit")
    left, top, _, _ = marks()
    with connected() as connection:
        assert not at(Windows(connection), left + 1, top + 1).ours
    bundled(host)("screen_look")
    assert marks() is None


def _mark(window):
    try:
        return "deskhand" in (window.get_wm_class() or ())
    except error.XError:
        return False


def test_the_screen_is_read_aloud(bundled, desktop_text, microphone, monkeypatch):
    for name, value in microphone.items():
        monkeypatch.setenv(name, value)
    with phrases.listening() as heard:
        result = bundled(AppHost(560))("screen_read", aloud=True)
        spoken = heard.next(3) or (heard.last() or [None])[0]
    assert "emergency exit" in result.value["text"].lower()
    assert result.value["spoken"].startswith("the first ")
    assert spoken is not None
    assert spoken.seconds > 0.5


def test_without_a_voice_the_text_is_there_and_why_it_is_silent(bundled, desktop_text, monkeypatch, tmp_path):
    monkeypatch.setattr(voice.shutil, "which", lambda _name: None)
    result = bundled(AppHost(560))("screen_read", aloud=True)
    assert "emergency exit" in result.value["text"].lower()
    assert "apt-get install espeak-ng" in result.value["spoken"]


def test_stop_ends_the_voice(microphone, monkeypatch):
    for name, value in microphone.items():
        monkeypatch.setenv(name, value)
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    with pytest.raises(HostError, match="stopped"):
        voice.speak("one two three four five six seven eight nine ten " * 60, stop)
