"""The line at the window's upper edge: the conversation's name, its buttons, and what goes on behind."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QWidget

from deskhand.app.visible import shown
from deskhand.app.window.fold import hint, label, named
from deskhand.app.window.sidebar import NEW
from deskhand.app.window.tasks import TasksButton
from deskhand.app.window.theme import Theme


class Head(QWidget):
    """Always visible; the small “new” button only while the list, which has one of its own, is folded away."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.fold = named(QToolButton(), "toggle-sidebar", "Show or hide the conversations")
        self.fold.setCheckable(True)
        self.fold.setAccessibleName("Conversations")
        self.fold.setChecked(True)
        self.new = named(QToolButton(), "new-small", hint("New conversation", NEW))
        self.new.setAccessibleName("New conversation")
        self._title = label("New conversation", "heading", name="title")
        self._title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.tasks = TasksButton(theme)
        for button in (self.fold, self.new, self.tasks):
            button.setProperty("role", "icon")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 10, 12, 4)
        row.setSpacing(6)
        row.addWidget(self.fold)
        row.addWidget(self.new)
        row.addWidget(self._title, 1)
        row.addWidget(self.tasks)
        self.new.hide()
        self.fold.toggled.connect(self._folded)
        theme.changed.connect(self._draw)
        self._draw()

    def name(self, title: str) -> None:
        """Show the conversation's name."""
        self._title.setText(shown(title))

    def _folded(self, listed: bool) -> None:
        self.new.setVisible(not listed)

    def _draw(self) -> None:
        self.fold.setIcon(self._theme.icon("sidebar", "muted", 20))
        self.new.setIcon(self._theme.icon("plus", "muted", 20))
