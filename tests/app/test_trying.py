"""The practice window as Deskhand's opens it: where it can be seen, in front when asked again, or with a sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from PySide6.QtCore import QRect, QSize
from PySide6.QtWidgets import QWidget

from deskhand.app.trying import Trying, beside

PROGRAM = """
import json, sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QWidget
from deskhand.agent.safety.windows import Area
from deskhand.app import capture
from deskhand.app.capture import own
from deskhand.app.trying import Trying

app = QApplication(["deskhand"])
window = QWidget()
window.setGeometry(*map(int, sys.argv[1:5]))
window.show()
trying = Trying(window)

def seen():
    found = capture.clients()
    if not found:
        return None
    area = Area(found[0].left, found[0].top, found[0].width, found[0].height)
    cut = [each.cut(area) for each in own.areas()]
    return [len(found), not any(each.width > 0 and each.height > 0 for each in cut), area.left, area.top]

def until(true, then):
    if true():
        then()
    else:
        QTimer.singleShot(100, lambda: until(true, then))

def covered():
    window.setGeometry(0, 0, 1280, 800)
    window.raise_()
    until(lambda: seen() and not seen()[1], again)

def again():
    trying.open()
    until(lambda: seen()[1], end)

def end():
    told.append(seen())
    trying.close()
    trying.close()
    until(lambda: not capture.clients(), lambda: (print(json.dumps(told)), app.quit()))

told = []
QTimer.singleShot(300, trying.open)
until(seen, lambda: QTimer.singleShot(500, lambda: (told.append(seen()), covered())))
app.exec()
"""


@pytest.mark.parametrize(("window", "at"), [((520, 20, 740, 760), (28, 20)), ((120, 20, 1040, 760), (0, 0))])
def test_it_is_seen_when_it_opens_and_again_when_it_was_covered(x_display, window, at):
    environment = {**os.environ, "DISPLAY": x_display, "QT_QPA_PLATFORM": "xcb"}
    environment.pop("WAYLAND_DISPLAY", None)
    command = [sys.executable, "-c", PROGRAM, *map(str, window)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [[1, True, *at], [1, True, *at]]


SCREEN = QRect(0, 30, 1920, 1050)


@pytest.mark.parametrize(
    ("ours", "at"),
    [
        (QRect(600, 100, 1040, 760), (108, 100)),
        (QRect(100, 100, 1040, 760), (1152, 100)),
        (QRect(600, 900, 1040, 180), (108, 744)),
        (QRect(300, 500, 1400, 560), (300, 152)),
        (QRect(100, 30, 1500, 600), (100, 642)),
        (QRect(200, 100, 1500, 900), (1440, 30)),
        (QRect(0, 30, 1920, 1050), (0, 30)),
    ],
    ids=["left", "right", "left, low", "above", "below", "least covered", "everything covered"],
)
def test_it_stands_beside_where_there_is_room(ours, at):
    assert beside(ours, SCREEN, QSize(480, 336)).toTuple() == at


def test_what_keeps_it_from_opening_is_said(qtbot, tmp_path, monkeypatch):
    window = QWidget()
    qtbot.addWidget(window)
    trying = Trying(window, tmp_path / "gone")
    with qtbot.waitSignal(trying.failed, timeout=20_000) as failed:
        trying.open()
    assert failed.args[0].startswith("The practice window can't be opened:")
    assert "gone" in failed.args[0]
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    with qtbot.waitSignal(trying.failed, timeout=20_000) as failed:
        trying.open()
    assert failed.args[0].startswith("The practice window can't be opened:")
