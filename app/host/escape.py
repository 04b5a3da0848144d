"""The Escape key, wherever the keyboard is, for as long as something of ours must be ended by it (X11)."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Self

from Xlib import XK, X, display

from deskhand.agent.tools.host import HostError
from deskhand.app.x11.connection import close, connect
from deskhand.app.x11.grabs import grab

POLL = 0.02
"""Seconds between two looks: a fifth of the time for which a finger holds a key down."""


class KeyTakenError(HostError):
    """Another program has the Escape key."""


class EscapeKey:
    """A context manager; while it is open, Escape goes to nobody else.

    Where another program holds the key it refuses to begin (``docs/adr/0030-nothing-acts-without-its-escape.md``).

    Attributes:
        pressed: whether it was, as `poll` saw.
    """

    def __init__(self) -> None:
        self.pressed = False
        self._connection: display.Display | None = None
        self._code = 0

    def __enter__(self) -> Self:
        """Take the key.

        Raises:
            KeyTakenError: another program has it.
            HostError: there is no X11 display.
        """
        if os.environ.get("WAYLAND_DISPLAY"):
            raise HostError("This needs X11, and this is a Wayland session.")
        connection = connect()
        self._code = connection.keysym_to_keycode(XK.XK_Escape)
        if not grab(connection, self._code):
            close(connection)
            raise KeyTakenError(
                "Another program has the Escape key, which could then not stop this, so it was not begun. "
                "End that program, or what another Deskhand does, and try again."
            )
        self._connection = connection
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the key back."""
        if self._connection is not None:
            close(self._connection)

    def poll(self) -> bool:
        """Whether it was pressed since the beginning, with whatever other keys.

        An open menu of another program has the whole keyboard, and this connection gets no event: so the state of the
        key is asked for, too.
        """
        connection = self._connection
        while connection is not None and not self.pressed and connection.pending_events():
            event = connection.next_event()
            self.pressed = event.type == X.KeyPress and event.detail == self._code
        if connection is not None and not self.pressed:
            self.pressed = bool(connection.query_keymap()[self._code // 8] >> self._code % 8 & 1)
        return self.pressed
