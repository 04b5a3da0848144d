"""Drives the real window as a person would: clicks, keys, waiting for what is to be seen, pictures of the screen."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from PIL import Image as Picture
from PySide6.QtCore import QEvent, QObject, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget

from deskhand.agent.events import Outcome, TurnEnded
from deskhand.app import capture
from deskhand.app.bridge import Bridge
from deskhand.app.happenings import EngineFailed, EngineReady, Happening, TurnFailed
from deskhand.app.window.window import Window

W = TypeVar("W", bound=QWidget)


class DemoError(RuntimeError):
    """A step of the demonstration did not do what it should; the message says what was seen instead."""


class Driver(QObject):
    """One window and its bridge.

    Args:
        window: has been built, not shown.
        bridge: its bridge, not started.
        pictures: folder for the pictures.
    """

    def __init__(self, window: Window, bridge: Bridge, pictures: Path) -> None:
        super().__init__()
        self.window = window
        self.bridge = bridge
        self._pictures = pictures
        self._ready: EngineReady | None = None
        self._outcome: Outcome | None = None
        self._problem = ""
        bridge.happened.connect(self._note)

    def _note(self, event: Happening) -> None:
        match event:
            case EngineReady():
                self._ready = event
            case TurnEnded(outcome):
                self._outcome = outcome
            case EngineFailed(sentence) | TurnFailed(sentence):
                self._problem = sentence
            case _:
                pass

    def until(self, what: str, true: Callable[[], bool], seconds: float = 120) -> None:
        """Let the window live until something is so; raises DemoError with ``what`` when it does not come to be."""
        deadline = time.monotonic() + seconds
        while not true():
            if self._problem:
                raise DemoError(f"{what}: {self._problem}")
            if time.monotonic() > deadline:
                raise DemoError(f"{what}: not within {seconds:.0f} s")
            QTest.qWait(30)

    def open(self) -> EngineReady:
        """Show the window and wait for its engine."""
        self.window.show()
        self.bridge.start()
        self.until("the engine loads", lambda: self._ready is not None)
        assert self._ready is not None  # noqa: S101 - what `until` waited for
        return self._ready

    def find(self, name: str, kind: type[W]) -> W | None:
        """The visible widget of that object name."""
        return next((w for w in self.window.findChildren(kind, name) if w.isVisible()), None)

    def button(self, name: str) -> QAbstractButton:
        """Wait for a button that can be clicked."""
        self.until(f"the button “{name}” can be clicked", lambda: self._clickable(name) is not None)
        found = self._clickable(name)
        if found is None:
            raise DemoError(f"the button “{name}” went away")
        return found

    def _clickable(self, name: str) -> QAbstractButton | None:
        found = self.find(name, QAbstractButton)
        more = self.find("approval-more", QAbstractButton) if name.startswith("approve-") else None
        if found is not None and more is not None and more.isEnabled() and more.text():
            more.click()  # what is asked is read to its end first
        return found if found is not None and found.isEnabled() else None

    def click(self, name: str) -> None:
        """Click a button, when it can be."""
        QTest.mouseClick(self.button(name), Qt.MouseButton.LeftButton)

    def type(self, text: str) -> None:
        """Type into the composer, key by key."""
        QTest.keyClicks(self.window.composer.input, text, delay=4)

    def hold(self, name: str, work: Callable[[], None]) -> None:
        """Press a button, do something, release it."""
        button = self.button(name)
        self._mouse(button, QEvent.Type.MouseButtonPress)
        try:
            work()
        finally:
            self._mouse(button, QEvent.Type.MouseButtonRelease)

    def _mouse(self, button: QAbstractButton, kind: QEvent.Type) -> None:
        """Send what the left button does, with the time at which it does: QTest's clock only knows its own waits."""
        at = QPointF(button.rect().center())
        left, held = Qt.MouseButton.LeftButton, Qt.MouseButton.LeftButton
        if kind == QEvent.Type.MouseButtonRelease:
            held = Qt.MouseButton.NoButton
        event = QMouseEvent(kind, at, button.mapToGlobal(at), left, held, Qt.KeyboardModifier.NoModifier)
        event.setTimestamp(round(time.monotonic() * 1000))
        QApplication.sendEvent(button, event)

    @property
    def ended(self) -> bool:
        """Whether the turn has ended, and `outcome` has not been asked for yet."""
        return self._outcome is not None

    def outcome(self, seconds: float = 180) -> Outcome:
        """Wait for the end of the turn, then for the window to have drawn it."""
        self.until("the turn ends", lambda: self._outcome is not None, seconds)
        outcome, self._outcome = self._outcome, None
        QTest.qWait(250)
        if outcome is None:
            raise DemoError("the turn's outcome was lost")
        return outcome

    def picture(self, name: str) -> Path:
        """A picture of the whole screen for people: with our own window, which the model never sees."""
        QTest.qWait(120)
        path = self._pictures / f"{name}.png"
        screen = capture.screens()[0]
        shot = next(handler for handler in capture.HANDLERS if handler.name == screen.handler).grab(screen)
        Picture.frombytes("RGB", (shot.width, shot.height), shot.rgb).save(path)
        return path

    def close(self) -> None:
        """Close the window and end its engine."""
        self.window.close()
        self.bridge.shutdown()
        self.window.deleteLater()
