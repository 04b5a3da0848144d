"""Our own windows on an X11 desktop, of this process and of any other Deskhand, and captures without them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

import numpy as np
from Xlib import X, display, error
from Xlib.xobject.drawable import Window

from deskhand.agent.safety.windows import Area, visible
from deskhand.app.capture.models import CaptureError

CLASS = "deskhand"
"""The class that Qt gives the windows of an application of our name (ICCCM 4.1.2.5), in lower case."""

GREY = 128
"""What our windows are painted over with."""

_DEPTH = 3
"""A window manager puts a window into a frame, and some the frame into another."""


def areas() -> list[Area]:
    """What is seen of our windows, in physical pixels of the virtual desktop; none where there is no X server.

    Raises:
        CaptureError: the X server does not say.
    """
    if not os.environ.get("DISPLAY"):
        return []
    try:
        connection = display.Display()
    except (error.DisplayError, OSError) as failure:
        raise CaptureError(f"The X server does not say where Deskhand's own windows are ({failure}).") from failure
    try:
        return visible(list(_stack(connection)))
    except error.ConnectionClosedError as failure:
        raise CaptureError("The X server went away while Deskhand looked for its own windows.") from failure
    finally:
        connection.close()


def _stack(connection: display.Display) -> Iterator[tuple[Area, bool]]:
    """Every window that is shown, the lowest first, and whether it is ours."""
    pid = connection.intern_atom("_NET_WM_PID")
    root = connection.screen().root
    for window in root.query_tree().children:
        try:
            if window.get_attributes().map_state != X.IsViewable:
                continue
            size = window.get_geometry()
            edge = 2 * size.border_width
            yield Area(size.x, size.y, size.width + edge, size.height + edge), _ours(window, pid, _DEPTH)
        except error.XError:
            continue  # it was closed in between


def _ours(window: Window, pid: int, depth: int) -> bool:
    names = window.get_wm_class() or ()
    if any(CLASS in str(name).lower() for name in names):
        return True
    owner = window.get_full_property(pid, X.AnyPropertyType)
    if owner is not None and len(owner.value) and owner.value[0] == os.getpid():
        return True
    return depth > 0 and any(_ours(child, pid, depth - 1) for child in window.query_tree().children)


def is_ours(window: Window, connection: display.Display) -> bool:
    """Whether a window, or one inside it, is Deskhand's."""
    return _ours(window, connection.intern_atom("_NET_WM_PID"), _DEPTH)


def painted(rgb: bytes, place: Area, ours: Iterable[Area]) -> bytes:
    """Pixels with our windows painted over.

    Args:
        rgb: ``height * width * 3`` bytes.
        place: of the pixels on the virtual desktop.
        ours: of `areas`.
    """
    cuts = [area.cut(place) for area in ours]
    cuts = [cut for cut in cuts if cut.width > 0 and cut.height > 0]
    if not cuts:
        return rgb
    pixels = np.frombuffer(rgb, np.uint8).reshape(place.height, place.width, 3).copy()
    for cut in cuts:
        pixels[cut.top - place.top : cut.bottom - place.top, cut.left - place.left : cut.right - place.left] = GREY
    return pixels.tobytes()
