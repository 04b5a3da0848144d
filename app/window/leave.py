"""Closing the window while a timer or a watch is pending: say so, and offer to go on without a window."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication, QHBoxLayout, QWidget

from deskhand.agent.events import TasksChanged
from deskhand.agent.task import Task
from deskhand.app.bridge import Bridge
from deskhand.app.happenings import Happening
from deskhand.app.visible import shown
from deskhand.app.window.fold import label
from deskhand.app.window.sheet import Sheet, button
from deskhand.app.window.theme import Theme
from deskhand.app.window.window import Window

_ONE = {"timer": "A timer is still set", "later": "Something is still to be done later", "watch": "A watch is still on"}
_WIDTH = 620
"""Logical pixels: room for three buttons."""
_MOST = 5
"""Tasks that are named."""


def _title(tasks: tuple[Task, ...]) -> str:
    return f"{_ONE[tasks[0].kind]}." if len(tasks) == 1 else f"{len(tasks)} timers, watches or reminders are still set."


def _consequence(tasks: tuple[Task, ...]) -> str:
    """What quitting does to them."""
    kinds = {task.kind for task in tasks}
    told: list[str] = []
    if "timer" in kinds:
        told.append("you hear of a timer that ended meanwhile when you open Deskhand again")
    if "later" in kinds:
        told.append("what is to be done later is done when you open Deskhand again")
    if "watch" in kinds:
        told.append("a watch ends")
    return f"If you quit, {', and '.join(told)}."


class LeaveSheet(Sheet):
    """Asks whether Deskhand goes on in the background; accepted means that it does, see ``quits`` otherwise.

    Args:
        tasks: what is pending, at least one.

    Attributes:
        quits: the person wants to quit anyway.
    """

    def __init__(self, parent: QWidget, theme: Theme, tasks: tuple[Task, ...]) -> None:
        super().__init__(parent, theme, _WIDTH)
        self.setObjectName("leave-sheet")
        self.quits = False
        self.column.addWidget(label(_title(tasks), "title", wrap=True))
        named = [shown(task.what)[:80] for task in tasks if task.what]
        if named:
            more = f" and {len(named) - _MOST} more" if len(named) > _MOST else ""
            words = ", ".join(f"“{name}”" for name in named[:_MOST]) + more
            self.column.addWidget(label(words, wrap=True))
        told = "Deskhand can keep running without its window. Open it again to bring the window back."
        self.column.addWidget(label(f"{told} {_consequence(tasks)}", "muted", wrap=True))
        row = QHBoxLayout()
        stay = button("Don't close", "plain", "leave-stay")
        leave = button("Quit anyway", "plain", "leave-quit")
        keep = button("Keep running in the background", "primary", "leave-keep")
        stay.setVisible(parent.width() >= _WIDTH)  # Esc does the same
        stay.clicked.connect(self.reject)
        leave.clicked.connect(self._quit)
        keep.clicked.connect(self.accept)
        row.addWidget(stay)
        row.addStretch()
        row.addWidget(leave)
        row.addWidget(keep)
        self.column.addLayout(row)
        keep.setDefault(True)
        keep.setFocus()

    def _quit(self) -> None:
        self.quits = True
        self.reject()


class Leave(QObject):
    """Sees the window being closed, and asks where something is pending.

    Args:
        window: is watched.
        theme: for the question.
        bridge: says what is pending.
    """

    def __init__(self, window: Window, theme: Theme, bridge: Bridge) -> None:
        super().__init__(window)
        self._window = window
        self._theme = theme
        self._tasks: tuple[Task, ...] = ()
        self._sheet: LeaveSheet | None = None
        self._leaving = False
        bridge.happened.connect(self._happened)
        window.installEventFilter(self)
        if (application := QApplication.instance()) is not None:
            application.commitDataRequest.connect(self._session_ends)  # type: ignore[attr-defined]

    def quit(self) -> None:
        """Close the window and end, whatever is pending."""
        self._leaving = True
        QApplication.setQuitOnLastWindowClosed(True)
        if self._window.isVisible():
            self._window.close()
        else:
            QApplication.quit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Hold the closing back until it has been answered."""
        if event.type() != QEvent.Type.Close or watched is not self._window or self._leaving or not self._tasks:
            return False
        event.ignore()
        if self._sheet is None:
            self._ask()
        return True

    def _ask(self) -> None:
        sheet = self._sheet = LeaveSheet(self._window, self._theme, self._tasks)
        sheet.accepted.connect(self._keep)
        sheet.finished.connect(lambda: self._answered(sheet))
        self._window.sheets.present(sheet)

    def _answered(self, sheet: LeaveSheet) -> None:
        self._sheet = None
        if sheet.quits:
            QTimer.singleShot(0, self, self.quit)

    def _keep(self) -> None:
        """Go on without a window."""
        QApplication.setQuitOnLastWindowClosed(False)
        self._window.hide()

    def _happened(self, event: Happening) -> None:
        if isinstance(event, TasksChanged):
            self._tasks = event.tasks

    def _session_ends(self) -> None:
        """The desktop ends: nobody is there to answer."""
        self._leaving = True
