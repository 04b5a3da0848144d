"""Real pixels from a real X server, and words where there is none."""

import os
import subprocess
import sys

import numpy as np
import pytest
from Xlib import X

from deskhand.agent.safety.windows import strikes
from deskhand.app import capture, virtual
from deskhand.app.capture import CaptureError, own, visual
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
    assert "DISPLAY" in words


# python-xlib leaves the sockets open with which it did not reach a server.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_display_that_does_not_answer_is_no_display(monkeypatch):
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", ":987")
    with pytest.raises(CaptureError, match=r"^There is no screen to capture: the X server :987 does not answer"):
        capture.grab()
    assert capture.status()[1].startswith("There is no screen to capture: the X server :987 does not answer")


COLOURED = """
import sys
from Xlib import X, display
connection = display.Display()
screen = connection.screen()
given = [int(part) * 257 for part in sys.argv[1:4]]
colour = screen.default_colormap.alloc_color(*given)
left, top, wide, high = map(int, sys.argv[4:])
window = screen.root.create_window(
    left, top, wide, high, 0, screen.root_depth, background_pixel=colour.pixel, override_redirect=True,
    event_mask=X.ExposureMask)
window.map()
while connection.next_event().type != X.Expose:
    pass
connection.sync()
print(colour.red >> 8, colour.green >> 8, colour.blue >> 8, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("depth", "options", "near"),
    [
        (8, ["-cc", "0"], 0),
        (8, ["-cc", "1"], 0),
        (8, ["-cc", "2"], 0),
        (8, ["-cc", "3"], 0),
        (8, ["-cc", "4"], 0),
        (8, ["-cc", "5"], 0),
        (15, [], 8),
        (16, [], 8),
        (16, ["-cc", "5"], 8),
        (24, [], 0),
        (24, ["-cc", "5"], 0),
        (30, [], 0),
    ],
)
def test_colours_are_right_at_every_depth(monkeypatch, depth, options, near):
    """Report 17: at 8, 16 and 30 bits there was no picture, and the reason that was told was not true."""
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    wanted, place = (0x33, 0x66, 0xCC), (101, 50, 333, 177)
    with virtual.display(643, 401, depth, options) as name:
        monkeypatch.setenv("DISPLAY", name)
        command = [sys.executable, "-c", COLOURED, *map(str, (*wanted, *place))]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        # What the server made of the colour: a grey screen has no blue.
        given = tuple(int(part) for part in process.stdout.readline().split())
        (screen,) = capture.screens()
        percept = capture.grab(screen)
        works, words = capture.status()
        process.communicate()
    assert (works, words) == (True, "X11: 1 screen")
    assert (percept.image.width, percept.image.height) == (643, 401)
    assert depth == 8 or given == pytest.approx(wanted, abs=8)
    for x, y in ((101, 50), (433, 50), (101, 226), (433, 226), (250, 130)):
        assert pixel(percept, x, y) == pytest.approx(given, abs=max(1, near))
    for x, y in ((100, 50), (434, 50), (101, 49), (433, 227)):
        assert pixel(percept, x, y) == (0, 0, 0)


@pytest.mark.parametrize(
    ("kind", "masks", "value", "colour"),
    [
        (X.TrueColor, (0xF800, 0x7E0, 0x1F), b"\xf8\x00", (255, 0, 0)),
        (X.TrueColor, (0x1F, 0x7E0, 0xF800), b"\xf8\x00", (0, 0, 255)),
        (X.TrueColor, (0xF800, 0x7E0, 0x1F), b"\x07\xe0", (0, 255, 0)),
    ],
)
def test_pixels_of_either_byte_order_and_any_order_of_colours(kind, masks, value, colour):
    for big in (False, True):
        how = visual.Visual(kind, masks, 64, 16, 16, 32, big)
        assert not how.usual
        raw = np.frombuffer(value if big else value[::-1], np.dtype(">u2" if big else "<u2")).reshape(1, 1)
        assert tuple(visual._colours(raw, how, visual._tables(None, how))[0, 0]) == colour


def test_a_screen_whose_pixels_can_not_be_read_is_a_sentence(on_display, monkeypatch):
    odd = visual.Visual(X.StaticGray, (0, 0, 0), 16, 4, 4, 32, big=False)
    monkeypatch.setattr(visual, "visual", lambda _: odd)  # Xvfb has no such screen
    with pytest.raises(CaptureError, match=r"^The screen can't be captured: its colours have 4 bits.*24 bits\.$"):
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


HOLED = """
import sys
from Xlib import X, display
from Xlib.ext import shape
connection = display.Display()
root = connection.screen().root
for holes in ([(0, 0, 200, 400), (250, 0, 300, 400)], None):
    window = root.create_window(
        100, 100, 400, 300, 0, 0 if holes is None else connection.screen().root_depth,
        X.InputOnly if holes is None else X.InputOutput, override_redirect=True,
        **({} if holes is None else {"background_pixel": 0x3366CC}))
    if holes:
        window.shape_rectangles(shape.SO.Set, shape.SK.Bounding, X.Unsorted, 0, 0, holes)
    window.map()
connection.sync()
print("shown", flush=True)
sys.stdin.read()
"""


def test_our_window_is_painted_over_also_where_it_is_seen_through_another(our_window):
    """F6, for pixels: a window above ours that has a hole, or no pixels at all, hid ours from what paints over it."""
    process = subprocess.Popen([sys.executable, "-c", HOLED], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"shown\n"
    percept = capture.grab()
    process.communicate()
    pixels = np.frombuffer(percept.image.pixels, np.uint8).reshape(-1, 3)
    assert not (pixels == (255, 0, 0)).all(axis=1).any()
    assert pixel(percept, 325, 200) == (128, 128, 128)
    assert pixel(percept, 150, 200) == (0x33, 0x66, 0xCC)


# python-xlib leaves the sockets open with which it did not reach a server.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_where_nobody_says_what_is_ours_nothing_is_captured(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":987")
    with pytest.raises(CaptureError, match="own windows"):
        own.areas()
