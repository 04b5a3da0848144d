"""The menu of what a screenshot can be taken of, and how."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, QPoint, QRect, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QMenu

from deskhand.agent.safety.painting import Painter
from deskhand.app.capture import Screen
from deskhand.app.visible import shown
from deskhand.app.window.covered import add_choice

PRACTICE = QKeySequence("Ctrl+Shift+D")
OPEN_PRACTICE = "Open the practice window"

LOOKING = "Looking for screens and windows…"

_LONGEST = 60
"""Characters of a window's title."""


class ScreenMenu(QObject):
    """Fills the menu beside the screenshot button each time it opens.

    Args:
        menu: to fill.
        hide: whether the window is hidden while a screenshot is taken, at first.
        painter: looks through pictures for secrets; None where nothing does.
        warn: told when the choice of what is painted over can't be kept.

    Attributes:
        hide: whether the window is hidden while a screenshot is taken.
        practice: whether the practice window is offered.
    """

    chosen = Signal(object)
    """The `Screen` that the person picked."""
    practice_requested = Signal()

    def __init__(self, menu: QMenu, painter: Painter | None, warn: Callable[[str], None], *, hide: bool) -> None:
        super().__init__(menu)
        self._menu = menu
        self._painter = painter
        self._warn = warn
        self.hide = hide
        self.practice = False
        menu.aboutToShow.connect(lambda: self._fill([], LOOKING))

    def fill(self, screens: Sequence[Screen]) -> None:
        """Offer screens first, then windows; their titles are other programs' text, and shown as such."""
        before = self._menu.geometry()
        self._fill(screens, "" if screens else "No screen can be captured here")
        if self._menu.isVisible():
            self._grow(before)

    def _fill(self, screens: Sequence[Screen], instead: str) -> None:
        menu = self._menu
        menu.clear()
        for screen in screens:
            window = screen.key.startswith("window:")
            if window and not menu.actions()[-1].property("window"):
                menu.addSeparator()
            name = shown(screen.name[:_LONGEST]).replace("&", "&&")
            action = menu.addAction(f"{name} · {screen.width} × {screen.height}")
            action.setProperty("window", window)
            action.triggered.connect(lambda _=False, which=screen: self.chosen.emit(which))
        if instead:
            menu.addAction(instead).setEnabled(False)
        menu.addSeparator()
        if self.practice:
            menu.addAction(f"{OPEN_PRACTICE}\t{PRACTICE.toString()}").triggered.connect(self.practice_requested)
        hide = menu.addAction("Hide this window while capturing")
        hide.setCheckable(True)
        hide.setChecked(self.hide)
        hide.toggled.connect(self._set_hide)
        if self._painter is not None:
            add_choice(menu, self._painter, self._warn)

    def _grow(self, before: QRect) -> None:
        """Make room for what came; a menu that stands above its button grows upwards."""
        menu, button = self._menu, self._menu.parentWidget()
        menu.adjustSize()
        if button and before.top() < button.mapToGlobal(QPoint()).y():
            menu.move(menu.x(), max(menu.screen().availableGeometry().top(), before.bottom() + 1 - menu.height()))

    def want_practice(self) -> None:
        """Ask for the practice window, where it is offered."""
        if self.practice:
            self.practice_requested.emit()

    def _set_hide(self, on: bool) -> None:
        self.hide = on
