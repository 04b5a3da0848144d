"""Where the window was and how large, kept between two starts; and a place that can be seen in any case."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import platformdirs
from PySide6.QtCore import QByteArray, QEvent, QObject, QRect, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMainWindow

from deskhand.agent import private

SETTLED_MS = 500
"""After the last move or change of size, until it is written."""
LEAST = (120, 60)
"""Logical pixels of the window, its upper edge among them, that have to be on a screen: room to take it by."""

_log = logging.getLogger(__name__)


def file() -> Path:
    """Where it is kept."""
    return platformdirs.user_state_path("deskhand") / "window"


class Placement(QObject):
    """Puts a window where it was, before it is shown, and remembers where it goes.

    Args:
        window: not shown yet.
        first: puts it somewhere where it was nowhere yet, or nowhere that can be seen now.
    """

    def __init__(self, window: QMainWindow, first: Callable[[], None]) -> None:
        super().__init__(window)
        self._window = window
        self._first = first
        self._timer = QTimer(self, singleShot=True, interval=SETTLED_MS)
        self._timer.timeout.connect(self.save)
        self._restore()
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """The window moved or changed."""
        if event.type() in {QEvent.Type.Move, QEvent.Type.Resize, QEvent.Type.WindowStateChange}:
            self._timer.start()
        elif event.type() == QEvent.Type.Close:
            self.save()
        return super().eventFilter(watched, event)

    def save(self) -> None:
        """Write it; a disk that is full costs only the place."""
        self._timer.stop()
        if not self._window.isVisible() or self._window.isMinimized():
            return
        try:
            private.write(file(), bytes(self._window.saveGeometry().data()))
        except OSError as error:
            _log.info("the window's place could not be kept: %s", error)

    def _restore(self) -> None:
        try:
            kept = file().read_bytes()[:1024]
        except OSError:
            kept = b""
        if not (kept and self._window.restoreGeometry(QByteArray(kept))):
            self._first()
        if not any(
            _can_be_taken(self._window.frameGeometry(), each.availableGeometry()) for each in QGuiApplication.screens()
        ):
            self._first()


def _can_be_taken(window: QRect, screen: QRect) -> bool:
    seen = window.intersected(screen)
    return seen.width() >= LEAST[0] and seen.height() >= LEAST[1] and screen.top() - 8 <= window.top()
