"""Real pixels from a real X server, and words where there is none."""

import os
import subprocess
import sys

import numpy as np
import pytest

from deskhand.agent.safety.windows import strikes
from deskhand.app import capture
from deskhand.app.capture import CaptureError, own
from deskhand.app.capture.wayland import decode

WINDOW = """
import sys
from Xlib import X, display
connection = display.Display()
screen = connection.screen()
window = screen.root.create_window(
    200, 120, 300, 180, 0, screen.root_depth,
    background_pixel=0x3366CC, override_redirect=True, event_mask=X.ExposureMask)
window.map()
connection.sync()
while connection.next_event().type != X.Expose:
    pass
connection.sync()
print("shown", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def on_display(x_display, monkeypatch):
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", x_display)
    return x_display


@pytest.fixture
def blue_window(on_display):
    """Another process's window of one colour; left 200, top 120, 300×180."""
    process = subprocess.Popen(
        [sys.executable, "-c", WINDOW], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ.copy()
    )
    assert process.stdout.readline() == b"shown\n"
    yield
    process.communicate()


def pixel(percept, x, y):
    at = (y * percept.image.width + x) * 3
    return tuple(percept.image.pixels[at : at + 3])


def test_captures_another_process_window_exactly(blue_window):
    percept = capture.grab(budget=1120)

    assert (percept.image.width, percept.image.height, percept.image.budget) == (1280, 800, 1120)
    inside = [pixel(percept, x, y) for x, y in ((200, 120), (499, 120), (200, 299), (499, 299), (350, 200))]
    assert inside == [(0x33, 0x66, 0xCC)] * 5
    outside = [pixel(percept, x, y) for x, y in ((199, 120), (500, 120), (200, 119), (499, 300))]
    assert (0x33, 0x66, 0xCC) not in outside
    assert percept.scale == 1.0
    assert "X11" in percept.source


def test_lists_screens_and_captures_the_one_chosen(on_display):
    (screen,) = capture.screens()
    assert (screen.left, screen.top, screen.width, screen.height) == (0, 0, 1280, 800)
    assert capture.grab(screen).image.width == 1280
    works, words = capture.status()
    assert works
    assert "X11" in words


def test_without_a_display_a_sentence_says_what_to_do(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(CaptureError, match=r"no screen to capture.*picture file instead"):
        capture.grab()
    works, words = capture.status()
    assert not works
    assert "DISPLAY is not set" in words


def test_a_display_that_does_not_answer_is_no_display(monkeypatch):
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", ":987")
    with pytest.raises(CaptureError, match="no screen to capture"):
        capture.grab()


def test_x11_is_not_used_in_a_wayland_session(on_display, monkeypatch):
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-7")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/nonexistent")
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    with pytest.raises(CaptureError, match="Wayland session"):
        capture.grab()


def test_grim_is_used_on_wayland_where_it_is_let_in(monkeypatch, tmp_path):
    # A program of that name that answers as grim does; the compositor is what a test machine can't have.
    program = tmp_path / "grim"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.stdout.buffer.write(b'P6 2 1 255\\n' + bytes((255, 0, 0, 0, 0, 255)))\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-7")
    percept = capture.grab()
    assert percept.image.pixels == bytes((255, 0, 0, 0, 0, 255))
    assert "grim" in percept.source


def test_what_is_no_picture_is_refused():
    with pytest.raises(CaptureError, match="not a picture"):
        decode(b"nothing")


OURS = """
import sys
from PySide6.QtWidgets import QApplication, QWidget
from deskhand.app.desktop import application
application()
window = QWidget()
window.setStyleSheet("background: #ff0000")
window.setGeometry(100, 100, 400, 300)
window.show()
app = QApplication.instance()
from PySide6.QtCore import QTimer
QTimer.singleShot(300, lambda: print("shown", flush=True))
QTimer.singleShot(60_000, app.quit)
app.exec()
"""


@pytest.fixture
def our_window(on_display):
    """A window of another Deskhand, red; left 100, top 100, 400×300, below the blue one where that is shown later."""
    clean = {**os.environ, "QT_QPA_PLATFORM": "xcb"}
    process = subprocess.Popen([sys.executable, "-c", OURS], stdout=subprocess.PIPE, env=clean)
    assert process.stdout.readline() == b"shown\n"
    yield
    process.terminate()
    process.wait()
    process.stdout.close()


def test_no_pixel_of_our_own_windows_reaches_the_model(our_window):
    percept = capture.grab()
    pixels = np.frombuffer(percept.image.pixels, np.uint8).reshape(-1, 3)
    assert not (pixels == (255, 0, 0)).all(axis=1).any()
    assert pixel(percept, 300, 200) == (128, 128, 128)
    (area,) = own.areas()
    assert strikes(300, 200, [area])
    assert (area.width, area.height) == (400, 300)


def test_what_lies_on_our_window_stays_visible(our_window, blue_window):
    percept = capture.grab()
    assert pixel(percept, 350, 200) == (0x33, 0x66, 0xCC)
    assert pixel(percept, 199, 119) == (128, 128, 128)
    assert not strikes(350, 200, own.areas())


# python-xlib leaves the sockets open with which it did not reach a server.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_where_nobody_says_what_is_ours_nothing_is_captured(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":987")
    with pytest.raises(CaptureError, match="own windows"):
        own.areas()
