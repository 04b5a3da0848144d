"""What the microphone hears, drawn while it is recorded: a row of bars, the newest on the right."""

from __future__ import annotations

from collections import deque

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from deskhand.app.window.theme import Theme

BAR = 3
GAP = 2


class Meter(QWidget):
    """Shows levels between 0 (quieter than a whisper) and 1 (as loud as it gets)."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("meter")
        self._theme = theme
        self._levels: deque[float] = deque(maxlen=400)
        self.setAccessibleName("Microphone level")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(30)
        theme.changed.connect(self.update)

    @property
    def levels(self) -> tuple[float, ...]:
        """What has been shown, oldest first."""
        return tuple(self._levels)

    def clear(self) -> None:
        """Begin anew."""
        self._levels.clear()
        self.update()

    def add(self, level: float) -> None:
        """The newest level."""
        self._levels.append(min(max(level, 0.0), 1.0))
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As wide as there is room."""
        return QSize(160, 30)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802 - Qt's signature and name
        """Draw the bars; a dotted line where nothing was heard yet."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        count = self.width() // (BAR + GAP)
        middle = self.height() / 2
        levels = list(self._levels)[-count:]
        quiet, loud = QColor(self._theme.colours.border), QColor(self._theme.colours.accent)
        for index in range(count):
            at = index - (count - len(levels))
            level = levels[at] if at >= 0 else 0.0
            height = max(3.0, level * self.height())
            painter.setBrush(loud if at >= 0 and level > 0.02 else quiet)
            painter.drawRoundedRect(QRectF(index * (BAR + GAP), middle - height / 2, BAR, height), 1.5, 1.5)
