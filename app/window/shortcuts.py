"""The keys that do something, to look up."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QWidget

from deskhand.app.window.fold import facts, label
from deskhand.app.window.sheet import Sheet, button
from deskhand.app.window.theme import Theme

KEYS = {
    "Enter": "Send. Shift+Enter begins a new line",
    "Ctrl+Space": "Hold it and speak; or tap, speak, tap",
    "Esc": "Stop the answer, throw a recording away, close what is open",
    "↑": "Your last message again, in an empty message",
    "Page Up, Page Down": "Scroll the conversation",
    "Ctrl+N": "New conversation",
    "Ctrl+L": "Back to the message",
    "Ctrl+Shift+S": "Attach a screenshot",
    "/": "Name a skill, at the beginning of a message",
    "Y, A, N": "Allow once, allow for longer, don't allow",
    "Ctrl+B": "Show or hide the conversations",
    "Ctrl+Shift+K": "Skills",
    "Ctrl+Shift+P": "Permissions",
    "Ctrl+Alt+Esc": "Stop everything, from any program",
    "F1, Ctrl+/": "This list",
    "Ctrl+Q": "Quit",
}


class ShortcutsSheet(Sheet):
    """Shows `KEYS`."""

    def __init__(self, parent: QWidget, theme: Theme) -> None:
        super().__init__(parent, theme, 520)
        self.setObjectName("shortcuts-sheet")
        self.setAccessibleName("Keyboard shortcuts")
        self.column.addWidget(label("Keyboard shortcuts", "title"))
        self.column.addWidget(facts(KEYS, "shortcut-{}", ()))
        close = button("Close", "plain", "shortcuts-close")
        close.clicked.connect(self.accept)
        row = QHBoxLayout()
        row.addStretch()
        row.addWidget(close)
        self.column.addLayout(row)
        close.setFocus()
