"""What will be sent along with the text: removable chips over the composer."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from deskhand.agent.percept import Percept, ScreenPercept
from deskhand.agent.safety.painting import Painted, Painter
from deskhand.app.window.covered import Check, words
from deskhand.app.window.entries import Thumbnail, clock, picture
from deskhand.app.window.fold import label, named, restyle
from deskhand.app.window.theme import Theme


class Chip(QFrame):
    """One percept with its name and a button that takes it away.

    A picture is looked through for secrets first, if the person chose that: until then the chip has no percept.
    """

    removed = Signal()
    opened = Signal(QImage)
    covered_opened = Signal(object)
    """Itself: a picture with covered secrets is to be shown."""
    settled = Signal()
    """It can be sent from now on."""
    refused = Signal(str)

    def __init__(self, theme: Theme, percept: Percept, warning: str = "", painter: Painter | None = None) -> None:
        super().__init__()
        self.setObjectName("chip")
        self._theme = theme
        self.original = percept
        self.percept: Percept | None = percept
        self.made: Painted | None = None
        self.bare = False
        self._painter = painter
        self._check: Check | None = None
        self._thumbnail: Thumbnail | None = None
        self.setProperty("role", "chip")
        self.setProperty("warn", bool(warning))
        row = QHBoxLayout(self)
        row.setContentsMargins(7, 6, 4, 6)
        row.setSpacing(9)
        if isinstance(percept, ScreenPercept):
            self._thumbnail = Thumbnail(picture(percept.image), 72, 44)
            self._thumbnail.clicked.connect(self._open)
            row.addWidget(self._thumbnail)
            name, detail = percept.source, f"{percept.image.width} × {percept.image.height}"
        else:
            mark = QLabel()
            mark.setPixmap(theme.icon("wave", "warn" if warning else "accent", 20).pixmap(20, 20))
            row.addSpacing(4)
            row.addWidget(mark)
            name, detail = percept.source, clock(percept.audio.seconds)
        column = QVBoxLayout()
        column.setSpacing(0)
        title = label(name[:1].upper() + name[1:])
        title.setMaximumWidth(200)
        column.addWidget(title)
        self._says = label(warning or detail, "warn" if warning else "small", name="chip-says")
        column.addWidget(self._says)
        row.addLayout(column)
        remove = named(QToolButton(), "chip-remove", "Take it away", f"Take away {name}")
        remove.setProperty("role", "quiet")
        remove.setIcon(theme.icon("cross", size=14))
        remove.clicked.connect(self.removed)
        row.addWidget(remove, 0, Qt.AlignmentFlag.AlignTop)
        self._name = name
        self.setAccessibleName(f"Attached: {name}, {warning or detail}")
        if painter is not None and painter.paints and isinstance(percept, ScreenPercept):
            self.percept = None
            self._tell(0)
            self._check = Check(painter, percept.image, self._tell, self._done, self.refused.emit)

    def discard(self) -> None:
        """It is taken away: what is still being looked for is of no use."""
        if self._check is not None:
            self._check.cancel()

    def choose(self, bare: bool) -> None:
        """Send this picture as it is, or covered."""
        if self._painter is None or self.made is None or not isinstance(self.original, ScreenPercept):
            return
        self.bare = bare
        if bare:
            self._painter.allow(self.original.image)
        else:
            self._painter.forbid(self.original.image)
        self._show(self.made)
        self.settled.emit()

    def _open(self) -> None:
        if self.made is not None and self.made.count:
            self.covered_opened.emit(self)
        elif self._thumbnail is not None:
            self.opened.emit(self._thumbnail.image)

    def _tell(self, percent: int) -> None:
        self._say(f"Looking for secrets… {percent} %")

    def _done(self, made: Painted) -> None:
        self.made = made
        self._show(made)
        self.settled.emit()

    def _show(self, made: Painted) -> None:
        assert isinstance(self.original, ScreenPercept)  # noqa: S101 - others are never looked through
        image = self.original.image if self.bare else made.image
        self.percept = replace(self.original, image=image)
        if self._thumbnail is not None:
            self._thumbnail.redraw(picture(image))
        self._say(words(made.count, bare=self.bare) if made.count else "No secrets found")
        self.setProperty("warn", self.bare)
        restyle(self)

    def _say(self, text: str) -> None:
        self._says.setText(text)
        self.setAccessibleName(f"Attached: {self._name}, {text}")


class Chips(QWidget):
    """The row of chips; hidden while there is none.

    Args:
        theme: for colours and icons.
        painter: looks through pictures for secrets.
    """

    changed = Signal()
    opened = Signal(QImage)
    covered_opened = Signal(object)
    refused = Signal(str)
    """A picture could not be looked through and is gone; one sentence."""

    def __init__(self, theme: Theme, painter: Painter | None = None) -> None:
        super().__init__()
        self.setObjectName("chips")
        self._theme = theme
        self._painter = painter
        self._chips: list[Chip] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 4)
        self._row.setSpacing(8)
        self._row.addStretch()
        self.hide()

    @property
    def percepts(self) -> tuple[Percept, ...]:
        """What is attached and can be sent, in order."""
        return tuple(chip.percept for chip in self._chips if chip.percept is not None)

    @property
    def originals(self) -> tuple[Percept, ...]:
        """What is attached, as it was given."""
        return tuple(chip.original for chip in self._chips)

    @property
    def pending(self) -> bool:
        """Whether a picture is still being looked through: until then nothing is sent, lest it is left out."""
        return any(chip.percept is None for chip in self._chips)

    def add(self, percept: Percept, warning: str = "") -> None:
        """Attach one; ``warning`` is shown in place of its size."""
        chip = Chip(self._theme, percept, warning, self._painter)
        chip.removed.connect(lambda: self.remove(chip))
        chip.opened.connect(self.opened)
        chip.covered_opened.connect(self.covered_opened)
        chip.settled.connect(self.changed)
        chip.refused.connect(partial(self._refuse, chip))
        self._row.insertWidget(len(self._chips), chip)
        self._chips.append(chip)
        self.show()
        self.changed.emit()

    def remove(self, chip: Chip) -> None:
        """Take one away."""
        chip.discard()
        self._chips.remove(chip)
        self._row.removeWidget(chip)
        chip.hide()
        chip.deleteLater()
        self.setVisible(bool(self._chips))
        self.changed.emit()

    def _refuse(self, chip: Chip, sentence: str) -> None:
        self.remove(chip)
        self.refused.emit(sentence)

    def clear(self) -> None:
        """Take all away."""
        for chip in tuple(self._chips):
            self.remove(chip)
