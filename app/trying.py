"""The practice window of an application: opened beside its window, brought forward, and a sentence if it can't be."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QObject, QPoint, QProcess, QRect, QSize, Signal
from PySide6.QtWidgets import QWidget

from deskhand.app import practice, terminal

_GAP = 12
"""Logical pixels between the windows."""


class Trying(QObject):
    """At most one practice window.

    Args:
        window: of the application, beside which it opens.
        folder: of the dialogs.
    """

    failed = Signal(str)
    """One sentence."""

    def __init__(self, window: QWidget, folder: Path = practice.FOLDER) -> None:
        super().__init__(window)
        self._window = window
        self._folder = folder
        self.process = QProcess(self)
        self.process.setStandardOutputFile(QProcess.nullDevice())
        self.process.finished.connect(self._ended)
        self.process.errorOccurred.connect(self._broken)

    def open(self) -> None:
        """Open it, or bring it to the front if it is open."""
        if self.process.state() != QProcess.ProcessState.NotRunning:
            self.process.write(practice.FRONT)
            return
        window = self._window
        frame = window.frameGeometry()
        scale = window.devicePixelRatioF()
        # It will have a frame like ours.
        size = QSize(*(round(each / scale) for each in practice.SIZE)) + frame.size() - window.size()
        at = beside(frame, window.screen().availableGeometry(), size)
        self.process.start(sys.executable, practice.arguments(self._folder, at=at))

    def close(self) -> None:
        """Close it. Safe to call twice."""
        self.process.blockSignals(True)
        if self.process.state() != QProcess.ProcessState.NotRunning:
            self.process.terminate()
            if not self.process.waitForFinished(3000):
                self.process.kill()
                self.process.waitForFinished(3000)

    def _ended(self, code: int) -> None:
        said = bytes(self.process.readAllStandardError().data()).decode("utf-8", "replace").strip().splitlines()
        if code == practice.BROKEN and said:
            self.failed.emit(said[-1])
        elif code:
            terminal.err("\n".join(said))
            self.failed.emit(
                f"The practice window ended with an error ({code}). “deskhand doctor” checks what is missing."
            )

    def _broken(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self.failed.emit(f"The practice window can't be opened: {self.process.errorString()}.")


def beside(ours: QRect, screen: QRect, size: QSize) -> QPoint:
    """Where a window of a size covers nothing of ours on a screen; else at its upper edge, where it covers least.

    Args:
        ours: our window with its frame.
        screen: what can be used of the screen.
        size: of the other window with its frame.
    """
    wide, high = size.width(), size.height()
    lowest, farthest = screen.bottom() + 1 - high, screen.right() + 1 - wide
    level = max(screen.top(), min(ours.top(), lowest))
    flush = max(screen.left(), min(ours.left(), farthest))
    for left, top in (
        (ours.left() - _GAP - wide, level),
        (ours.right() + 1 + _GAP, level),
        (flush, ours.top() - _GAP - high),
        (flush, ours.bottom() + 1 + _GAP),
    ):
        if screen.contains(QRect(left, top, wide, high)):
            return QPoint(left, top)
    free_left, free_right = ours.left() - screen.left(), screen.right() - ours.right()
    return QPoint(screen.left() if free_left >= free_right else max(screen.left(), farthest), screen.top())
