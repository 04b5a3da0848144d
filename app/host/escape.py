"""The Escape key, wherever the keyboard is, for as long as something of ours must be ended by it (X11)."""

from __future__ import annotations

import contextlib
import os
from types import TracebackType
from typing import Self

from Xlib import XK, X, display, error

from deskhand.agent.tools.host import HostError


class EscapeKey:
    """A context manager; while it is open, Escape goes to nobody else.

    Attributes:
        pressed: whether it was, as `poll` saw.
    """

    def __init__(self) -> None:
        self.pressed = False
        self._connection: display.Display | None = None
        self._code = 0

    def __enter__(self) -> Self:
        """Take the key; raises HostError where there is no X11 display."""
        if os.environ.get("WAYLAND_DISPLAY"):
            raise HostError("This needs X11, and this is a Wayland session.")
        try:
            connection = self._connection = display.Display()
        except (error.DisplayError, OSError, KeyError) as failure:
            raise HostError("There is no X11 display here.") from failure
        self._code = connection.keysym_to_keycode(XK.XK_Escape)
        root = connection.screen().root
        # Another program may hold the key: then Stop and “stop dictation” remain.
        refused = error.CatchError(error.BadAccess)
        root.grab_key(self._code, X.AnyModifier, True, X.GrabModeAsync, X.GrabModeAsync, onerror=refused)
        connection.sync()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the key back."""
        if self._connection is not None:
            with contextlib.suppress(error.ConnectionClosedError, error.XError):
                self._connection.screen().root.ungrab_key(self._code, X.AnyModifier)
                self._connection.sync()
                self._connection.close()

    def poll(self) -> bool:
        """Whether it was pressed since the beginning."""
        connection = self._connection
        while connection is not None and not self.pressed and connection.pending_events():
            event = connection.next_event()
            self.pressed = event.type == X.KeyPress and event.detail == self._code
        return self.pressed
