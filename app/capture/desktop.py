"""Capture where the system gives pixels to anyone who asks: X11 and macOS, through mss."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager

import mss
from mss.exception import ScreenShotError
from PIL import Image as Picture
from Xlib import display

from deskhand.app.capture import visual
from deskhand.app.capture.models import CaptureError, Screen, Shot
from deskhand.app.capture.pointer import place_in_use
from deskhand.app.x11.connection import FAILURES, NoServerError, connected


class Desktop:
    """X11 or macOS.

    Args:
        name: ``X11`` or ``macOS``.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def available(self) -> tuple[bool, str]:
        """Whether there is a display that answers."""
        if self.name == "macOS" and sys.platform != "darwin":
            return False, "this is not macOS"
        if self.name == "X11":
            if sys.platform == "darwin":
                return False, "this is macOS"
            if os.environ.get("WAYLAND_DISPLAY"):
                # XWayland shows X programs black or not at all.
                return False, "this is a Wayland session"
            if not os.environ.get("DISPLAY"):
                return False, "DISPLAY is not set"
        try:
            count = len(self._monitors())
        except CaptureError as error:
            return False, str(error)
        return True, f"{count} screen{'s' if count != 1 else ''}"

    def screens(self) -> list[Screen]:
        """All monitors, the one in use first."""
        screens = self._monitors()
        place = place_in_use() if self.name == "X11" else None

        def rank(screen: Screen) -> tuple[bool, bool]:
            return not (place and _holds(screen, place)), not screen.primary

        return sorted(screens, key=rank)

    def grab(self, screen: Screen) -> Shot:
        """Capture one monitor."""
        if self.name == "X11" and not _usual():
            with _reading() as connection:
                rgb = visual.pixels(connection, screen.left, screen.top, screen.width, screen.height)
            return Shot(rgb, screen.width, screen.height)
        area = {"left": screen.left, "top": screen.top, "width": screen.width, "height": screen.height}
        with _session() as session:
            shot = session.grab(area)
        picture = Picture.frombuffer("RGB", (shot.width, shot.height), shot.raw, "raw", "BGRX", 0, 1)
        return Shot(picture.tobytes(), shot.width, shot.height, shot.width / screen.width)

    def _monitors(self) -> list[Screen]:
        if self.name == "X11" and not _usual():
            with _reading() as connection:
                return visual.screens(connection, self.name)
        with _session() as session:
            monitors = session.monitors[1:]
        return [
            Screen(
                str(each.get("name") or f"Screen {number}"),
                each["left"],
                each["top"],
                each["width"],
                each["height"],
                bool(each.get("is_primary")),
                self.name,
                str(number),
            )
            for number, each in enumerate(monitors, 1)
        ]


def _usual() -> bool:
    """Whether mss can read the pixels of the X11 screen."""
    with _reading() as connection:
        return visual.visual(connection).usual


@contextmanager
def _reading() -> Generator[display.Display]:
    try:
        with connected() as connection:
            yield connection
    except NoServerError as error:
        raise CaptureError(
            f"There is no screen to capture: the X server {os.environ.get('DISPLAY', '')} does not answer. "
            "Check that DISPLAY names a running one that lets you in, or attach a picture file instead."
        ) from error
    except FAILURES as error:
        raise CaptureError("The screen changed while it was captured. Try again.") from error


@contextmanager
def _session() -> Generator[mss.MSS]:
    try:
        with mss.MSS() as session:
            yield session
    except (ScreenShotError, OSError) as error:
        hint = (
            "Allow it under System Settings, Privacy & Security, Screen Recording."
            if sys.platform == "darwin"
            else "Check that DISPLAY names a running X server that lets you in."
        )
        raise CaptureError(f"The screen can't be captured ({str(error).rstrip('.')}). {hint}") from error


def _holds(screen: Screen, place: tuple[int, int]) -> bool:
    x, y = place
    return screen.left <= x < screen.left + screen.width and screen.top <= y < screen.top + screen.height
