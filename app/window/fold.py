"""Small parts that the transcript is made of: a line that folds, text in a fixed font, a row of labels."""

from __future__ import annotations

import html
from collections.abc import Collection, Mapping
from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics, QKeySequence, QResizeEvent, QTextOption
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from deskhand.app.visible import shown
from deskhand.app.window.theme import Theme, mono


class Fold(QWidget):
    """A title that shows or hides what is below it; it begins folded.

    Args:
        title: of the line.
        body: what is folded.
        name: object name of the button.
    """

    def __init__(self, theme: Theme, title: str, body: QWidget, *, name: str = "fold") -> None:
        super().__init__()
        self._theme = theme
        self._body = body
        self.button = QPushButton(title)
        self.button.setCheckable(True)
        self.button.setObjectName(name)
        self.button.setProperty("role", "quiet")
        self.button.setAccessibleName(title)
        self.button.toggled.connect(self._toggle)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(body)
        body.hide()
        theme.changed.connect(self._draw)
        self._draw()

    def set_title(self, title: str) -> None:
        """Change the line."""
        self.button.setText(title)
        self.button.setAccessibleName(title)

    def _draw(self) -> None:
        self.button.setIcon(self._theme.icon("down" if self.button.isChecked() else "right", size=14))

    def _toggle(self, shown: bool) -> None:
        self._body.setVisible(shown)
        self._draw()


class Mono(QPlainTextEdit):
    """Read-only text in the fixed font, whole, selectable, scrollable from ``lines`` lines on."""

    def __init__(self, text: str, lines: int = 8, name: str = "mono") -> None:
        super().__init__()
        self.setObjectName(name)
        self.setProperty("role", "mono")
        self.setReadOnly(True)
        self.setFont(mono())
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setTabChangesFocus(True)
        self.setPlainText(text)
        self._lines = lines
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Take the height that the wrapped lines need."""
        super().resizeEvent(event)
        self._fit()

    @property
    def height_in_lines(self) -> int:
        """All lines, as they are wrapped now."""
        return max(round(self.document().size().height()), 1)

    @property
    def shown_lines(self) -> int:
        """Lines that there is room for."""
        return min(self.height_in_lines, self._lines)

    def limit(self, lines: int) -> None:
        """Show at most so many lines from now on."""
        self._lines = lines
        self._fit()

    def _fit(self) -> None:
        # A plain document's height is its number of lines. 27: border, padding and the document's own margin,
        # twice, and what rounding takes.
        height = QFontMetrics(self.font()).lineSpacing() * self.shown_lines + 27
        if height != self.height():
            self.setFixedHeight(height)


def label(text: str, role: str = "", *, wrap: bool = False, name: str = "") -> QLabel:
    """A label of plain text: what it shows is never read as HTML."""
    result = QLabel()
    result.setTextFormat(Qt.TextFormat.PlainText)
    result.setText(text)
    result.setWordWrap(wrap)
    if role:
        result.setProperty("role", role)
    if name:
        result.setObjectName(name)
    return result


def tip(text: str) -> str:
    """A text as a tooltip that shows it as it is: Qt reads as HTML what looks like it, and can't be told not to."""
    if "<" not in text and "&" not in text:
        return text
    return f"<div style='white-space: pre-wrap'>{html.escape(text)}</div>"


W = TypeVar("W", bound=QWidget)


def named(widget: W, name: str, says: str = "", accessible: str = "") -> W:
    """``widget`` with the name that tests and style sheets find it by, its tooltip, and what a screen reader says."""
    widget.setObjectName(name)
    if says:
        widget.setToolTip(tip(says))
    if accessible or says:
        widget.setAccessibleName(accessible or says)
    return widget


def restyle(widget: QWidget) -> None:
    """Let the style sheet look at a widget's properties again."""
    widget.style().unpolish(widget)
    widget.style().polish(widget)
    widget.update()


def hint(text: str, shortcut: QKeySequence | QKeySequence.StandardKey | None = None) -> str:
    """A tooltip with its shortcut, as this platform writes it."""
    if shortcut is None:
        return text
    return f"{text} ({QKeySequence(shortcut).toString(QKeySequence.SequenceFormat.NativeText)})"


def facts(told: Mapping[str, str], name: str, exact: Collection[str]) -> QWidget:
    """What there is to say of something, a key and its text a line; keys without a text are left out.

    Args:
        told: key and text, which may be anybody's.
        name: object name of each text; ``{}`` is the key in small letters.
        exact: keys whose texts are set in a fixed width.
    """
    body = QWidget()
    grid = QGridLayout(body)
    grid.setContentsMargins(0, 2, 0, 2)
    grid.setHorizontalSpacing(14)
    grid.setVerticalSpacing(5)
    grid.setColumnStretch(1, 1)
    for row, (key, text) in enumerate((key, text) for key, text in told.items() if text):
        grid.addWidget(label(key, "small"), row, 0, Qt.AlignmentFlag.AlignTop)
        words = label(shown(text), wrap=True, name=name.format(key.lower().replace(" ", "-")))
        words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        if key in exact:
            words.setFont(mono(0.86))
        grid.addWidget(words, row, 1)
    return body
