"""Whether a key is down at this moment, by the X server's own word."""

from __future__ import annotations

from Xlib import display

from deskhand.app.x11.connection import FAILURES, NoServerError, close, connect


class Keymap:
    """Asks the X server; opened at the first question, and silent for good once the server can't be asked."""

    def __init__(self) -> None:
        self._display: display.Display | None = None
        self._lost = False

    def down(self, code: int) -> bool | None:
        """Whether the key of an X11 key code is held down; None where nobody can say.

        An X server repeats a held key as pairs of release and press; its own map of the keys shows it as down
        throughout (X11 protocol, QueryKeymap).
        """
        if self._lost or not 8 <= code <= 255:
            return None
        try:
            self._display = self._display or connect()
            return bool(self._display.query_keymap()[code // 8] >> code % 8 & 1)
        except (NoServerError, *FAILURES, OSError):
            self._lost = True
            return None

    def close(self) -> None:
        """Give the connection back; the next question opens another one."""
        connection, self._display = self._display, None
        if connection is not None and not self._lost:
            close(connection)
