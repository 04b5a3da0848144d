"""Whether keys still reach the window that they are meant for: the focus, and menus that have the whole keyboard."""

from __future__ import annotations

import time

from Xlib import X, error
from Xlib.xobject.drawable import Window

from deskhand.app.x11.recipient import Recipient, focused_window
from deskhand.app.x11.windows import Windows

_CAUTIOUS = 0.5
"""Seconds after a menu or the like came up, for which it is asked before each key whether it took the keyboard."""
_TRIES = 4
_BETWEEN = 0.03
"""Seconds between tries: a window manager has the keyboard for a moment, too."""


class KeyboardFocus:
    """Tells before each key whether it would reach one window.

    An active grab takes all keys and leaves the focus as it is, and the server tells nobody about it but one who asks
    for a grab. Programs notice that, so it is asked only where something came up that may have grabbed.

    Args:
        windows: of the connection that presses the keys.
        to: the window that is meant.
    """

    def __init__(self, windows: Windows, to: Recipient) -> None:
        self._windows = windows
        self._to = to
        self._tops: dict[int, int] = {}
        windows.root.change_attributes(event_mask=X.SubstructureNotifyMask)
        self._cautious_until = time.monotonic() + (_CAUTIOUS if self._popups() else 0)

    def kept(self) -> bool:
        """Whether a key that is pressed now reaches the window."""
        try:
            return self._top() == self._to.number and not self._grabbed()
        except error.XError:
            return False  # a window went away: what has the keyboard now is not known

    def _top(self) -> int:
        focus = self._windows.connection.get_input_focus().focus
        followed = not isinstance(focus, Window) or focus == self._windows.root
        known = 0 if followed else self._tops.get(focus.id, 0)
        if not known:
            top = focused_window(self._windows, focus)
            known = 0 if top is None else top.id
            if not followed:
                self._tops[focus.id] = known
        return known

    def _grabbed(self) -> bool:
        """Whether something else than a menu of the same program has the whole keyboard."""
        connection = self._windows.connection
        for _ in range(connection.pending_events()):
            event = connection.next_event()
            if event.type == X.MapNotify and event.override:
                self._cautious_until = time.monotonic() + _CAUTIOUS
        if time.monotonic() >= self._cautious_until or self._free():
            return False
        popups = self._popups()
        program = self._windows.program(self._windows.window(self._to.number))
        return not popups or self._windows.is_ours(popups[0]) or self._windows.program(popups[0]) != program

    def _free(self) -> bool:
        for _ in range(_TRIES):
            given = self._windows.root.grab_keyboard(True, X.GrabModeAsync, X.GrabModeAsync, X.CurrentTime)
            if given == X.GrabSuccess:
                self._windows.connection.ungrab_keyboard(X.CurrentTime)
                self._windows.connection.sync()
                return True
            time.sleep(_BETWEEN)
        return False

    def _popups(self) -> list[Window]:
        """What is shown without the window manager, the one in front first."""
        found: list[Window] = []
        for window in reversed(self._windows.root.query_tree().children):
            try:
                if window.get_attributes().override_redirect and self._windows.shown(window):
                    found.append(window)
            except error.XError:
                continue  # it was closed in between
        return found
