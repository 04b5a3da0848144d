"""Where the person is working on an X11 desktop: the middle of the active window, else the mouse pointer."""

from __future__ import annotations

from Xlib import X, display, error
from Xlib.xobject.drawable import Window


def place_in_use() -> tuple[int, int] | None:
    """A place on the virtual desktop in physical pixels; None if the X server does not say."""
    try:
        connection = display.Display()
    except (error.DisplayError, OSError):
        return None
    try:
        root = connection.screen().root
        return _active(connection, root) or _pointer(root)
    except (error.XError, error.ConnectionClosedError):
        # The window went away in between.
        return None
    finally:
        connection.close()


def _active(connection: display.Display, root: Window) -> tuple[int, int] | None:
    # _NET_ACTIVE_WINDOW: Extended Window Manager Hints 1.5, root window properties.
    found = root.get_full_property(connection.intern_atom("_NET_ACTIVE_WINDOW"), X.AnyPropertyType)
    if found is None or not len(found.value) or not found.value[0]:
        return None
    window = connection.create_resource_object("window", found.value[0])
    size = window.get_geometry()
    origin = root.translate_coords(window.id, 0, 0)
    return origin.x + size.width // 2, origin.y + size.height // 2


def _pointer(root: Window) -> tuple[int, int]:
    at = root.query_pointer()
    return at.root_x, at.root_y
