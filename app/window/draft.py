"""Keeps what the composer holds with its conversation: from one to the next, and on disk while it is typed."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import QObject, QTimer, Signal
from shiboken6 import isValid

from deskhand.agent.percept import Percept
from deskhand.app.drafts import NEW, Drafts
from deskhand.app.window import background
from deskhand.app.window.composer import Composer

SAVE_MS = 700
"""From a key to the disk."""


class Draft(QObject):
    """What is typed and attached, one for each conversation. Attachments are kept until the window is closed.

    Args:
        composer: that it is typed into.
        drafts: on disk; None keeps nothing there.
    """

    found = Signal(int)
    """At the start: the conversation whose draft was written last."""

    def __init__(self, composer: Composer, drafts: Drafts | None) -> None:
        super().__init__(composer)
        self._composer = composer
        self._drafts = drafts
        self._texts: dict[str, str] = {}
        self._attached: dict[str, tuple[Percept, ...]] = {}
        self._key = NEW
        self._number = 0
        self._timer = QTimer(self, singleShot=True, interval=SAVE_MS)
        self._timer.timeout.connect(self._save)
        composer.input.textChanged.connect(self._typed)
        if drafts:
            background.run(drafts.read, self._read, lambda _sentence: None)

    def show(self, conversation: int | None) -> None:
        """Another conversation is open: what was typed and attached stays with the last one."""
        key = NEW if conversation is None else str(conversation)
        if key == self._key:
            return
        self._keep()
        self._key = key
        composer = self._composer
        composer.clear()
        composer.input.setPlainText(self._texts.get(key, ""))
        composer.input.moveCursor(composer.input.textCursor().MoveOperation.End)
        for percept in self._attached.pop(key, ()):
            composer.chips.add(percept)

    def rename(self, conversation: int) -> None:
        """The new conversation has a name by now; what is being typed belongs to it."""
        if self._key == NEW:
            self._texts.pop(NEW, None)
            self._key = str(conversation)
            self._typed()

    def keep_only(self, conversations: Collection[int]) -> None:
        """Forget the drafts of conversations that are gone."""
        known = {NEW, self._key, *map(str, conversations)}
        if gone := [key for key in self._texts if key not in known]:
            for key in gone:
                self._texts.pop(key)
                self._attached.pop(key, None)
            self._timer.start()

    def forget(self, conversation: int) -> None:
        """A conversation is deleted, and what was typed in it."""
        key = str(conversation)
        self._texts.pop(key, None)
        self._attached.pop(key, None)
        if key == self._key:
            self._composer.clear()
        self._timer.start()

    def close(self) -> None:
        """Write down what there is, at once."""
        self._timer.stop()
        self._keep()
        if self._drafts:
            self._drafts.write(dict(self._texts), self._key, self._next())

    def _read(self, kept: tuple[dict[str, str], str]) -> None:
        if not isValid(self):
            return
        texts, last = kept
        self._texts = {**texts, **self._texts}
        if self._composer.empty and self._key == NEW and texts.get(NEW):
            self._composer.input.setPlainText(texts[NEW])
            self._composer.input.moveCursor(self._composer.input.textCursor().MoveOperation.End)
        elif self._composer.empty and last.isdigit() and texts.get(last):
            self.found.emit(int(last))

    def _typed(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _keep(self) -> None:
        text = self._composer.input.toPlainText()
        if text.strip():
            self._texts[self._key] = text
        else:
            self._texts.pop(self._key, None)
        originals = self._composer.chips.originals
        if originals:
            self._attached[self._key] = originals

    def _save(self) -> None:
        self._keep()
        self._attached.pop(self._key, None)  # they are in the composer
        if drafts := self._drafts:
            texts, key, number = dict(self._texts), self._key, self._next()
            background.run(lambda: drafts.write(texts, key, number), lambda _: None, lambda _sentence: None)

    def _next(self) -> int:
        self._number += 1
        return self._number
