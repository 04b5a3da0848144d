"""What is seen of our own windows on an X11 desktop, also of another Deskhand, and captures without it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

import numpy as np
from Xlib import X, error
from Xlib.ext import shape
from Xlib.xobject.drawable import Window

from deskhand.agent.safety.windows import Area, visible
from deskhand.app.capture.models import CaptureError
from deskhand.app.x11.connection import NoServerError, connected
from deskhand.app.x11.windows import Windows

GREY = 128
"""What our windows are painted over with."""

_MOST_PIECES = 64
"""Rectangles of one window's shape; what has more of them counts as seen through."""
_TRANSPARENT = 32
"""Depth of windows with an alpha channel."""
_OPAQUE = 0xFFFFFFFF


def areas() -> list[Area]:
    """What is seen of our windows, in physical pixels of the virtual desktop; none where there is no X server.

    Raises:
        CaptureError: the X server does not say.
    """
    if not os.environ.get("DISPLAY"):
        return []
    try:
        with connected() as connection:
            return visible(list(_stack(Windows(connection))))
    except NoServerError as failure:
        raise CaptureError(f"The X server does not say where Deskhand's own windows are: {failure}") from failure
    except (error.XError, error.ConnectionClosedError) as failure:
        raise CaptureError("The X server went away while Deskhand looked for its own windows.") from failure


def _stack(windows: Windows) -> Iterator[tuple[Area, bool]]:
    """Every window that is shown, the lowest first, and whether it is ours; of others only what hides what is below."""
    screen = windows.connection.get_default_screen()
    composed = bool(windows.connection.get_selection_owner(windows.connection.intern_atom(f"_NET_WM_CM_S{screen}")))
    for window in windows.root.query_tree().children:
        try:
            shown = window.get_attributes()
            if shown.map_state != X.IsViewable or shown.win_class == X.InputOnly:
                continue
            size = window.get_geometry()
            edge = 2 * size.border_width
            if windows.holds_ours(window):
                yield Area(size.x, size.y, size.width + edge, size.height + edge), True
                continue
            left, top = size.x + size.border_width, size.y + size.border_width
            for piece in _hiding(windows, window, composed=composed):
                yield Area(left + piece.left, top + piece.top, piece.width, piece.height), False
        except error.XError:
            continue  # it was closed in between


def _hiding(windows: Windows, window: Window, *, composed: bool) -> list[Area]:
    """What of a window hides what is below it, in its own coordinates.

    Shaped windows have holes, and where a compositor draws the screen those with an alpha channel may be seen through.
    """
    if composed:
        inner = windows.top([window])
        if any(
            (windows.property(each, "_NET_WM_WINDOW_OPACITY") or [_OPAQUE])[0] != _OPAQUE for each in (window, inner)
        ):
            return []
        if _TRANSPARENT in {each.get_geometry().depth for each in (window, inner)}:
            numbers = windows.property(inner, "_NET_WM_OPAQUE_REGION")
            origin = window.translate_coords(inner.id, 0, 0)
            numbers = [] if numbers is None else [int(number) for number in numbers]
            pieces = zip(*[iter(numbers)] * 4, strict=False)
            return [Area(origin.x + left, origin.y + top, *size) for left, top, *size in pieces][:_MOST_PIECES]
    pieces = shape.get_rectangles(window, shape.SK.Bounding).rectangles
    return [Area(each.x, each.y, each.width, each.height) for each in pieces] if len(pieces) <= _MOST_PIECES else []


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
