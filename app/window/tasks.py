"""The button that says what goes on behind the conversation, and withdraws it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QMenu, QToolButton

from deskhand.agent.task import Task
from deskhand.app.visible import shown
from deskhand.app.window.fold import tip
from deskhand.app.window.theme import Theme

_TITLES = {"later": "Later", "watch": "Watching"}


class TasksButton(QToolButton):
    """Only there while something goes on; its menu has a line for each task, which withdraws it."""

    withdrawn = Signal(str)
    """Carries the id of a task."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setObjectName("tasks")
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setMenu(QMenu(self))
        self.hide()
        theme.changed.connect(self._draw)
        self._draw()

    def show_tasks(self, tasks: Sequence[Task]) -> None:
        """Show what goes on now."""
        menu = self.menu()
        menu.clear()
        for task in tasks:
            action = menu.addAction(f"{line(task)} · Cancel".replace("&", "&&"))
            action.triggered.connect(lambda _=False, name=task.id: self.withdrawn.emit(name))
        self.setText(str(len(tasks)))
        words = "\n".join(line(task) for task in tasks)
        self.setToolTip(tip(words))
        self.setAccessibleName(f"{len(tasks)} going on: {words}")
        self.setVisible(bool(tasks))

    def _draw(self) -> None:
        self.setIcon(self._theme.icon("bell", "muted", 18))


def line(task: Task) -> str:
    """A task as a person reads it: ``12-minute timer, ends 02:45``, ``Watching “the build is done” until 14:30``."""
    what = f" “{shown(task.what)[:80]}”" if task.what else " for any change" if task.kind == "watch" else ""
    due = datetime.fromtimestamp(task.due).astimezone()
    when = f"{due:%H:%M}" if due.date() == datetime.now().astimezone().date() else f"{due:%Y-%m-%d %H:%M}"
    if task.kind == "timer":
        plain = re.fullmatch(r"(?:timer for )?(\d+) (second|minute|hour)s?", task.what)
        name = f"{plain[1]}-{plain[2]} timer" if plain else what.strip() or "Timer"
        return f"{name}, ends {when}"
    return f"{_TITLES[task.kind]}{what} {'until' if task.kind == 'watch' else 'at'} {when}"
