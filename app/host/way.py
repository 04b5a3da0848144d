"""Making way: our windows go for as long as something behind them is looked at or clicked, as for a screenshot."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

from deskhand.agent.safety.windows import Area
from deskhand.agent.tools.host import HostError
from deskhand.app.capture import own
from deskhand.app.x11 import recipient
from deskhand.app.x11.connection import FAILURES, connected, present
from deskhand.app.x11.windows import Windows

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from deskhand.app.host.gui import Gui  # Qt, which the command line does not load

GONE = 0.25
"""Seconds from hiding our windows until what was below has been drawn."""

LONGEST = 1.5
"""Likewise, at most, until they have gone; those of another Deskhand stay."""

LEFT = 0.6
"""Seconds for which the person sees what a click did before our windows are back over it."""


class Way:
    """Keeps our windows away from a place.

    It never lets a click onto one of them: whoever clicks still asks the X server first whose window is there, and the
    windows of another Deskhand stay where they are. One place at a time: windows that come back for one call are not
    to come up under the click of another.

    Args:
        gui: into the window's thread; None where there is no window, and nothing goes away.
    """

    def __init__(self, gui: Gui | None = None) -> None:
        self._gui = gui
        self._one = threading.Lock()

    @contextlib.contextmanager
    def clear(self, place: Area, cancel: threading.Event, *, acts: bool = False) -> Generator[None]:
        """While it is open, windows of this process that were at a place of the desktop are hidden.

        Args:
            place: in physical pixels.
            cancel: ends the waiting.
            acts: something is done there: the person is left a moment to see it, and keeps the keyboard where it is.

        Raises:
            HostError: the turn was stopped, or the window does not answer.
        """
        while not self._one.acquire(timeout=0.05):
            if cancel.is_set():
                raise HostError("The turn was stopped.")
        try:
            if self._gui is None or not _ours_at(place):
                yield
                return
            hidden: list[Callable[[bool], None]] = []
            try:
                self._gui.call(lambda: hidden.extend(_hide()), cancel)
                end = time.monotonic() + LONGEST
                cancel.wait(GONE)
                while _ours_at(place) and time.monotonic() < end and not cancel.wait(0.05):
                    pass
                yield
                if acts:
                    cancel.wait(LEFT)
            finally:
                self._gui.post(lambda: [show(acts) for show in hidden])
        finally:
            self._one.release()


def _ours_at(place: Area) -> bool:
    """Whether one of our windows is seen in a place, or would get a click in its middle, as one without pixels may."""
    cuts = [area.cut(place) for area in own.areas()]
    if any(cut.width > 0 and cut.height > 0 for cut in cuts):
        return True
    if not present():
        return False
    with contextlib.suppress(*FAILURES), connected() as connection:
        x, y = place.left + place.width // 2, place.top + place.height // 2
        return recipient.at(Windows(connection), x, y).ours
    return False


def _hide() -> list[Callable[[bool], None]]:
    """Hide what is shown of this process; each function that is returned shows one again."""
    from PySide6.QtWidgets import QApplication  # noqa: PLC0415 - Qt, which the command line does not load

    return [leave(each) for each in QApplication.topLevelWidgets() if each.isVisible()]


def leave(window: QWidget) -> Callable[[bool], None]:
    """Hide a window; the function that is returned shows it before the others, and leaves them the keyboard or not."""
    from PySide6.QtCore import Qt  # noqa: PLC0415 - likewise
    from shiboken6 import isValid  # noqa: PLC0415 - likewise

    passing = window.windowType() in {Qt.WindowType.Popup, Qt.WindowType.ToolTip}
    active = window.isActiveWindow()
    window.hide()

    def back(quietly: bool) -> None:
        if passing or not isValid(window):
            return  # a menu that is gone stays so
        window.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating, quietly)
        window.show()
        window.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating, False)
        window.raise_()
        if active and not quietly:
            window.activateWindow()

    return back
