"""A key that is held down: where it truly comes up, whatever a repeating keyboard says in between."""

from __future__ import annotations

import time

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QAbstractButton

from deskhand.app.keymap import Keymap
from deskhand.app.window.talk import Talk

SETTLE_SECONDS = 0.08
"""How long a key must stay up. X delivers a repeat as release and press of one moment; Qt marks only those pairs as
repeats of which it has both at once (qxcbkeyboard.cpp, handleKeyEvent), on a busy machine every second one not."""

LOST_SECONDS = 1.0
"""A key is up and no event said so in this time: another window got it."""

_LOOK_MS = 25
_KEYS = {QEvent.Type.KeyPress, QEvent.Type.KeyRelease, QEvent.Type.ShortcutOverride}
_LEFT = {QEvent.Type.ApplicationStateChange, QEvent.Type.WindowDeactivate}


class Hold(QObject):
    """Follows one key from its press to its true release, wherever the keyboard goes meanwhile.

    Until it is up its repeats reach nobody else. A release is believed when no press follows and, on X11, the server
    says that the key is up; of Ctrl, too, if it was pressed with it. Where nobody can be asked, a window that loses the
    keyboard ends the hold.
    """

    pressed = Signal(int)
    """Carries the event's stamp, as `Talk.stamp` gives it."""
    released = Signal(int, float)
    """Its stamp, 0 where no event told of it; and when it was seen to be up, by `time.monotonic`."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._keymap = Keymap()
        self._key = self._code = self._ctrl = 0
        self._up: tuple[int, float] | None = None
        self._told = self._own = False
        self._last = 0.0
        self._timer = QTimer(self, interval=_LOOK_MS)
        self._timer.timeout.connect(self._look)

    @property
    def active(self) -> bool:
        """Whether the key is down, as far as is known."""
        return self._timer.isActive()

    def press(self, event: QKeyEvent) -> None:
        """The key went down, alone or with Ctrl; what repeats is passed over."""
        if self.active or event.isAutoRepeat():
            return
        self._key, self._code, self._ctrl = event.key(), event.nativeScanCode(), 0
        self._up, self._told, self._own, self._last = None, False, False, time.monotonic()
        _application().installEventFilter(self)
        self._timer.start()
        self.pressed.emit(Talk.stamp(event))

    def close(self) -> None:
        """Forget the key, and tell nothing more; safe to call twice."""
        self._end()
        self._keymap.close()

    def watch(self, button: QAbstractButton) -> None:
        """Let Space hold a button down as the mouse does."""
        button.installEventFilter(self)
        self.released.connect(lambda _stamp, _seen: button.setDown(False))  # pyright: ignore[reportUnknownLambdaType]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Take the key's events while it is held, and Space of a button that is watched."""
        kind = event.type()
        if self.active:
            if kind in _LEFT and self._asked(self._code) is None:
                self._believe(0)
                self._tell()
                self._end()
            return isinstance(event, QKeyEvent) and self._follow(event)
        if not isinstance(watched, QAbstractButton) or not isinstance(event, QKeyEvent) or kind not in _KEYS:
            return False
        if event.key() != Qt.Key.Key_Space or event.modifiers():
            return False
        if kind == QEvent.Type.KeyPress and not event.isAutoRepeat():
            watched.setDown(True)
            self.press(event)
        return kind != QEvent.Type.ShortcutOverride

    def _follow(self, event: QKeyEvent) -> bool:
        """Note what an event says of the key that is held; whether it is of that key."""
        if event.type() not in _KEYS:
            return False
        ours = event.key() == self._key
        if ours:
            self._last = time.monotonic()
        if event.type() == QEvent.Type.KeyPress and ours:
            self._own = False
            self._up = self._up if self._ctrl or self._told else None
        elif event.type() == QEvent.Type.KeyRelease and not event.isAutoRepeat():
            if ours:
                self._own = True
            elif event.key() == Qt.Key.Key_Control:
                self._ctrl = event.nativeScanCode()
            if ours or event.key() == Qt.Key.Key_Control:
                self._believe(Talk.stamp(event))
        return ours

    def _believe(self, stamp: int) -> None:
        """Take it for up, until something says otherwise."""
        self._up = self._up or (stamp, time.monotonic())

    def _look(self) -> None:
        down = self._asked(self._code)
        if down is False:
            self._believe(0)  # it came up where we could not see it, or its release is still on its way
        elif down and not self._told and (not self._ctrl or self._asked(self._ctrl)):
            self._up, self._own, self._ctrl = None, False, 0  # a repeat, however it was delivered
        now = time.monotonic()
        if self._up is None or now - self._up[1] < SETTLE_SECONDS:
            return
        self._tell()
        # Repeats that wait in the queue must not begin anew what is over.
        if not down and now - self._last >= (SETTLE_SECONDS if self._own else LOST_SECONDS):
            self._end()

    def _asked(self, code: int) -> bool | None:
        return self._keymap.down(code) if QGuiApplication.platformName() == "xcb" else None

    def _tell(self) -> None:
        if not self._told and self._up is not None:
            self._told = True
            self.released.emit(*self._up)

    def _end(self) -> None:
        self._timer.stop()
        _application().removeEventFilter(self)


def _application() -> QCoreApplication:
    application = QCoreApplication.instance()
    assert application is not None  # noqa: S101 - there are no keys without one
    return application
