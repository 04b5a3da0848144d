"""What an empty conversation shows: a greeting and things to try."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from deskhand.app.window.fold import label, named
from deskhand.app.window.theme import Theme


@dataclass(frozen=True, slots=True)
class Greeting:
    """What is said and offered.

    Attributes:
        hero: the large line.
        lead: what to know, below it.
        suggestions: icon, text, and whether a screenshot goes with it.
        practice: whether a practice window is offered.
    """

    hero: str
    lead: str
    suggestions: Sequence[tuple[str, str, bool]]
    practice: bool = False


USUAL = Greeting(
    "What can I do for you?",
    "I see the screenshots you give me, hear what you say, and ask before I act.",
    (
        ("screen", "What does this window say?", True),
        ("bell", "Remind me in ten minutes to stretch", False),
        ("tool", "Note down: call the plumber on Monday", False),
    ),
)

POCKET = Greeting(
    "Try it now: nothing to download",
    "This is Pocket, a model of 11 MB that came with Deskhand. It reads pixels and hears raw sound, within a small "
    "world: timers, reminders, notes, opening programs and pages, and the practice window, in English. To everything "
    "else it should say that it can't; it can be wrong. Each message stands alone.",
    (
        ("screen", "What does the dialog say?", True),
        ("bell", "Set a timer for 10 minutes", False),
        ("tool", "Write down buy milk and bread", False),
    ),
    practice=True,
)


class Welcome(QWidget):
    """Greets; a suggestion that is clicked goes into the composer."""

    suggested = Signal(str, bool)
    practice_requested = Signal()

    def __init__(self, theme: Theme, greeting: Greeting = USUAL) -> None:
        super().__init__()
        self.setObjectName("page")
        self._theme = theme
        self._buttons: list[tuple[QPushButton, str]] = []
        self._column = QVBoxLayout(self)
        self._column.setSpacing(8)
        self._column.addStretch(5)
        self._column.addWidget(label(greeting.hero, "hero", name="welcome"), 0, Qt.AlignmentFlag.AlignHCenter)
        lead = label(greeting.lead, "muted")
        lead.setWordWrap(True)
        lead.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        lead.setMaximumWidth(560)
        lead.setMinimumWidth(380)
        # An alignment would give it the height of its hint, which is of another width, and cut the last lines off.
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(lead, 8)
        row.addStretch(1)
        self._column.addLayout(row)
        self._column.addSpacing(18)
        if greeting.practice:
            self._add("practice", "Open the practice window", "screen").clicked.connect(self.practice_requested)
        for index, (picture, text, screenshot) in enumerate(greeting.suggestions):
            button = self._add(f"suggestion-{index}", text, picture)
            button.clicked.connect(lambda _=False, t=text, s=screenshot: self.suggested.emit(t, s))
        self._column.addStretch(6)
        theme.changed.connect(self._draw)
        self._draw()

    def _add(self, name: str, text: str, picture: str) -> QPushButton:
        button = named(QPushButton(f"  {text}"), name, accessible=text)
        button.setProperty("role", "suggestion")
        button.setFixedWidth(380)
        self._buttons.append((button, picture))
        self._column.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
        return button

    def _draw(self) -> None:
        for button, picture in self._buttons:
            button.setIcon(self._theme.icon(picture, "accent"))
