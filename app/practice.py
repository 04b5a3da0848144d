"""A window to try Pocket on, as a program of its own: dialogs that it has never seen, with buttons that can be pressed.

What is shown and what is pressed is printed, a JSON object a line; after a press the next dialog comes. It ends when
its input does, so that it never outlives who opened it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from PIL import Image as Picture
from PySide6.QtCore import QRect, QSocketNotifier, QTimer
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QApplication, QWidget

from deskhand.app.settings import POCKET

FOLDER = POCKET / "practice"

_PRESSED_MS = 1200
"""How long a pressed button is shown so, before the next dialog comes."""


class PracticeWindow(QWidget):
    """Shows one dialog after another, each pixel as it was drawn.

    Args:
        folder: of the pictures and ``windows.json``.
        first: the picture of the dialog to begin with; else the first of the list.
    """

    def __init__(self, folder: Path = FOLDER, first: str = "") -> None:
        super().__init__()
        self.setWindowTitle("Practice window")
        self._folder = folder
        self._dialogs = cast("list[dict[str, Any]]", json.loads((folder / "windows.json").read_text("utf-8")))
        self._at = next((at for at, each in enumerate(self._dialogs) if each["file"] == first), 0) - 1
        self._pixmap = QPixmap()
        self._pressed: QRect | None = None
        self._told = False
        self.turn()

    @property
    def dialog(self) -> dict[str, Any]:
        """What is shown: ``title``, ``message``, ``buttons``."""
        return self._dialogs[self._at]

    def turn(self) -> None:
        """Go on to the next dialog."""
        self._at = (self._at + 1) % len(self._dialogs)
        self._pressed = None
        self._pixmap = QPixmap(str(self._folder / self.dialog["file"]))
        self._pixmap.setDevicePixelRatio(self.devicePixelRatioF())
        self.setFixedSize(self._pixmap.deviceIndependentSize().toSize())
        words = [self.dialog["title"], *self.dialog["message"], *(each["label"] for each in self.dialog["buttons"])]
        self.setAccessibleName(", ".join(words))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw the dialog, and the button that was pressed in opposite colours; say once that it is on the screen."""
        del event
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._pixmap)
        if self._pressed is not None:
            painter.setCompositionMode(QPainter.CompositionMode.RasterOp_NotDestination)
            painter.fillRect(self._pressed, painter.pen().color())
        if not self._told:
            self._told = True
            labels = [button["label"] for button in self.dialog["buttons"]]
            QTimer.singleShot(0, self, lambda: _say(shown=self.dialog["file"], buttons=labels))

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Press the button below the pointer."""
        scale = self.devicePixelRatioF()
        x, y = event.position().x() * scale, event.position().y() * scale
        for button in self.dialog["buttons"]:
            left, top, right, bottom = button["box"]
            if self._pressed is None and _within(button["box"], x, y):
                self._pressed = QRect(*(round(each / scale) for each in (left, top, right - left, bottom - top)))
                self.update()
                _say(pressed=button["label"], file=self.dialog["file"])
                QTimer.singleShot(_PRESSED_MS, self, self.turn)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Any key goes on."""
        del event
        self.turn()


def _say(**what: object) -> None:
    print(json.dumps(what), flush=True)


def pressed_at(file: str, place: Mapping[str, Any], folder: Path = FOLDER) -> str:
    """The button of a dialog that a call would press; empty if there is none.

    Args:
        file: the dialog's picture, as it was told.
        place: ``x`` and ``y``, thousandths of its picture.
        folder: of the pictures and ``windows.json``.
    """
    dialogs = cast("list[dict[str, Any]]", json.loads((folder / "windows.json").read_text("utf-8")))
    dialog = next((each for each in dialogs if each["file"] == file), None)
    if dialog is None or not {"x", "y"} <= set(place):
        return ""
    with Picture.open(folder / file) as picture:
        x, y = (round(place[axis] * size / 1000) for axis, size in zip("xy", picture.size, strict=True))
    return next((str(each["label"]) for each in dialog["buttons"] if _within(each["box"], x, y)), "")


def _within(box: Sequence[float], x: float, y: float) -> bool:
    left, top, right, bottom = box
    return left <= x < right and top <= y < bottom


def start(folder: Path = FOLDER, first: str = "", output: int = subprocess.PIPE) -> subprocess.Popen[str]:
    """Open one in a process of its own, which is no window of ours: it can be seen and clicked. The caller ends it.

    Args:
        folder: of the pictures and ``windows.json``.
        first: the picture of the dialog to begin with.
        output: where it tells what is shown and pressed; a pipe has to be read.
    """
    command = [sys.executable, "-m", "deskhand.app.practice", str(folder), first]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, text=True)


class Opened:
    """The practice window of an application: at most one."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def open(self) -> None:
        """Open it, if it is not open."""
        if self._process is None or self._process.poll() is not None:
            self._process = start(output=subprocess.DEVNULL)

    def close(self) -> None:
        """Close it. Safe to call twice."""
        if self._process is not None:
            self._process.terminate()
            self._process.communicate()
            self._process = None


def main() -> int:
    """Show it until it is closed."""
    application = QApplication(["practice-window"])
    application.setApplicationName("practice-window")
    folder, first = sys.argv[1:] or (str(FOLDER), "")
    window = PracticeWindow(Path(folder), first)
    window.move(80, 120)
    window.show()
    ends = QSocketNotifier(sys.stdin.fileno(), QSocketNotifier.Type.Read)
    ends.activated.connect(application.quit)
    return application.exec()


if __name__ == "__main__":
    sys.exit(main())
