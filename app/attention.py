"""Makes a person look at a timer or a watch: a notification, a sound, and the window's flag."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QApplication

from deskhand.agent.events import ApprovalRequested, Notice
from deskhand.app import tone
from deskhand.app.bridge import Bridge
from deskhand.app.elsewhere import Elsewhere
from deskhand.app.happenings import CameBack, Happening
from deskhand.app.notification import Notifier
from deskhand.app.sessionbus import BusError
from deskhand.app.window import background
from deskhand.app.window.window import Window

_log = logging.getLogger(__name__)


class Attention(QObject):
    """Listens to what happens and makes the person look where it concerns them.

    Args:
        bridge: says what happens.
        window: is brought forward when a notification is clicked.
        sound: is called in a thread of its own with every timer and watch; None stays silent.
    """

    _clicked = Signal(str)

    def __init__(self, bridge: Bridge, window: Window, sound: Callable[[], None] | None = tone.play) -> None:
        super().__init__(window)
        self._bridge = bridge
        self._window = window
        self._sound = sound
        self._notifier = Notifier(self._clicked.emit)
        self._clicked.connect(self._show, Qt.ConnectionType.QueuedConnection)
        bridge.happened.connect(self._happened)

    def forward(self) -> None:
        """Bring the window to the person, wherever it is."""
        window = self._window
        window.setWindowState(window.windowState() & ~Qt.WindowState.WindowMinimized)
        window.show()
        window.raise_()
        window.activateWindow()
        if window.sheets.top is None and not window.places.on_page:
            window.composer.input.setFocus()  # a window that comes back has the keyboard at its next widget

    def close(self) -> None:
        """Hang up on the notification service."""
        self._notifier.close()

    def _happened(self, event: Happening) -> None:
        match event:
            case Notice(kind="timer", text=text, task=task):
                self._tell("Timer", text, f"timer {task}")
            case Notice(kind="watch", text=text, conversation=0):
                self._tell("Watch", text, "")
            case CameBack(kind="watch", label=label, conversation=conversation):
                text = f"Your watch “{label}” has something to show." if label else "The screen changed."
                self._tell("Watch", text, f"conversation {conversation}")
            case CameBack(label=label, conversation=conversation):
                self._tell("Reminder", f"It is time: “{label}”", f"conversation {conversation}")
            case ApprovalRequested() | Elsewhere(event=ApprovalRequested()) if not self._window.isActiveWindow():
                self._notify("Deskhand", "Deskhand needs your answer.", "")
            case _:
                pass

    def _tell(self, title: str, text: str, key: str) -> None:
        self._notify(title, text, key)
        if self._sound is not None:
            threading.Thread(target=self._sound, name="sound", daemon=True).start()

    def _notify(self, title: str, text: str, key: str) -> None:
        QApplication.alert(self._window)
        background.run(lambda: self._sent(title, text, key), lambda _sent: None, _log.warning)

    def _sent(self, title: str, text: str, key: str) -> bool:
        try:
            self._notifier.show(title, text, key)
        except BusError as error:
            _log.info("no notification: %s", error)  # the window's flag and the sound have to do; doctor tells
            return False
        return True

    def _show(self, key: str) -> None:
        """The person clicked a notification."""
        self.forward()
        what, _, name = key.partition(" ")
        if what == "timer" and name:
            self._bridge.show_timer(name)
        elif what == "conversation":
            QTimer.singleShot(0, self._window, lambda: self._window.open_conversation(int(name)))
