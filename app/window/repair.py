"""The window that opens in place of the other where Deskhand can't start: what is wrong, and a way on."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout

from deskhand.app.visible import shown
from deskhand.app.window.fold import label, named
from deskhand.app.window.items import START_FRESH
from deskhand.app.window.sheet import button

Choice = Literal["fresh", "again", "quit"]


class RepairWindow(QDialog):
    """Says why Deskhand can't start.

    Args:
        problem: a sentence.
        folder: that it is about, which can be opened; None where there is none.
        fresh: whether a file can be put aside.
        again: whether trying once more may help.

    Attributes:
        choice: what the person wants, once it is closed.
    """

    def __init__(self, problem: str, folder: Path | None, *, fresh: bool = False, again: bool = False) -> None:
        super().__init__()
        self.setObjectName("repair")
        self.setWindowTitle("Deskhand")
        self.setMinimumWidth(460)
        self.choice: Choice = "quit"
        column = QVBoxLayout(self)
        column.setContentsMargins(26, 24, 26, 22)
        column.setSpacing(12)
        column.addWidget(label("Deskhand can't start as it is", "title"))
        told = label(shown(problem), wrap=True, name="repair-problem")
        told.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addWidget(told)
        if fresh:
            column.addWidget(
                label("Starting fresh leaves the old file as it is, beside the new one.", "muted", wrap=True)
            )
        row = QHBoxLayout()
        row.setSpacing(8)
        if folder is not None:
            show = button("Open the folder", "plain", "repair-folder")
            show.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))))
            row.addWidget(show)
        row.addStretch()
        leave = button("Quit", "plain", "repair-quit")
        leave.clicked.connect(self.reject)
        row.addWidget(leave)
        first = leave
        if again:
            first = button("Try again", "plain" if fresh else "primary", "repair-again")
            first.clicked.connect(lambda: self._choose("again"))
            row.addWidget(first)
        if fresh:
            first = button(START_FRESH, "primary", "repair-fresh")
            first.clicked.connect(lambda: self._choose("fresh"))
            row.addWidget(first)
        column.addLayout(row)
        named(self, "repair")
        first.setDefault(True)
        first.setFocus()

    def _choose(self, choice: Choice) -> None:
        self.choice = choice
        self.accept()
