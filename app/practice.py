"""A window to try Pocket on, as a program of its own: dialogs in layouts new to it, with buttons that can be pressed.

What is shown and what is pressed is printed, a JSON object a line; after a press the next dialog comes. It comes to the
front when it is told to, and ends when its input does, so that it never outlives who opened it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from PIL import Image as Picture
from PySide6.QtCore import QPoint, QRect, QSocketNotifier, Qt, QTimer
from PySide6.QtGui import QFocusEvent, QKeyEvent, QKeySequence, QPainter, QPaintEvent, QPen, QPixmap, QShortcut
from PySide6.QtWidgets import QApplication, QPushButton, QWidget

from deskhand.app.settings import POCKET

FOLDER = POCKET / "practice"

SIZE = (480, 336)
"""Pixels across and down of every dialog: what Pocket sees without resizing."""

FRONT = b"front\n"
"""What it is told to come to the front."""

BROKEN = 3
"""The exit code with which a sentence goes to standard error."""

_PRESSED_MS = 1200
"""How long a pressed button is shown so, before the next dialog comes."""

_ON = {Qt.Key.Key_Space, Qt.Key.Key_Right, Qt.Key.Key_PageDown}
_BACK = {Qt.Key.Key_Left, Qt.Key.Key_PageUp}
_BY_KEY = {Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason, Qt.FocusReason.ShortcutFocusReason}


class PracticeError(Exception):
    """The dialogs can't be shown; the message is a sentence for the person."""


class Spot(QPushButton):
    """A drawn button made real: for mouse, keyboard and screen readers, and nothing to be seen of it.

    Only a focus that came by the keyboard is framed, so that the model sees each pixel as it was drawn.
    """

    def __init__(self, label: str, place: QRect, parent: QWidget) -> None:
        super().__init__(label, parent)
        self.setAccessibleName(label)
        self.setGeometry(place)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._framed = False

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        """Remember how the focus came."""
        self._framed = event.reason() in _BY_KEY
        super().focusInEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Enter and space press it; the arrows, which move the focus between buttons elsewhere, turn the page."""
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.click()
        elif event.key() in (_ON | _BACK) - {Qt.Key.Key_Space}:
            event.ignore()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw the frame of the focus, and nothing else."""
        del event
        if self.hasFocus() and self._framed:
            painter = QPainter(self)
            for colour, dashes in ((Qt.GlobalColor.white, []), (Qt.GlobalColor.black, [2, 2])):
                pen = QPen(colour, 2)
                pen.setDashPattern(dashes) if dashes else None
                painter.setPen(pen)
                painter.drawRect(self.rect().adjusted(2, 2, -2, -2))


