"""The list below ``/``: the skills that can be activated, while the person types one's name at the beginning."""

from __future__ import annotations

import re

from PySide6.QtCore import QEvent, QObject, QPoint, QSize, Qt
from PySide6.QtGui import QKeyEvent, QTextCursor
from PySide6.QtWidgets import QLabel, QListWidget, QListWidgetItem, QPlainTextEdit, QVBoxLayout, QWidget
from shiboken6 import isValid

from deskhand.app.shelf import Shelf, Shelved
from deskhand.app.visible import shown
from deskhand.app.window import background
from deskhand.app.window.fold import label, named, tip

MOST_SHOWN = 6
"""Rows; more are scrolled to."""
_ROW = 46
_NAME = Qt.ItemDataRole.UserRole
_BEGUN = re.compile(r"/([\w.-]*)")


class Completion(QListWidget):
    """Arrows choose, Tab and Enter take, Esc closes; while it is closed every key is the text's.

    Args:
        text: in which ``/`` is typed.
        shelf: whose skills.
    """

    def __init__(self, text: QPlainTextEdit, shelf: Shelf) -> None:
        super().__init__(text)
        named(self, "completion", accessible="Skills that can be named")
        self._text = text
        self._shelf = shelf
        self._dismissed = ""
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.hide()
        self.itemClicked.connect(self._take)
        text.textChanged.connect(self._follow)
        text.cursorPositionChanged.connect(self._follow)
        text.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Take the keys that are the list's while it is open."""
        if watched is not self._text or not self.isVisible():
            return False
        if event.type() in {QEvent.Type.FocusOut, QEvent.Type.Hide}:
            self.hide()
        elif event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            if event.key() == Qt.Key.Key_Escape:
                event.accept()  # else Esc would be the window's shortcut, which stops a turn
                return True
        elif event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return self._key(event)
        return False

    def _key(self, event: QKeyEvent) -> bool:
        if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            return False
        match event.key():
            case Qt.Key.Key_Down:
                self._move(1)
            case Qt.Key.Key_Up:
                self._move(-1)
            case Qt.Key.Key_Tab | Qt.Key.Key_Return | Qt.Key.Key_Enter:
                self._take(self.currentItem())
            case Qt.Key.Key_Escape:
                self._dismissed = self._text.toPlainText()
                self.hide()
            case _:
                return False
        return True

    def _move(self, by: int) -> None:
        self.setCurrentRow((self.currentRow() + by) % self.count())
        self._say()

    def _say(self) -> None:
        item = self.currentItem()
        self._text.setAccessibleDescription(item.data(Qt.ItemDataRole.AccessibleTextRole) if item else "")

    def _begun(self) -> str | None:
        """What was typed of a name, if that is all there is before the cursor."""
        cursor = self._text.textCursor()
        found = _BEGUN.fullmatch(self._text.toPlainText()[: cursor.position()])
        return found.group(1) if found and not cursor.hasSelection() else None

    def _follow(self) -> None:
        begun = self._begun()
        text = self._text.toPlainText()
        if begun is None or text == self._dismissed or not self._text.hasFocus():
            if begun is None:
                self._dismissed = ""
            self._close()
            return
        if not self.isVisible():
            background.run(self._shelf.look, self._looked, lambda _sentence: None)
        self._fill(begun)

    def _looked(self, _shelved: Shelved) -> None:
        if not isValid(self) or not self._text.hasFocus() or self._text.toPlainText() == self._dismissed:
            return
        if (begun := self._begun()) is not None:
            self._fill(begun)

    def _close(self) -> None:
        if self.isVisible():
            self.hide()
            self._text.setAccessibleDescription("")

    def _fill(self, begun: str) -> None:
        key = begun.casefold()
        known = self._shelf.activatable
        matches = [each for each in known if each[0].casefold().startswith(key)]
        matches += [each for each in known if key in each[0].casefold() and each not in matches]
        if not matches or [name for name, _ in matches] == [begun]:
            self._close()
            return
        item = self.currentItem()
        chosen = item.data(_NAME) if item and self.isVisible() else ""
        self.clear()
        for name, description in matches:
            self._add(name, description)
        names = [name for name, _ in matches]
        self.setCurrentRow(names.index(chosen) if chosen in names else 0)
        self._place(len(matches))
        self.show()
        self.raise_()
        self._say()

    def _add(self, name: str, description: str) -> None:
        item = QListWidgetItem()
        item.setData(_NAME, name)
        item.setData(Qt.ItemDataRole.AccessibleTextRole, f"/{shown(name)}: {shown(description)}")
        item.setToolTip(tip(shown(description)))
        item.setSizeHint(QSize(0, _ROW))
        self.addItem(item)
        self.setItemWidget(item, _Row(name, description))

    def _place(self, count: int) -> None:
        """Above the text, as wide as it; inside the window, so that it is in every picture of it."""
        window = self._text.window()
        if self.parentWidget() is not window:
            self.setParent(window)
        rows = min(count, MOST_SHOWN)
        corner = self._text.mapTo(window, QPoint(0, 0))
        height = min(rows * _ROW + 12, max(_ROW + 12, corner.y() - 20))
        self.setGeometry(corner.x() - 6, corner.y() - height - 18, self._text.width() + 8, height)

    def _take(self, item: QListWidgetItem | None) -> None:
        if item is None:
            return
        name = item.data(_NAME)
        cursor = self._text.textCursor()
        end = cursor.position()
        rest = self._text.toPlainText()[end:]
        cursor.setPosition(0)
        cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
        cursor.insertText(f"/{name}" if rest.startswith((" ", "\n")) else f"/{name} ")
        self._text.setTextCursor(cursor)
        self._close()


class _Row(QWidget):
    """A name, and on one line what the skill is for."""

    def __init__(self, name: str, description: str) -> None:
        super().__init__()
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 5, 10, 5)
        column.setSpacing(0)
        column.addWidget(label(f"/{shown(name)}", "heading"))
        self._whole = shown(description.replace("\n", " "))
        self._line: QLabel = label("", "small")
        column.addWidget(self._line)
        self._line.setMinimumWidth(10)

    def resizeEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
        """End the line where the room ends."""
        super().resizeEvent(event)  # pyright: ignore[reportArgumentType]
        room = self.width() - 24
        self._line.setText(self._line.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideRight, room))
