"""The last line of a call that changed something: what became of it, and the button that takes it back."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from deskhand.app.undoing import Undoable
from deskhand.app.visible import shown
from deskhand.app.window.fold import label, named, restyle, tip


class UndoRow(QWidget):
    """A sentence and one button, which says Undo, Redo, or Undo anyway.

    Args:
        what: the call's name, for screen readers.
    """

    asked = Signal(bool, bool)
    """Whether to make it again, and whether although the file was changed since."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.setObjectName("undo-row")
        self._what = what
        self._offer = Undoable()
        self._busy = False
        self._sentence = label("", "muted", wrap=True, name="undo-said")
        self._sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.button = named(QPushButton(), "call-undo")
        self.button.setProperty("role", "small")
        self.button.clicked.connect(self._press)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 2, 0, 0)
        row.setSpacing(12)
        row.addWidget(self._sentence, 1)
        row.addWidget(self.button, 0, Qt.AlignmentFlag.AlignBottom)

    def show_offer(self, offer: Undoable) -> None:
        """Say what was done, or why not, and offer what can be done now."""
        self._offer, self._busy = offer, False
        self._sentence.setText(shown(offer.said))
        self._sentence.setProperty("role", "warn" if offer.failed else "muted")
        restyle(self._sentence)
        again = " anyway" if offer.conflict else ""
        self._name(f"{'Redo' if offer.undone else 'Undo'}{again}")
        says = "Put this back as it was before" if not offer.undone else "Make this change again"
        if offer.conflict:
            says += ". What is there now is kept: the button brings it back"
        self.button.setToolTip(tip(says))

    def _name(self, word: str) -> None:
        self.button.setText(word)
        self.button.setAccessibleName(f"{word}: {self._what}")
        self.button.setAccessibleDescription(self._sentence.text())

    def _press(self) -> None:
        # Not switched off meanwhile: that would take the focus away from who works by keyboard.
        if not self._busy:
            self._busy = True
            self._name("Working…")
            self.asked.emit(self._offer.undone, self._offer.conflict)
