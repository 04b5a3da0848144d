"""The time in which a question can be read before it can be answered: by mouse, by key, by anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QObject, QTimer, Signal
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import isValid

GRACE_MS = 800
"""Between what a person needs to see that something is asked and what they notice as waiting; browsers take 500 to 1000
before an installation can be agreed to."""


class Grace(QObject):
    """Switches what answers a question off while it is new, while what answers it moves, and while somebody types.

    A key or a click that was meant for what stood there a moment ago must neither allow nor deny anything.

    Args:
        sheet: the question.
        answers: switched off meanwhile.
        window: that it covers; one that gets the keyboard again is new to the person.
        moves: what moves the answers when it is moved.
        may: whether one of them can be given otherwise.
        first: has the keyboard afterwards.
    """

    over = Signal()

    def __init__(
        self,
        sheet: QWidget,
        answers: Sequence[QWidget],
        *,
        window: QWidget,
        moves: QWidget,
        may: Callable[[QWidget], bool],
        first: QWidget,
    ) -> None:
        super().__init__(sheet)
        self._sheet, self._window = sheet, window
        self._answers, self._may = tuple(answers), may
        self._focus = first
        self._timer = QTimer(self, singleShot=True, interval=GRACE_MS)
        self._timer.timeout.connect(self._over)
        self._moves = {moves, *answers}
        for each in self._moves | {window}:
            each.installEventFilter(self)

    @property
    def active(self) -> bool:
        """Whether nothing can be answered yet."""
        return self._timer.isActive()

    def begin(self) -> None:
        """From now on for a while, also if it goes on already."""
        focus = QApplication.focusWidget()
        if focus in self._answers:
            self._focus = focus
        self._timer.start(GRACE_MS)
        if focus in self._answers or focus is None or not self._sheet.isAncestorOf(focus):
            self._sheet.setFocus()  # else what is switched off would hand it on to something
        self.look()

    def look(self) -> None:
        """Switch on what can be given now."""
        for each in self._answers:
            each.setEnabled(not self.active and self._may(each))

    def end(self) -> None:
        """The question is over."""
        self._timer.stop()
        self._window.removeEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Begin anew when an answer moves under the pointer, or the window comes back to the person."""
        kind = event.type()
        moved = kind == QEvent.Type.Move and watched in self._moves
        back = kind == QEvent.Type.WindowActivate and watched is self._window
        if (moved or back) and isValid(self._sheet) and self._sheet.isVisible():
            self.begin()
        return False

    def _over(self) -> None:
        self.look()
        if not self._focus.isEnabled():
            self._focus = next((each for each in self._answers if each.isEnabled()), self._sheet)
        if self._sheet.isVisible() and self._sheet.hasFocus():
            self._focus.setFocus()
        self.over.emit()
