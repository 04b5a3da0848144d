"""Windows of other programs on an X11 desktop, as areas that can be captured like a screen."""

from __future__ import annotations

from collections.abc import Iterator

from Xlib import error

from deskhand.app.capture.models import Screen
from deskhand.app.x11.connection import FAILURES, NoServerError, connected, present
from deskhand.app.x11.windows import Windows

_LEAST = 64
"""Pixels of a window's side; what is smaller is a panel or a helper of some toolkit."""


def clients() -> list[Screen]:
    """Those that are shown, the one in front first, without ours; none where there is no X server."""
    if not present():
        return []
    try:
        with connected() as connection:
            return list(_shown(Windows(connection)))
    except (NoServerError, *FAILURES):
        return []


def _shown(windows: Windows) -> Iterator[Screen]:
    whole = windows.screen()
    for window in windows.stacked():
        try:
            if not windows.of_application(window) or windows.is_ours(window):
                continue
            area, title = windows.area(window).cut(whole), windows.title(window)
        except error.XError:
            continue  # it was closed in between
        if title and min(area.width, area.height) >= _LEAST:
            yield Screen(title, area.left, area.top, area.width, area.height, handler="X11", key=f"window:{window.id}")
