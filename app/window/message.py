"""The field that a message is typed into: Enter sends, what is pasted is taken as what it is."""

from __future__ import annotations

import time
from pathlib import Path

from PySide6.QtCore import QMimeData, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFontMetrics, QImage, QInputMethodEvent, QKeyEvent
from PySide6.QtWidgets import QFrame, QPlainTextEdit

from deskhand.app.window.keys import ENTER, is_talk

MOST_LINES = 9
COMPOSED_SECONDS = 0.05
"""Some input methods pass on the Enter that ended a composition, just behind what was composed."""


class Input(QPlainTextEdit):
    """Text of several lines that grows; Enter sends, Shift+Enter begins a line."""

    sent = Signal()
    image_pasted = Signal(QImage)
    files_given = Signal(list)
    focused = Signal(bool)
    paged = Signal(int)
    """A page key: by how many pages the conversation is to scroll."""
    recalled = Signal()
    """↑ where nothing is typed: the last message once more."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("composer")
        self._composing = False
        self._composed = 0.0
        self.setAccessibleName("Message")
        self.setTabChangesFocus(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.document().setDocumentMargin(2)
        self.textChanged.connect(self._grow)
        self._grow()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Send on Enter, but never on the one that ends a composition of an input method."""
        plain = not event.modifiers() & (Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.AltModifier)
        pages = {Qt.Key.Key_PageUp: -1, Qt.Key.Key_PageDown: 1}
        if event.key() in ENTER and plain:
            if not self._composing and time.monotonic() - self._composed > COMPOSED_SECONDS:
                self.sent.emit()
        elif is_talk(event):
            event.ignore()
        elif event.key() in pages and not event.modifiers() and not self._composing:
            self.paged.emit(pages[Qt.Key(event.key())])
        elif event.key() == Qt.Key.Key_Up and not event.modifiers() and not self.toPlainText() and not self._composing:
            self.recalled.emit()
        else:
            super().keyPressEvent(event)

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:  # noqa: N802 - Qt's name
        """Know whether something is being composed: Enter is the input method's then (report E7)."""
        before, self._composing = self._composing, bool(event.preeditString())
        if before and not self._composing:
            self._composed = time.monotonic()
        super().inputMethodEvent(event)

    def insertFromMimeData(self, source: QMimeData) -> None:  # noqa: N802 - Qt's name
        """Take pictures and files as attachments, everything else as plain text."""
        paths = [Path(url.toLocalFile()) for url in source.urls() if url.isLocalFile()]
        if paths:
            self.files_given.emit(paths)
        elif source.hasImage():
            image = source.imageData()
            if isinstance(image, QImage):
                self.image_pasted.emit(image)
        else:
            self.insertPlainText(source.text())

    def canInsertFromMimeData(self, source: QMimeData) -> bool:  # noqa: N802 - Qt's name
        """Text, pictures and files."""
        return source.hasImage() or source.hasUrls() or source.hasText()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        """Tell the card, which draws the focus."""
        super().focusInEvent(event)
        self.focused.emit(True)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        """Likewise."""
        super().focusOutEvent(event)
        self.focused.emit(False)

    def _grow(self) -> None:
        lines = max(1, min(MOST_LINES, round(self.document().size().height())))
        self.setFixedHeight(QFontMetrics(self.font()).lineSpacing() * lines + 8)
