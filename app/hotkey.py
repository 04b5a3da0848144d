"""A key that stops everything wherever the person is, on X11: Ctrl+Alt+Escape."""

from __future__ import annotations

import logging
import os
import select
import threading
from collections.abc import Callable

from Xlib import XK, X, error

from deskhand.app.x11.connection import NoServerError, close, connect
from deskhand.app.x11.grabs import grab

_log = logging.getLogger(__name__)

_MODIFIERS = X.ControlMask | X.Mod1Mask


class HotkeyError(Exception):
    """The key can't be had; the message says why."""


class StopKey:
    """Calls ``stop`` when the key is pressed, in a thread of its own, until it is closed.

    Args:
        stop: ends what runs; returns at once.

    Raises:
        HotkeyError: there is no X server, or another program has the key.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        if not os.environ.get("DISPLAY"):
            raise HotkeyError("There is no X server, so Ctrl+Alt+Escape stops nothing: use deskhand stop.")
        self._stop = stop
        try:
            self._display = connect()
        except NoServerError as failure:
            raise HotkeyError(f"Ctrl+Alt+Escape stops nothing: {failure}") from failure
        if not grab(self._display, self._display.keysym_to_keycode(XK.XK_Escape), _MODIFIERS):
            close(self._display)
            raise HotkeyError("The emergency-stop key Ctrl+Alt+Esc is taken by another program.")
        self._wake, self._woken = os.pipe()
        self._thread = threading.Thread(target=self._watch, name="stop-key", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        try:
            while True:
                while self._display.pending_events():
                    if self._display.next_event().type == X.KeyPress:
                        self._pressed()
                ready, _, _ = select.select([self._display.fileno(), self._wake], [], [])
                if self._wake in ready:
                    return
        except (error.ConnectionClosedError, OSError):
            return  # the desktop has ended

    def _pressed(self) -> None:
        try:
            self._stop()
        except Exception:  # noqa: BLE001 - the key has to work the next time too
            _log.exception("stopping failed")

    def close(self) -> None:
        """Give the key back; safe to call twice."""
        if self._thread.is_alive():
            os.write(self._woken, b"x")
            self._thread.join()
        if self._wake >= 0:
            os.close(self._wake)
            os.close(self._woken)
            self._wake = self._woken = -1
            close(self._display)
