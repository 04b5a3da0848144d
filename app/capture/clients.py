"""Windows of other programs on an X11 desktop, as areas that can be captured like a screen."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from Xlib import X, display, error
from Xlib.xobject.drawable import Window

from deskhand.agent.safety.windows import Area
from deskhand.app.capture import own
from deskhand.app.capture.models import Screen

_LEAST = 64
"""Pixels of a window's side; what is smaller is a panel or a helper of some toolkit."""


def clients() -> list[Screen]:
    """Those that are shown, the one in front first, without ours; none where there is no X server."""
    if not os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return []
    try:
        connection = display.Display()
    except (error.DisplayError, OSError):
        return []
    try:
        return list(_shown(connection))
    except error.ConnectionClosedError:
        return []
    finally:
        with contextlib.suppress(error.ConnectionClosedError):
            connection.close()


def _shown(connection: display.Display) -> Iterator[Screen]:
    root = connection.screen().root
    size = root.get_geometry()
    whole = Area(0, 0, size.width, size.height)
    said = root.get_full_property(connection.intern_atom("_NET_CLIENT_LIST_STACKING"), X.AnyPropertyType)
    stacked: list[Window] = list(root.query_tree().children)
    if said is not None and len(said.value):
        stacked = [connection.create_resource_object("window", number) for number in said.value]
    for window in reversed(stacked):
        try:
            if window.get_attributes().map_state != X.IsViewable or own.is_ours(window, connection):
                continue
            place, at = window.get_geometry(), window.translate_coords(root, 0, 0)
            title = str(window.get_wm_name() or "")[:200]
        except error.XError:
            continue  # it was closed in between
        area = Area(-at.x, -at.y, place.width, place.height).cut(whole)
        if title and min(area.width, area.height) >= _LEAST:
            yield Screen(title, area.left, area.top, area.width, area.height, handler="X11", key=f"window:{window.id}")
