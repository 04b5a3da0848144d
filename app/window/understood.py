"""What a model of few sentences understands, to look up and to choose from."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QListWidget, QListWidgetItem, QWidget

from deskhand.app.window.fold import label, named
from deskhand.app.window.keys import ENTER
from deskhand.app.window.sheet import Sheet, button
from deskhand.app.window.theme import Theme

Example = tuple[str, dict[str, tuple[str, ...]]]

_ROW = 34
_CHOICES = Qt.ItemDataRole.UserRole


class UnderstoodSheet(Sheet):
    """A list of sentences that can be searched; one that is chosen closes it.

    Args:
        examples: of `deskhand.model.language.learnt.Learnt`.
    """

    chosen = Signal(str)
    """A sentence for the composer."""

    def __init__(self, parent: QWidget, theme: Theme, examples: Sequence[Example]) -> None:
        super().__init__(parent, theme, 620)
        self.setObjectName("understood-sheet")
        self.setAccessibleName("What it understands")
        self.column.addWidget(label("What it understands", "title"))
        told = "Choose one to put it into the message. When typed, capitals and marks at the end do not matter."
        self.column.addWidget(label(told, "muted", wrap=True))
        self.search = named(QLineEdit(), "understood-search", accessible="Search")
        self.search.setPlaceholderText("Search")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._narrow)
        self.column.addWidget(self.search)
        self.list = named(QListWidget(), "understood", accessible="Sentences")
        self.list.setFixedHeight(max(3 * _ROW, min(12 * _ROW, parent.height() - 340)))
        for sentence, choices in examples:
            item = QListWidgetItem(sentence, self.list)
            item.setSizeHint(QSize(0, _ROW))
            item.setData(_CHOICES, [f"{name.rstrip('2')}: {', '.join(values)}" for name, values in choices.items()])
        self.list.currentItemChanged.connect(self._explain)
        self.list.itemActivated.connect(self._choose)
        self.list.itemClicked.connect(self._choose)
        self.column.addWidget(self.list, 1)
        self._choices = label("", "small", name="understood-choices", wrap=True)
        self._choices.setMinimumHeight(3 * self._choices.fontMetrics().lineSpacing())
        self._choices.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.column.addWidget(self._choices)
        close = self.close_button = button("Close", "plain", "understood-close")
        close.clicked.connect(self.reject)
        row = QHBoxLayout()
        row.addStretch()
        row.addWidget(close)
        self.column.addLayout(row)
        self.list.setCurrentRow(0)
        self.search.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Arrows and Enter reach the list from the search, too."""
        row = self.list.currentRow()
        steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}
        if event.key() in steps:
            rows = [at for at in range(self.list.count()) if not self.list.item(at).isHidden()]
            step = steps[Qt.Key(event.key())]
            beyond = [at for at in rows if (at - row) * step > 0]
            if beyond:
                self.list.setCurrentRow(min(beyond) if step > 0 else max(beyond))
        elif event.key() in ENTER and not self.close_button.hasFocus():
            self._choose(self.list.currentItem())
        else:
            super().keyPressEvent(event)

    def _narrow(self, text: str) -> None:
        words = text.lower().split()
        first: QListWidgetItem | None = None
        for at in range(self.list.count()):
            item = self.list.item(at)
            item.setHidden(not all(word in item.text().lower() for word in words))
            first = first or (None if item.isHidden() else item)
        self.list.setCurrentItem(first) if first else self.list.setCurrentRow(-1)

    def _explain(self, item: QListWidgetItem | None) -> None:
        self._choices.setText("\n".join(item.data(_CHOICES)) if item else "")

    def _choose(self, item: QListWidgetItem | None) -> None:
        if item is not None and not item.isHidden():
            self.chosen.emit(item.text())
            self.accept()
