"""The practice window: another program's, captured to the pixel, pressed where the model says, or by keyboard."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest

from deskhand.agent.tools.host import Asked
from deskhand.app import capture, practice
from deskhand.app.host import AppHost
from deskhand.model.pocket.spec import HEIGHT, WIDTH
from deskhand.model.pocket.world import practice as drawing


@pytest.fixture(scope="session")
def dialogs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("practice")
    drawing.write(folder, 3)
    return folder


@pytest.fixture
def window(qtbot, dialogs):
    made = practice.PracticeWindow(dialogs)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    return made


def drawn(window, dialogs) -> bool:
    """Whether it shows the pixels of its dialog and nothing else."""
    wanted = np.asarray(Picture.open(dialogs / window.dialog["file"]).convert("RGB"))
    image = window.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    seen = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return np.array_equal(seen[:, : 3 * image.width()].reshape(wanted.shape), wanted)


def test_a_button_that_is_clicked_is_told_and_the_next_dialog_comes(qtbot, capsys, window):
    told = []

    def tells(count):
        told.extend(json.loads(line) for line in capsys.readouterr().out.splitlines())
        return len(told) == count

    qtbot.waitUntil(lambda: tells(1))
    first = window.dialog
    QTest.mouseClick(window, Qt.MouseButton.LeftButton)
    for spot in window.spots[1], window.spots[0]:  # the second while the first is still shown pressed
        QTest.mouseClick(spot, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.dialog != first)
    assert tells(2)
    labels = [button["label"] for button in first["buttons"]]
    assert told == [{"shown": "01.png", "buttons": labels}, {"pressed": labels[1], "file": "01.png"}]


def test_its_buttons_are_reached_and_pressed_with_the_keyboard(qtbot, capsys, dialogs, window):
    labels = [button["label"] for button in window.dialog["buttons"]]
    assert [spot.accessibleName() for spot in window.spots] == labels
    assert drawn(window, dialogs)
    for at, key in ((0, Qt.Key.Key_Return), (1, Qt.Key.Key_Space)):
        window.setFocus()
        for _ in range(at + 1):
            QTest.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
        assert window.focusWidget() is window.spots[at]
        assert not drawn(window, dialogs), "the focus is framed"
        pressed = window.spots[at].text()
        QTest.keyClick(window.spots[at], key)
        assert json.loads(capsys.readouterr().out.splitlines()[-1])["pressed"] == pressed
        before = window.dialog
        qtbot.waitUntil(lambda before=before: window.dialog != before)
        assert drawn(window, dialogs)
    window.spots[0].setFocus(Qt.FocusReason.ActiveWindowFocusReason)
    assert drawn(window, dialogs), "a focus that no key brought shows nothing"


def test_only_keys_that_turn_pages_turn_the_page(window):
    def shown(key, modifier=Qt.KeyboardModifier.NoModifier):
        QTest.keyClick(window.focusWidget() or window, key, modifier)
        return window.dialog["file"]

    for key in (Qt.Key.Key_Alt, Qt.Key.Key_Control, Qt.Key.Key_Shift, Qt.Key.Key_A, Qt.Key.Key_F5):
        assert shown(key) == "01.png"
    assert shown(Qt.Key.Key_Space, Qt.KeyboardModifier.ControlModifier) == "01.png"
    files = [shown(key) for key in (Qt.Key.Key_Space, Qt.Key.Key_Right, Qt.Key.Key_PageDown, Qt.Key.Key_Left)]
    assert files == ["02.png", "03.png", "01.png", "03.png"]
    QTest.keyClick(window, Qt.Key.Key_Tab)
    assert shown(Qt.Key.Key_Right) == "01.png", "from a button, too"
    assert window.isVisible()


@pytest.mark.parametrize(
    "keys", [(Qt.Key.Key_Escape, Qt.KeyboardModifier.NoModifier), (Qt.Key.Key_W, Qt.KeyboardModifier.ControlModifier)]
)
def test_escape_and_ctrl_w_close_it(qtbot, window, keys):
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    QTest.keyClick(window.windowHandle(), *keys)
    assert not window.isVisible()


@pytest.mark.parametrize("broken", ["folder", "picture", "text", "list"])
def test_what_is_missing_is_said_in_a_sentence(qapp, tmp_path, dialogs, broken):
    folder = tmp_path / "practice"
    if broken != "folder":
        shutil.copytree(dialogs, folder)
    if broken == "picture":
        (folder / "02.png").unlink()
    if broken in {"text", "list"}:
        (folder / "windows.json").write_text({"text": "{", "list": '[{"file": "01.png"}]'}[broken])
    with pytest.raises(
        practice.PracticeError, match=r"can't be opened: .* is missing or can't be read\. Please install"
    ):
        practice.PracticeWindow(folder)


def test_a_place_is_in_the_button_of_the_dialog_that_was_told(dialogs):
    assert (WIDTH, HEIGHT) == practice.SIZE
    for dialog in json.loads((dialogs / "windows.json").read_text()):
        for button in dialog["buttons"]:
            left, top, right, bottom = button["box"]
            middle = {"x": 500 * (left + right) / WIDTH, "y": 500 * (top + bottom) / HEIGHT}
            assert practice.pressed_at(dialog["file"], middle, dialogs) == button["label"]
            beside = {"x": middle["x"], "y": 1000 * (top - 2) / HEIGHT}
            assert practice.pressed_at(dialog["file"], beside, dialogs) == ""
    assert practice.pressed_at("01.png", {"text": "x"}, dialogs) == practice.pressed_at("no.png", middle, dialogs) == ""


@pytest.fixture
def shown(x_display, monkeypatch, dialogs):
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", x_display)
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
    process = practice.start(dialogs, "02.png")
    assert json.loads(process.stdout.readline())["shown"] == "02.png"
    yield process
    if process.poll() is None:
        process.terminate()
        process.communicate()


def test_a_small_budget_captures_the_window_in_front_as_it_was_drawn(shown, dialogs):
    seen = capture.grab(budget=70)
    assert (seen.image.width, seen.image.height) == (WIDTH, HEIGHT)
    drawn = np.asarray(Picture.open(dialogs / "02.png").convert("RGB"))
    assert np.array_equal(np.frombuffer(seen.image.pixels, np.uint8).reshape(drawn.shape), drawn)
    assert capture.grab(budget=560).image.width == 1280
    assert [each.name for each in capture.clients()] == ["Practice window"]


def test_a_click_lands_where_it_was_meant_in_the_window_that_was_attached(shown, dialogs):
    host = AppHost(70)
    host.saw([capture.grab(budget=70)])
    button = json.loads((dialogs / "windows.json").read_text())[1]["buttons"][0]
    left, top, right, bottom = button["box"]
    x, y = round(500 * (left + right) / WIDTH), round(500 * (top + bottom) / HEIGHT)
    host.ask(Asked("click", {"x": x, "y": y}, "input_click", "input", ("input",), threading.Event()))
    assert json.loads(shown.stdout.readline())["pressed"] == button["label"]


def test_it_ends_with_whoever_opened_it(shown):
    output, _ = shown.communicate(timeout=60)  # closes its input and waits
    assert (output, shown.returncode) == ("", 0)


def test_no_display_has_no_windows(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    assert capture.clients() == []
    assert "DISPLAY" not in os.environ
