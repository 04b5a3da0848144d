"""The conversations at the side, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QContextMenuEvent, QKeySequence, QMouseEvent
from PySide6.QtWidgets import (
    QFrame,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from deskhand.app.happenings import Conversation
from deskhand.app.visible import shown
from deskhand.app.window.fold import hint, label, named, restyle, tip
from deskhand.app.window.theme import Theme

NEW = QKeySequence("Ctrl+N")
SKILLS = QKeySequence("Ctrl+Shift+K")
PERMISSIONS = QKeySequence("Ctrl+Shift+P")
_KEY = Qt.ItemDataRole.UserRole


class Sidebar(QFrame):
    """A list to choose a conversation from, and a button for a new one."""

    chosen = Signal(int)
    page_chosen = Signal(str)
    """``skills`` or ``permissions``."""
    new_requested = Signal()
    delete_requested = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("side")
        self._theme = theme
        self.setFixedWidth(228)
        self.new = named(QToolButton(), "new", hint("New conversation", NEW), "New conversation")
        self.new.setText(" New conversation")
        self.new.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.new.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.new.clicked.connect(self.new_requested)
        self._pages = {
            "skills": self._page_button("skills", "Skills", SKILLS, "What it can do, and what waits for your consent"),
            "permissions": self._page_button("permissions", "Permissions", PERMISSIONS, "What runs without asking"),
        }
        self.list = named(Conversations(), "conversations", accessible="Conversations")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.setUniformItemSizes(True)
        self.list.itemClicked.connect(self._choose)
        self.list.itemActivated.connect(self._choose)
        self._delete = QAction("Delete…", self.list)
        self._delete.setShortcut(QKeySequence.StandardKey.Delete)
        self._delete.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self._delete.triggered.connect(self._ask_delete)
        self.list.addAction(self._delete)
        self.list.delete_requested.connect(self.delete_requested)
        self.list.hide()  # it has nothing to go to by Tab yet
        self._empty = label("Conversations appear here and stay on this machine.", "small", wrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 12, 10, 10)
        column.setSpacing(8)
        column.addWidget(self.new)
        column.addWidget(self._empty)
        column.addWidget(self.list, 1)
        self._rest = QWidget()
        column.addWidget(self._rest, 1)
        for page in self._pages.values():
            column.addWidget(page)
        theme.changed.connect(self._draw)
        self._draw()

    def show_conversations(self, conversations: Sequence[Conversation]) -> None:
        """Show them, newest first, and keep the choice."""
        current = self.list.currentItem()
        chosen = current.data(_KEY) if current else None
        self.list.clear()
        for each in conversations:
            title = shown(each.title.replace("\n", " ")) or "Untitled"
            item = QListWidgetItem(title)
            item.setData(_KEY, each.id)
            item.setToolTip(tip(f"{title}\n{when(each.started)}"))
            item.setSizeHint(QSize(0, 36))
            self.list.addItem(item)
            if each.id == chosen:
                self.list.setCurrentItem(item)
        self._empty.setVisible(not conversations)
        self._rest.setVisible(not conversations)
        self.list.setVisible(bool(conversations))

    def select(self, conversation: int | None) -> None:
        """Mark the one that is open."""
        for row in range(self.list.count()):
            if self.list.item(row).data(_KEY) == conversation:
                self.list.setCurrentRow(row)
                return
        self.list.setCurrentRow(-1)
        self.list.clearSelection()

    def show_page(self, name: str) -> None:
        """Mark the page that is shown; empty for the conversation."""
        for key, page in self._pages.items():
            page.setProperty("current", key == name)
            page.setAccessibleDescription("Shown now" if key == name else "")
            restyle(page)

    def offer_pages(self, names: Sequence[str]) -> None:
        """Which pages there are to go to."""
        for key, page in self._pages.items():
            page.setVisible(key in names)

    def _page_button(self, name: str, text: str, keys: QKeySequence, tip: str) -> QToolButton:
        made = named(QToolButton(), f"go-{name}", hint(tip, keys), text)
        made.setText(f" {text}")
        made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        made.clicked.connect(lambda: self.page_chosen.emit(name))
        return made

    def _choose(self, item: QListWidgetItem) -> None:
        self.chosen.emit(item.data(_KEY))

    def _ask_delete(self) -> None:
        if item := self.list.currentItem():
            self.delete_requested.emit(item.data(_KEY))

    def _draw(self) -> None:
        self.new.setIcon(self._theme.icon("plus", "text"))
        self._pages["skills"].setIcon(self._theme.icon("skills", "text"))
        self._pages["permissions"].setIcon(self._theme.icon("shield", "text"))


class Conversations(QListWidget):
    """The list; a right click is about the line below the pointer, and chooses none."""

    delete_requested = Signal(int)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Leave the mark where it is unless a line is chosen."""
        if event.button() != Qt.MouseButton.RightButton:
            super().mousePressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802 - Qt's name
        """Offer what can be done with one conversation."""
        by_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        item = self.itemAt(event.pos()) if by_mouse else self.currentItem()
        if item is not None:
            number = item.data(_KEY)
            menu = QMenu(self)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.addAction("Delete…").triggered.connect(lambda: self.delete_requested.emit(number))
            menu.popup(event.globalPos())


def when(moment: datetime, today: date | None = None) -> str:
    """A date as people say it, in local time."""
    local = moment.astimezone()
    day = today or datetime.now(UTC).astimezone().date()
    if local.date() == day:
        return f"Today, {local:%H:%M}"
    if local.date() == day - timedelta(days=1):
        return f"Yesterday, {local:%H:%M}"
    return f"{local:%A}, {local.day} {local:%B %Y}"
