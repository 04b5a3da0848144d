"""Where the person is working on an X11 desktop: the middle of the active window, else the mouse pointer."""

from __future__ import annotations

import contextlib

from Xlib import error

from deskhand.app.x11.connection import FAILURES, NoServerError, connected
from deskhand.app.x11.windows import Windows


def place_in_use() -> tuple[int, int] | None:
    """A place on the virtual desktop in physical pixels; None if the X server does not say."""
    with contextlib.suppress(NoServerError, *FAILURES), connected() as connection:
        windows = Windows(connection)
        return _active(windows) or _pointer(windows)
    return None


def _active(windows: Windows) -> tuple[int, int] | None:
    # _NET_ACTIVE_WINDOW: Extended Window Manager Hints 1.5, root window properties.
    found = windows.property(windows.root, "_NET_ACTIVE_WINDOW")
    if found is None or not found[0]:
        return None
    with contextlib.suppress(error.XError):
        area = windows.area(windows.window(int(found[0])))
        return area.left + area.width // 2, area.top + area.height // 2
    return None


def _pointer(windows: Windows) -> tuple[int, int]:
    at = windows.root.query_pointer()
    return at.root_x, at.root_y
