"""What the window shows beside the list: the conversation, or one of the pages in its place."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedWidget, QWidget

from deskhand.app.window.page import Page
from deskhand.app.window.sheet import Sheet


class Places(QStackedWidget):
    """The conversation and the pages, of which one is to be seen.

    Args:
        conversation: what is shown at first.
        pages: by name.
    """

    moved = Signal(str)
    """The name of the page that is shown from now on; empty for the conversation."""
    sheet_wanted = Signal(object)

    def __init__(self, conversation: QWidget, pages: dict[str, Page]) -> None:
        super().__init__()
        self._conversation = conversation
        self._pages = pages
        self.addWidget(conversation)
        for page in pages.values():
            self.addWidget(page)
            page.left.connect(self.show_conversation)
            page.sheet_wanted.connect(self._pass_on)

    @property
    def on_page(self) -> bool:
        """Whether the conversation is hidden by a page."""
        return self.currentWidget() is not self._conversation

    def go(self, name: str) -> None:
        """Show the page of that name; if it is shown already, the conversation again."""
        page = self._pages.get(name)
        if page is None or page is self.currentWidget():
            self.show_conversation()
            return
        self.setCurrentWidget(page)
        page.back.setFocus()
        self.moved.emit(name)

    def show_conversation(self) -> None:
        """Go back to it."""
        self.setCurrentWidget(self._conversation)
        self.moved.emit("")

    def _pass_on(self, sheet: Sheet) -> None:
        self.sheet_wanted.emit(sheet)