class PracticeWindow(QWidget):
    """Shows one dialog after another, each pixel as it was drawn.

    Args:
        folder: of the pictures and ``windows.json``.
        first: the picture of the dialog to begin with; else the first of the list.

    Raises:
        PracticeError: they are missing or can't be read.
    """

    def __init__(self, folder: Path = FOLDER, first: str = "") -> None:
        super().__init__()
        self.setWindowTitle("Practice window")
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._dialogs = _listed(folder)
        self._pixmaps = [_loaded(folder / str(each["file"])) for each in self._dialogs]
        self._at = next((at for at, each in enumerate(self._dialogs) if each["file"] == first), 0)
        self._spots: list[Spot] = []
        self._pressed: QRect | None = None
        self._told = False
        self._next = QTimer(self, singleShot=True, interval=_PRESSED_MS)
        self._next.timeout.connect(self.turn)
        QShortcut(QKeySequence("Ctrl+W"), self).activated.connect(self.close)
        self.turn(0)

    @property
    def dialog(self) -> dict[str, Any]:
        """What is shown: ``title``, ``message``, ``buttons``."""
        return self._dialogs[self._at]

    @property
    def spots(self) -> Sequence[Spot]:
        """The buttons of the dialog, as it lists them."""
        return self._spots

    def turn(self, by: int = 1) -> None:
        """Go on to the next dialog, or ``by`` how many."""
        self._next.stop()
        self._at = (self._at + by) % len(self._dialogs)
        self._pressed = None
        pixmap = self._pixmaps[self._at]
        pixmap.setDevicePixelRatio(self.devicePixelRatioF())
        self.setFixedSize(pixmap.deviceIndependentSize().toSize())
        words = [self.dialog["title"], *self.dialog["message"], *(each["label"] for each in self.dialog["buttons"])]
        self.setAccessibleName(", ".join(words))
        self._make_spots()
        self.update()

    def _make_spots(self) -> None:
        for spot in self._spots:
            spot.hide()
            spot.deleteLater()
        self._spots = []
        scale = self.devicePixelRatioF()
        for button in self.dialog["buttons"]:
            left, top, right, bottom = button["box"]
            place = QRect(*(round(each / scale) for each in (left, top, right - left, bottom - top)))
            spot = Spot(button["label"], place, self)
            spot.clicked.connect(lambda _=False, place=place, label=button["label"]: self._press(place, label))
            spot.show()
            self._spots.append(spot)
        self.setFocus()

    def _press(self, place: QRect, label: str) -> None:
        if self._pressed is None:
            self._pressed = place
            self.update()
            _say(pressed=label, file=self.dialog["file"])
            self._next.start()

    def front(self) -> None:
        """Come before all other windows."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw the dialog, and the button that was pressed in opposite colours; say once that it is on the screen."""
        del event
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._pixmaps[self._at])
        if self._pressed is not None:
            painter.setCompositionMode(QPainter.CompositionMode.RasterOp_NotDestination)
            painter.fillRect(self._pressed, painter.pen().color())
        if not self._told:
            self._told = True
            labels = [button["label"] for button in self.dialog["buttons"]]
            QTimer.singleShot(0, self, lambda: _say(shown=self.dialog["file"], buttons=labels))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Space, right and page down go on, left and page up back, Esc closes; every other key is not ours."""
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if plain and event.key() in _ON:
            self.turn()
        elif plain and event.key() in _BACK:
            self.turn(-1)
        elif plain and event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)


def _say(**what: object) -> None:
    print(json.dumps(what), flush=True)


def _listed(folder: Path) -> list[dict[str, Any]]:
    try:
        dialogs = cast("list[dict[str, Any]]", json.loads((folder / "windows.json").read_text("utf-8")))
        whole = bool(dialogs) and all(
            {"file", "title", "message", "buttons"} <= set(each)
            and all(len(button["box"]) == 4 and button["label"] for button in each["buttons"])
            for each in dialogs
        )
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise PracticeError(_missing(folder / "windows.json")) from error
    if not whole:
        raise PracticeError(_missing(folder / "windows.json"))
    return dialogs


def _loaded(file: Path) -> QPixmap:
    pixmap = QPixmap(str(file))
    if pixmap.isNull():
        raise PracticeError(_missing(file))
    return pixmap


def _missing(file: Path) -> str:
    return f"The practice window can't be opened: {file} is missing or can't be read. Please install Deskhand again."


def pressed_at(file: str, place: Mapping[str, Any], folder: Path = FOLDER) -> str:
    """The button of a dialog that a call would press; empty if there is none.

    Args:
        file: the dialog's picture, as it was told.
        place: ``x`` and ``y``, thousandths of its picture.
        folder: of the pictures and ``windows.json``.

    Raises:
        PracticeError: the list is missing or can't be read.
    """
    dialog = next((each for each in _listed(folder) if each["file"] == file), None)
    if dialog is None or not {"x", "y"} <= set(place):
        return ""
    with Picture.open(folder / file) as picture:
        x, y = (round(place[axis] * size / 1000) for axis, size in zip("xy", picture.size, strict=True))
    return next((str(each["label"]) for each in dialog["buttons"] if _within(each["box"], x, y)), "")


def _within(box: Sequence[float], x: float, y: float) -> bool:
    left, top, right, bottom = box
    return left <= x < right and top <= y < bottom


def arguments(folder: Path = FOLDER, first: str = "", at: QPoint | None = None) -> list[str]:
    """What Python is given to show one.

    Args:
        folder: of the pictures and ``windows.json``.
        first: the picture of the dialog to begin with.
        at: left and top of the window, logical pixels.
    """
    at = QPoint(80, 120) if at is None else at  # (0, 0) counts as false
    return ["-m", "deskhand.app.practice", str(folder), first, str(at.x()), str(at.y())]


def start(folder: Path = FOLDER, first: str = "") -> subprocess.Popen[str]:
    """Open one in a process of its own, which is no window of ours: it can be seen and clicked. The caller ends it.

    Args:
        folder: of the pictures and ``windows.json``.
        first: the picture of the dialog to begin with.
    """
    command = [sys.executable, *arguments(folder, first)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def main() -> int:
    """Show it until it is closed."""
    application = QApplication(["practice-window"])
    application.setApplicationName("practice-window")
    folder, first, left, top = sys.argv[1:] or arguments()[2:]
    try:
        window = PracticeWindow(Path(folder), first)
    except PracticeError as error:
        print(error, file=sys.stderr)
        return BROKEN
    window.move(int(left), int(top))
    window.front()
    said = QSocketNotifier(sys.stdin.fileno(), QSocketNotifier.Type.Read)

    def hear() -> None:
        if os.read(sys.stdin.fileno(), 1024):
            window.front()
        else:
            application.quit()

    said.activated.connect(hear)
    return application.exec()


if __name__ == "__main__":
    sys.exit(main())
