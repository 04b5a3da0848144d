"""A small sign above all windows that says that the microphone is open; it takes no keyboard."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QWidget

from deskhand.app.window.fold import label

_TOP = 18
"""Pixels from the upper edge."""


class Sign(QWidget):
    """Shown at the first `say`, gone with `end`."""

    def __init__(self) -> None:
        flags = Qt.WindowType.FramelessWindowHint | Qt.WindowType.WindowStaysOnTopHint | Qt.WindowType.ToolTip
        super().__init__(None, flags | Qt.WindowType.WindowDoesNotAcceptFocus)
        self.setObjectName("sign")
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setStyleSheet(
            "#sign { background: #1f2328; border: 2px solid #e0243a; border-radius: 10px }"
            "#sign QLabel { background: transparent; color: #ffffff; font-size: 14px }"
            "#sign #sign-dot { color: #ff4d5e; font-size: 18px } #sign #sign-hint { color: #c3c9d1 }"
        )
        dot = label("●", name="sign-dot")
        self.state = label("")
        self.hint = label("", name="sign-hint")
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 9, 18, 9)
        row.setSpacing(12)
        for each in (dot, self.state, self.hint):
            row.addWidget(each)

    def say(self, state: str, hint: str) -> None:
        """Show what goes on."""
        self.state.setText(state)
        self.hint.setText(hint)
        self.setAccessibleName(f"{state}. {hint}")
        self.adjustSize()
        screen = QGuiApplication.primaryScreen().availableGeometry()
        self.move(screen.center().x() - self.width() // 2, screen.top() + _TOP)
        if not self.isVisible():
            self.show()

    def end(self) -> None:
        """Go."""
        self.hide()
        self.deleteLater()
