"""Keys that mean the same in every window and sheet: Enter on a button, Ctrl+Space for the voice."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractButton, QWidget

ENTER = {Qt.Key.Key_Return, Qt.Key.Key_Enter}
_SAME_MS = 2
"""X gives a repeat's release and press one time stamp, also where Qt takes them for real; no finger is so fast."""


class Enter:
    """Lets Enter press the button that has the keyboard, once for each time that the key goes down.

    Args:
        owner: a window or a sheet; only what is inside is pressed.
    """

    def __init__(self, owner: QWidget) -> None:
        self._owner = owner
        self._up = -_SAME_MS

    def press(self, event: QKeyEvent) -> bool:
        """Whether this is Enter on a button, which was pressed if the key went down just now."""
        button = self._owner.focusWidget()
        others = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if event.key() not in ENTER or others or not isinstance(button, QAbstractButton):
            return False
        if button.isEnabled() and button.isVisible() and not self.repeats(event):
            button.click()
        return True

    def repeats(self, event: QKeyEvent) -> bool:
        """Whether the key is only held down."""
        return event.isAutoRepeat() or (event.timestamp() > 0 and event.timestamp() - self._up < _SAME_MS)

    def release(self, event: QKeyEvent) -> None:
        """A key came up."""
        if event.key() in ENTER:
            self._up = event.timestamp()


def is_talk(event: QKeyEvent) -> bool:
    """Whether it is Ctrl+Space."""
    return event.key() == Qt.Key.Key_Space and bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
