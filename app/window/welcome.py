"""What an empty conversation shows: a greeting and things to try."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from deskhand.app import settings
from deskhand.app.window.fold import hint, label, named
from deskhand.app.window.screens import OPEN_PRACTICE, PRACTICE
from deskhand.app.window.theme import Theme
from deskhand.model.files.shipped import LEARNT


@dataclass(frozen=True, slots=True)
class Greeting:
    """What is said and offered.

    Attributes:
        hero: the large line.
        lead: what to know, below it.
        suggestions: icon, text, and whether a screenshot goes with it.
        placeholder: of the empty composer.
        practice: whether a practice window is offered.
        understood: the file of everything that is understood (`deskhand.model.language.learnt`), if that is so little.
    """

    hero: str
    lead: str
    suggestions: Sequence[tuple[str, str, bool]]
    placeholder: str
    practice: bool = False
    understood: Path | None = None


USUAL = Greeting(
    "What can I do for you?",
    "I see the screenshots you give me, hear what you say, and ask before I act.",
    (
        ("screen", "What does this window say?", True),
        ("bell", "Remind me in ten minutes to stretch", False),
        ("tool", "Note down: call the plumber on Monday", False),
    ),
    "Ask about your screen, or hold Ctrl+Space and speak",
)

POCKET = Greeting(
    "Try it now: nothing to download",
    "This is Pocket, a model of 11 MB that came with Deskhand. It reads pixels and hears raw sound, within a small "
    "world: timers, reminders, notes, opening programs and pages, and the practice window, in English. To everything "
    "else it should say that it can't; it can be wrong. Each message stands alone.",
    (
        ("screen", "Which buttons are there?", True),
        ("bell", "Set a timer for 10 minutes", False),
        ("tool", "Write down buy milk and bread", False),
    ),
    "Try: what time is it",
    practice=True,
    understood=settings.POCKET / LEARNT,
)


class Welcome(QScrollArea):
    """Greets; a suggestion that is clicked goes into the composer. Where there is no room for all of it, it scrolls."""

    suggested = Signal(str, bool)
    practice_requested = Signal()
    understood_requested = Signal(Path)

    def __init__(self, theme: Theme, greeting: Greeting = USUAL) -> None:
        super().__init__()
        self.setObjectName("greeting")
        self.setAccessibleName("Welcome")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._theme = theme
        self._buttons: list[tuple[QPushButton, str]] = []
        self.verticalScrollBar().rangeChanged.connect(self._reachable)
        self._reachable()
        theme.changed.connect(self._draw)
        self.greet(greeting)

    def greet(self, greeting: Greeting) -> None:
        """Show this greeting in place of the one before."""
        self._buttons.clear()
        page = named(QWidget(), "page")
        column = QVBoxLayout(page)
        column.setSpacing(8)
        column.addStretch(5)
        column.addWidget(label(greeting.hero, "hero", name="welcome"), 0, Qt.AlignmentFlag.AlignHCenter)
        column.addLayout(_lead(greeting.lead))
        column.addSpacing(18)
        if greeting.practice:
            button = self._add(column, "practice", OPEN_PRACTICE, "screen")
            button.setToolTip(hint(OPEN_PRACTICE, PRACTICE))
            button.clicked.connect(self.practice_requested)
        for index, (picture, text, screenshot) in enumerate(greeting.suggestions):
            button = self._add(column, f"suggestion-{index}", text, picture)
            button.clicked.connect(lambda _=False, t=text, s=screenshot: self.suggested.emit(t, s))
        if (file := greeting.understood) is not None:
            button = self._add(column, "understood", "What it understands", "thought")
            button.clicked.connect(lambda: self.understood_requested.emit(file))
        column.addStretch(6)
        self.setWidget(page)
        self._draw()

    def _add(self, column: QVBoxLayout, name: str, text: str, picture: str) -> QPushButton:
        button = named(QPushButton(f"  {text}"), name, accessible=text)
        button.setProperty("role", "suggestion")
        button.setFixedWidth(380)
        self._buttons.append((button, picture))
        column.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
        return button

    def _reachable(self) -> None:
        """The keys that scroll need the focus, which is no use to anybody where all of it is to be seen."""
        scrolls = self.verticalScrollBar().maximum() > 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if scrolls else Qt.FocusPolicy.NoFocus)

    def _draw(self) -> None:
        for button, picture in self._buttons:
            button.setIcon(self._theme.icon(picture, "accent"))


def _lead(text: str) -> QHBoxLayout:
    lead = label(text, "muted", wrap=True)
    lead.setAlignment(Qt.AlignmentFlag.AlignHCenter)
    lead.setMaximumWidth(560)
    lead.setMinimumWidth(380)
    # An alignment would give it the height of its hint, which is of another width, and cut the last lines off.
    row = QHBoxLayout()
    row.addStretch(1)
    row.addWidget(lead, 8)
    row.addStretch(1)
    return row
