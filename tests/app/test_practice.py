"""The practice window: another program's, captured to the pixel, pressed where the model says."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture
from PySide6.QtCore import QPoint, Qt
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


def test_a_button_that_is_clicked_is_told_and_the_next_dialog_comes(qtbot, capsys, dialogs):
    window = practice.PracticeWindow(dialogs)
    qtbot.addWidget(window)
    window.show()
    told = []

    def tells(count):
        told.extend(json.loads(line) for line in capsys.readouterr().out.splitlines())
        return len(told) == count

    qtbot.waitUntil(lambda: tells(1))
    first = window.dialog
    left, top, right, bottom = first["buttons"][1]["box"]
    QTest.mouseClick(window, Qt.MouseButton.LeftButton, pos=QPoint(2, HEIGHT - 2))
    QTest.mouseClick(window, Qt.MouseButton.LeftButton, pos=QPoint((left + right) // 2, (top + bottom) // 2))
    qtbot.waitUntil(lambda: window.dialog != first)
    assert tells(2)
    labels = [button["label"] for button in first["buttons"]]
    assert told == [{"shown": "01.png", "buttons": labels}, {"pressed": labels[1], "file": "01.png"}]


def test_a_place_is_in_the_button_of_the_dialog_that_was_told(dialogs):
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
    output, _ = shown.communicate(timeout=10)  # closes its input and waits
    assert (output, shown.returncode) == ("", 0)


def test_no_display_has_no_windows(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    assert capture.clients() == []
    assert "DISPLAY" not in os.environ
