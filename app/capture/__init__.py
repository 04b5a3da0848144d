"""Screen capture: an ordered table of handlers, each of which says whether it works here."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from deskhand.agent.percept import ScreenPercept
from deskhand.agent.safety.windows import Area
from deskhand.app.capture import own
from deskhand.app.capture.clients import clients
from deskhand.app.capture.desktop import Desktop
from deskhand.app.capture.models import CaptureError, Handler, Screen
from deskhand.app.capture.wayland import Grim, Portal
from deskhand.model.types import Image

HANDLERS: tuple[Handler, ...] = (Grim(), Portal(), Desktop("X11"), Desktop("macOS"))
"""In order of preference: the first that is available is used. grim before the portal, because it never has to ask."""

WHOLE_SCREEN = 280
"""The least image tokens at which a whole screen is captured: with fewer nothing on it could be read."""

NO_DISPLAY = (
    "There is no screen to capture: neither WAYLAND_DISPLAY nor DISPLAY names a display. "
    "Start Deskhand from a desktop session, or give it a picture file instead."
)

__all__ = [
    "HANDLERS",
    "NO_DISPLAY",
    "WHOLE_SCREEN",
    "CaptureError",
    "Screen",
    "clients",
    "grab",
    "in_use",
    "screens",
    "status",
]


def screens() -> list[Screen]:
    """All monitors, the one in use (active window, else mouse, else primary) first.

    Raises:
        CaptureError: no handler works here.
    """
    return _handler().screens()


def grab(screen: Screen | None = None, *, budget: int = 560) -> ScreenPercept:
    """Capture a screen; blocking: milliseconds on X11, as long as the person takes where the desktop asks them.

    On X11 our own windows are painted over. On Wayland nobody is told where windows are: there the window hides itself.

    Args:
        screen: one of `screens` or `clients`; when None that of `in_use`.
        budget: image tokens.

    Raises:
        CaptureError: with a sentence that says what to do.
    """
    screen = in_use(budget) if screen is None else screen
    handler = next((each for each in HANDLERS if each.name == screen.handler), None) or _handler()
    # Before and after: a window of ours that comes up meanwhile must not slip in.
    ours = own.areas() if handler.name == "X11" else []
    shot = handler.grab(screen)
    ours += own.areas() if handler.name == "X11" else []
    left, top = round(screen.left * shot.scale), round(screen.top * shot.scale)
    rgb = own.painted(shot.rgb, Area(left, top, shot.width, shot.height), ours)
    image = Image(rgb, shot.width, shot.height, budget)
    source = f"{screen.name} ({handler.name})"
    return ScreenPercept(image, left, top, shot.scale, source, live=True)


def in_use(budget: int = 560) -> Screen:
    """The screen in use, or the window in front where ``budget`` is too small for the text of a whole screen.

    Raises:
        CaptureError: no handler works here.
    """
    shown = clients() if budget < WHOLE_SCREEN else []
    return shown[0] if shown else _handler().screens()[0]


def status() -> tuple[bool, str]:
    """Whether the screen can be captured, and how, or why not."""
    handler, said = _found()
    return (True, f"{handler.name}: {said[handler.name]}") if handler else (False, _why_not(said))


def _handler() -> Handler:
    handler, said = _found()
    if handler is None:
        raise CaptureError(_why_not(said))
    return handler


def _found() -> tuple[Handler | None, dict[str, str]]:
    """The first handler that works here, and what it and those before it say."""
    said: dict[str, str] = {}
    for handler in HANDLERS:
        works, said[handler.name] = handler.available()
        if works:
            return handler, said
    return None, said


def _why_not(said: Mapping[str, str]) -> str:
    """The true reason first: what the way of capturing says that this session would take."""
    if os.environ.get("WAYLAND_DISPLAY"):
        return f"This Wayland session can't be captured. grim: {said['grim']}; portal: {said['portal']}."
    if os.environ.get("DISPLAY"):
        return said["X11"]
    return said["macOS"] if sys.platform == "darwin" else NO_DISPLAY
