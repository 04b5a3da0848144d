"""What an empty conversation shows: a greeting and things to try."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from deskhand.app.window.fold import label, named
from deskhand.app.window.theme import Theme

SUGGESTIONS = (
    ("screen", "What does this window say?", True),
    ("bell", "Remind me in ten minutes to stretch", False),
    ("tool", "Note down: call the plumber on Monday", False),
)
"""Icon, text, and whether a screenshot goes with it."""


class Welcome(QWidget):
    """Greets; a suggestion that is clicked goes into the composer."""

    suggested = Signal(str, bool)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("page")
        self._theme = theme
        self._buttons: list[tuple[QPushButton, str]] = []
        column = QVBoxLayout(self)
        column.setSpacing(8)
        column.addStretch(5)
        hero = label("What can I do for you?", "hero", name="welcome")
        column.addWidget(hero, 0, Qt.AlignmentFlag.AlignHCenter)
        lead = label("I see the screenshots you give me, hear what you say, and ask before I act.", "muted")
        column.addWidget(lead, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(18)
        for index, (picture, text, screenshot) in enumerate(SUGGESTIONS):
            button = named(QPushButton(f"  {text}"), f"suggestion-{index}", accessible=text)
            button.setProperty("role", "suggestion")
            button.setFixedWidth(380)
            button.clicked.connect(lambda _=False, t=text, s=screenshot: self.suggested.emit(t, s))
            self._buttons.append((button, picture))
            column.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(6)
        theme.changed.connect(self._draw)
        self._draw()

    def _draw(self) -> None:
        for button, picture in self._buttons:
            button.setIcon(self._theme.icon(picture, "accent"))
