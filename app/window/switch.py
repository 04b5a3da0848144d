"""A check box drawn as a switch: for what takes effect at once."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QCheckBox

from deskhand.app.window.fold import named
from deskhand.app.window.theme import Theme

_WIDTH, _HEIGHT, _EDGE = 36, 20, 3


class Switch(QCheckBox):
    """Without words beside it; a screen reader says ``accessible``.

    Args:
        theme: for its colours.
        name: object name.
        accessible: what it switches.
        on: how it stands at first.
    """

    def __init__(self, theme: Theme, name: str, accessible: str, *, on: bool) -> None:
        super().__init__()
        self._theme = theme
        named(self, name, accessible=accessible)
        self.setChecked(on)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """The track and a ring around it for the focus."""
        return QSize(_WIDTH + 2 * _EDGE, _HEIGHT + 2 * _EDGE)

    def hitButton(self, pos: object) -> bool:  # noqa: ARG002, N802 - Qt's signature and name
        """All of it can be clicked."""
        return True

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802 - Qt's signature and name
        """The track, the knob, and a ring while it has the focus."""
        colours = self._theme.colours
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        track = QRectF(_EDGE, (self.height() - _HEIGHT) / 2, _WIDTH, _HEIGHT)
        on = self.isChecked()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.accent if on else colours.faint))
        painter.drawRoundedRect(track, _HEIGHT / 2, _HEIGHT / 2)
        radius = _HEIGHT / 2 - 3
        x = track.right() - radius - 3 if on else track.left() + radius + 3
        painter.setBrush(QColor(colours.on_accent if on else colours.surface))
        painter.drawEllipse(QPointF(x, track.center().y()), radius, radius)
        if self.hasFocus():
            painter.setPen(QPen(QColor(colours.accent), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            ring = track.adjusted(-2, -2, 2, 2)
            painter.drawRoundedRect(ring, ring.height() / 2, ring.height() / 2)
