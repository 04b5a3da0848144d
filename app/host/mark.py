"""Marks on the screen: four bars around a place, which cover nothing of it and take no click."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Generator

from Xlib import X, display
from Xlib.ext import shape

from deskhand.agent.safety.windows import Area
from deskhand.agent.tools.host import HostError
from deskhand.app.host.escape import POLL, EscapeKey
from deskhand.app.x11.connection import FAILURES, NoServerError, connected
from deskhand.app.x11.windows import CLASS

AFTER = 6.0
"""Seconds for which a mark stays behind the answer that is about it."""
LONGEST = 180.0
"""Likewise, if no answer comes."""
_BAR = 4
"""Pixels of a bar's thickness."""
_RED = 0xE0243A


def mark(connection: display.Display, place: Area, cancel: threading.Event, seconds: float) -> None:
    """Mark a place until time is up.

    Raises:
        KeyTakenError: another program has the Escape key; nothing was marked.
        HostError: the person pressed Escape or stopped the turn.
    """
    with EscapeKey() as escape, _marked(connection, place):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if cancel.wait(POLL):
                raise HostError("The turn was stopped.")
            if escape.poll():
                raise HostError("The person pressed Escape: nothing was done.")


class LastingMark:
    """One mark at a time that stays while an answer about it is written and read; for any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._gone = threading.Event()
        self._thread: threading.Thread | None = None
        self._until = 0.0

    def show(self, place: Area) -> None:
        """Mark a place, in place of an earlier one.

        Raises:
            NoServerError: there is no X server.
        """
        self.remove()
        with self._lock:
            shown, self._gone, self._until = threading.Event(), threading.Event(), time.monotonic() + LONGEST
            self._thread = threading.Thread(
                target=self._keep, args=(place, shown, self._gone), name="mark", daemon=True
            )
            self._thread.start()
        shown.wait()

    def fade(self) -> None:
        """The answer is there: the mark stays for as long as it takes to look where it is."""
        self._until = min(self._until, time.monotonic() + AFTER)

    def remove(self) -> None:
        """Take it away; something else is done now."""
        with self._lock:
            self._gone.set()
            if self._thread is not None:
                self._thread.join()
            self._thread = None

    def _keep(self, place: Area, shown: threading.Event, gone: threading.Event) -> None:
        try:
            with contextlib.suppress(NoServerError, *FAILURES), connected() as connection, _marked(connection, place):
                shown.set()
                while time.monotonic() < self._until and not gone.wait(POLL * 5):
                    pass
        finally:
            shown.set()


@contextlib.contextmanager
def _marked(connection: display.Display, place: Area) -> Generator[None]:
    screen = connection.screen()
    colour = screen.default_colormap.alloc_color(*(part * 257 for part in _RED.to_bytes(3))).pixel
    left, top, wide, high = place.left, place.top, place.width, place.height
    bars = [
        (left, top, wide, _BAR),
        (left, top + high - _BAR, wide, _BAR),
        (left, top, _BAR, high),
        (left + wide - _BAR, top, _BAR, high),
    ]
    marks = [
        screen.root.create_window(
            *each,
            0,
            screen.root_depth,
            X.InputOutput,
            X.CopyFromParent,
            background_pixel=colour,
            override_redirect=True,
        )
        for each in bars
    ]
    for each in marks:
        each.set_wm_class(CLASS, CLASS.capitalize())
        each.shape_rectangles(shape.SO.Set, shape.SK.Input, X.Unsorted, 0, 0, [])
        each.map()
    connection.sync()
    try:
        yield
    finally:
        for each in marks:
            each.destroy()
        connection.sync()
