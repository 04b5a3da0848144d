"""A text of which the first lines are shown, and the rest once the person asks for it: it says how much there is."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QColor, QSyntaxHighlighter, QTextCharFormat, QWheelEvent
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from deskhand.app.window.fold import Mono, named
from deskhand.app.window.theme import Theme

WHOLE = 100_000
"""Lines: more than any text here has."""


class Excerpt(QWidget):
    """Text in the fixed font that never scrolls inside: what scrolls is the question that it is part of.

    Args:
        text: with nothing in it that hides.
        lines: shown at first; two more are shown rather than left out.
        name: object name of the text.
        says: what a screen reader calls it.
    """

    opened = Signal()
    """It is about to be shown whole."""

    def __init__(self, text: str, lines: int, name: str, says: str) -> None:
        super().__init__()
        self._limit = lines
        self.text = Unscrolled(text, lines, name)
        self.text.setAccessibleName(says)
        self.text.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.text.installEventFilter(self)
        self._button = named(QPushButton(), f"{name}-all")
        self._button.setProperty("role", "link")
        self._button.setAutoDefault(False)
        self._button.clicked.connect(self.open)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.text)
        column.addWidget(self._button, 0, Qt.AlignmentFlag.AlignLeft)
        self._count()

    @property
    def more(self) -> int:
        """Lines that are not shown."""
        return max(0, self.text.height_in_lines - self.text.shown_lines)

    def open(self) -> None:
        """Show all of it."""
        self.opened.emit()  # first: who listens must not take the end for seen before there is room for the rest
        self.text.limit(WHOLE)
        self._count()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Count again when the lines wrap anew."""
        if watched is self.text and event.type() == QEvent.Type.Resize:
            self._count()
        return False

    def _count(self) -> None:
        if 0 < self.more <= 2:
            self.text.limit(self._limit + 2)
        more = self.more
        self._button.setVisible(more > 0)
        words = f"Show all: {more} more line{'' if more == 1 else 's'}"
        self._button.setText(words)
        self._button.setAccessibleName(words)


class Unscrolled(Mono):
    """Leaves the wheel to what it is part of."""

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        """Pass it on."""
        event.ignore()


class Coloured(QSyntaxHighlighter):
    """Colours the lines of a difference by their first character.

    Args:
        excerpt: shows them.
        theme: for the colours.
    """

    def __init__(self, excerpt: Excerpt, theme: Theme) -> None:
        super().__init__(excerpt.text.document())
        self._colours = {"+": theme.colours.good, "-": theme.colours.bad, "\u2026": theme.colours.muted}

    def highlightBlock(self, text: str) -> None:  # noqa: N802 - Qt's name
        """Colour one line."""
        colour = self._colours.get(text[:1])
        if colour:
            form = QTextCharFormat()
            form.setForeground(QColor(colour))
            self.setFormat(0, len(text), form)


def lines_of(diff: str) -> tuple[str, str]:
    """The file that a unified difference is of, and its lines as a person reads them.

    What is not a difference (a sentence why there is none, a new name) is given as it is, with an empty name.
    """
    lines = diff.split("\n")
    heads = [line[4:] for line in lines[:2] if line.startswith(("--- ", "+++ "))]
    if len(heads) != 2:
        return "", diff
    name = heads[1] if heads[1] != "/dev/null" else heads[0]
    body = ["…" if line.startswith("@@ ") else line for line in lines[2:]]
    return name, "\n".join(body[1:] if body[:1] == ["…"] else body)
