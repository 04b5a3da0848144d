"""What will be sent along with the text: removable chips over the composer."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from deskhand.agent.percept import Percept, ScreenPercept
from deskhand.app.window.entries import Thumbnail, clock, picture
from deskhand.app.window.fold import label, named
from deskhand.app.window.theme import Theme


class Chip(QFrame):
    """One percept with its name and a button that takes it away."""

    removed = Signal()
    opened = Signal(QImage)

    def __init__(self, theme: Theme, percept: Percept, warning: str = "") -> None:
        super().__init__()
        self.setObjectName("chip")
        self._theme = theme
        self.percept = percept
        self.setProperty("role", "chip")
        self.setProperty("warn", bool(warning))
        row = QHBoxLayout(self)
        row.setContentsMargins(7, 6, 4, 6)
        row.setSpacing(9)
        if isinstance(percept, ScreenPercept):
            thumbnail = Thumbnail(picture(percept.image), 72, 44)
            thumbnail.clicked.connect(lambda: self.opened.emit(thumbnail.image))
            row.addWidget(thumbnail)
            name, detail = percept.source, f"{percept.image.width} × {percept.image.height}"
        else:
            mark = QLabel()
            mark.setPixmap(theme.icon("wave", "warn" if warning else "accent", 20).pixmap(20, 20))
            row.addSpacing(4)
            row.addWidget(mark)
            name, detail = percept.source, clock(percept.audio.seconds)
        words = QVBoxLayout()
        words.setSpacing(0)
        title = label(name[:1].upper() + name[1:])
        title.setMaximumWidth(200)
        words.addWidget(title)
        words.addWidget(label(warning or detail, "warn" if warning else "small"))
        row.addLayout(words)
        remove = named(QToolButton(), "chip-remove", "Take it away", f"Take away {name}")
        remove.setProperty("role", "quiet")
        remove.setIcon(theme.icon("cross", size=14))
        remove.clicked.connect(self.removed)
        row.addWidget(remove, 0, Qt.AlignmentFlag.AlignTop)
        self.setAccessibleName(f"Attached: {name}, {warning or detail}")


class Chips(QWidget):
    """The row of chips; hidden while there is none."""

    changed = Signal()
    opened = Signal(QImage)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("chips")
        self._theme = theme
        self._chips: list[Chip] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 4)
        self._row.setSpacing(8)
        self._row.addStretch()
        self.hide()

    @property
    def percepts(self) -> tuple[Percept, ...]:
        """What is attached, in order."""
        return tuple(chip.percept for chip in self._chips)

    def add(self, percept: Percept, warning: str = "") -> None:
        """Attach one; ``warning`` is shown in place of its size."""
        chip = Chip(self._theme, percept, warning)
        chip.removed.connect(lambda: self.remove(chip))
        chip.opened.connect(self.opened)
        self._row.insertWidget(len(self._chips), chip)
        self._chips.append(chip)
        self.show()
        self.changed.emit()

    def remove(self, chip: Chip) -> None:
        """Take one away."""
        self._chips.remove(chip)
        self._row.removeWidget(chip)
        chip.hide()
        chip.deleteLater()
        self.setVisible(bool(self._chips))
        self.changed.emit()

    def clear(self) -> None:
        """Take all away."""
        for chip in tuple(self._chips):
            self.remove(chip)
