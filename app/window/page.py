"""A page in place of the conversation: a line with its name at the top, below it one column that scrolls."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeySequence, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QScrollArea, QToolButton, QVBoxLayout, QWidget
from shiboken6 import isValid

from deskhand.app.visible import shown
from deskhand.app.window import background
from deskhand.app.window.fold import hint, label, named
from deskhand.app.window.sheet import Sheet
from deskhand.app.window.theme import Theme

WIDTH = 760
"""Of the column, logical pixels."""
LOOK_MS = 1500
"""Between two looks at what the page shows, while it is to be seen: other programs may change it."""

T = TypeVar("T")


class Page(QWidget):
    """What all pages have in common.

    Args:
        theme: for colours and icons.
        name: object name.
        title: at the top.
        lead: what the page is for, in a sentence or two.
    """

    left = Signal()
    """The person wants to go back to the conversation."""
    sheet_wanted = Signal(object)
    """A `Sheet` that the window is to present."""

    def __init__(self, theme: Theme, name: str, title: str, lead: str) -> None:
        super().__init__()
        self._looking = self._again = False
        self.theme = theme
        named(self, name, accessible=title)
        self.back = named(QToolButton(), f"{name}-back", hint("Back to the conversation", QKeySequence("Esc")))
        self.back.setAccessibleName("Back to the conversation")
        self.back.setProperty("role", "icon")
        self.back.clicked.connect(self.left)
        self.buttons = QHBoxLayout()
        self.buttons.setSpacing(8)
        self.notices = QVBoxLayout()
        self.notices.setSpacing(8)
        self.column = QVBoxLayout()
        self.column.setSpacing(10)
        self._lay_out(title, lead)
        self._timer = QTimer(self, interval=LOOK_MS)
        self._timer.timeout.connect(self.look)
        theme.changed.connect(self._draw)
        self._draw()

    def _lay_out(self, title: str, lead: str) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(12, 10, 18, 4)
        head.setSpacing(6)
        head.addWidget(self.back)
        head.addWidget(label(title, "heading", name="page-title"))
        head.addStretch()
        head.addLayout(self.buttons)
        inside = QWidget()
        inside.setMaximumWidth(WIDTH)
        rows = QVBoxLayout(inside)
        rows.setContentsMargins(18, 12, 18, 24)
        rows.setSpacing(14)
        rows.addWidget(label(lead, "muted", wrap=True))
        rows.addLayout(self.notices)
        rows.addLayout(self.column)
        rows.addStretch(1)
        page = named(QWidget(), "column")
        across = QHBoxLayout(page)
        across.setContentsMargins(0, 0, 0, 0)
        across.addStretch(1)
        across.addWidget(inside, 1000)
        across.addStretch(1)
        self.area = QScrollArea()
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setWidgetResizable(True)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.setWidget(page)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addLayout(head)
        whole.addWidget(self.area, 1)

    def look(self) -> None:
        """Read what the page shows, in the background, and show it if it is other than before."""
        raise NotImplementedError

    def look_again(self) -> None:
        """Read what was just changed; a reading that is under way began before, and is not shown."""
        if self._looking:
            self._again = True
        else:
            self.look()

    def overtaken(self) -> bool:
        """A reading has ended: whether something was changed meanwhile, in which case another has begun."""
        self._looking = False
        again, self._again = self._again, False
        if again:
            self.look()
        return again

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Follow what happens while the page is to be seen."""
        super().showEvent(event)
        self.look()
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        """And no longer."""
        super().hideEvent(event)
        self._timer.stop()

    def later(self, work: Callable[[], T], then: Callable[[T], None]) -> None:
        """Do ``work`` in the background; a page that was taken down meanwhile is told nothing."""
        background.run(
            work,
            lambda result: then(result) if isValid(self) else None,
            lambda sentence: self.tell(sentence, "error") if isValid(self) else None,
        )

    def tell(self, sentence: str, kind: str = "info", action: str = "", do: Callable[[], object] | None = None) -> None:
        """One sentence above the column, in place of the last one; with a button where something can be done."""
        clear(self.notices)
        self.notices.addWidget(Told(self.theme, sentence, kind, action, do))
        self.area.verticalScrollBar().setValue(0)

    @contextmanager
    def rebuilding(self) -> Generator[None]:
        """Empty the column to fill it again; the focus and the place stay where they were."""
        focus = self.focusWidget()
        name = focus.objectName() if focus and self.area.isAncestorOf(focus) else ""
        bar = self.area.verticalScrollBar()
        place = bar.value()
        clear(self.column)
        yield
        self.column.activate()
        bar.setValue(place)
        if name and (same := self.findChild(QWidget, name)):
            same.setFocus()
        elif name:
            self.back.setFocus()

    def ask(self, sheet: Sheet) -> None:
        """Let the window present a sheet."""
        self.sheet_wanted.emit(sheet)

    def _draw(self) -> None:
        self.back.setIcon(self.theme.icon("left", "muted", 20))


class Told(QFrame):
    """A sentence with a colour of its own, an optional button, and, if it ``closes``, one that takes it away."""

    def __init__(
        self,
        theme: Theme,
        sentence: str,
        kind: str,
        action: str = "",
        do: Callable[[], object] | None = None,
        *,
        closes: bool = True,
    ) -> None:
        super().__init__()
        self.setObjectName("told")
        self.setProperty("role", "notice")
        self.setProperty("kind", kind)
        self.setAccessibleName(sentence)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 9, 9, 9)
        row.setSpacing(8)
        row.addWidget(label(shown(sentence), wrap=True, name="told-text"), 1)
        if action and do is not None:
            button = named(QPushButton(action), "told-action")
            button.setProperty("role", "plain")
            button.clicked.connect(do)
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        if not closes:
            return
        away = named(QToolButton(), "told-away", "Take this message away")
        away.setProperty("role", "icon")
        away.setIcon(theme.icon("cross", "muted", 14))
        away.clicked.connect(self.deleteLater)
        row.addWidget(away, 0, Qt.AlignmentFlag.AlignTop)


def clear(layout: QVBoxLayout) -> None:
    """Take everything out of a column of widgets."""
    while layout.count():
        item = layout.takeAt(0)
        if item is not None and (widget := item.widget()) is not None:
            widget.hide()
            widget.setParent(None)
            widget.deleteLater()
