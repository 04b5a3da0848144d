"""What stands between a question and its answers: as high as it is, or as the window allows, and then scrolled."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from deskhand.app.window.excerpt import Excerpt

_SLACK = 4
"""Pixels from the end that count as the end."""


class Middle(QScrollArea):
    """A column that scrolls, and knows whether the person has seen all of it."""

    moved = Signal()
    """It was scrolled, or became longer or shorter."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("approval-middle")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumHeight(70)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._mark: QWidget | None = None
        self._page = QWidget()
        self._page.setObjectName("approval-page")
        self.column = QVBoxLayout(self._page)
        self.column.setContentsMargins(0, 0, 8, 0)
        self.column.setSpacing(10)
        bar = self.verticalScrollBar()
        bar.valueChanged.connect(self.moved)
        bar.rangeChanged.connect(self.moved)

    def fill(self) -> None:
        """Everything is in the column."""
        self.column.addStretch(1)
        self.setWidget(self._page)
        self._page.installEventFilter(self)
        for each in self.findChildren(Excerpt):
            each.opened.connect(self.moved)

    @property
    def hidden_lines(self) -> int:
        """Lines of texts that are not shown whole yet."""
        return sum(each.more for each in self.findChildren(Excerpt))

    def end_of_act(self) -> None:
        """What comes from here on says why it is asked, and not what would be done."""
        self._mark = QWidget()
        self._mark.setFixedHeight(0)
        self.column.addWidget(self._mark)

    @property
    def at_end(self) -> bool:
        """Whether the end of what would be done is to be seen, or was passed."""
        end = self._high if self._mark is None else self._mark.y()
        return self.verticalScrollBar().value() + self.viewport().height() >= end - _SLACK

    def go_on(self) -> None:
        """Show every text whole; if they are, the next page."""
        if self.hidden_lines:
            for each in self.findChildren(Excerpt):
                each.open()
        else:
            self.turn(1)

    def turn(self, pages: int) -> None:
        """Scroll by pages."""
        bar = self.verticalScrollBar()
        bar.setValue(bar.value() + pages * (bar.pageStep() - 24))

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As high as what is inside at this width."""
        return QSize(super().sizeHint().width(), self._high)

    @property
    def _high(self) -> int:
        """What is inside needs it at this width; asked anew, as the scroll bar learns of it only later."""
        width = self.viewport().width()
        return self._page.heightForWidth(width) if self._page.hasHeightForWidth() else self._page.sizeHint().height()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Ask for another height when what is inside has one."""
        if watched is self._page and event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Wrapped lines take another height at another width."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()
