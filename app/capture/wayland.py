"""Capture on Wayland: the ``grim`` program where the compositor lets it, else the desktop's portal, which may ask."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlparse

from PIL import Image as Picture
from PIL import UnidentifiedImageError

from deskhand.app.capture.models import CaptureError, Screen, Shot
from deskhand.model.images import to_rgb

GRIM_SECONDS = 10
PORTAL_SECONDS = 65
"""The portal may show a question of its own, which a person has to read."""


class Grim:
    """The screenshot program of wlroots compositors (Sway, Hyprland, labwc, river)."""

    name = "grim"

    def available(self) -> tuple[bool, str]:
        """Whether this is Wayland and the program is there and is let in."""
        if not os.environ.get("WAYLAND_DISPLAY"):
            return False, "WAYLAND_DISPLAY is not set"
        if not shutil.which("grim"):
            return False, "grim is not installed (sudo apt-get install grim)"
        try:
            self._run("-g", "0,0 1x1")
        except CaptureError as error:
            return False, str(error)
        return True, "Wayland through grim"

    def screens(self) -> list[Screen]:
        """The whole desktop; grim alone does not list its parts."""
        return [Screen("Whole desktop", 0, 0, 0, 0, primary=True, handler=self.name)]

    def grab(self, screen: Screen) -> Shot:  # noqa: ARG002 - there is one
        """Capture it."""
        return decode(self._run())

    def _run(self, *arguments: str) -> bytes:
        try:
            done = subprocess.run(
                ["grim", "-t", "ppm", *arguments, "-"],
                capture_output=True,
                timeout=GRIM_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CaptureError(f"grim did not take a screenshot ({error}).") from error
        if done.returncode:
            words = done.stderr.decode(errors="replace").strip() or f"code {done.returncode}"
            raise CaptureError(f"grim did not take a screenshot ({words}).")
        return done.stdout


class Portal:
    """xdg-desktop-portal's Screenshot, asked in another process: it needs an event loop, and may wait for a person."""

    name = "portal"

    def available(self) -> tuple[bool, str]:
        """Whether this is Wayland and there is a session bus."""
        if not os.environ.get("WAYLAND_DISPLAY"):
            return False, "WAYLAND_DISPLAY is not set"
        if not (os.environ.get("DBUS_SESSION_BUS_ADDRESS") or _user_bus()):
            return False, "there is no D-Bus session bus"
        return True, "Wayland through the desktop's portal"

    def screens(self) -> list[Screen]:
        """The whole desktop; the portal gives it in one piece."""
        return [Screen("Whole desktop", 0, 0, 0, 0, primary=True, handler=self.name)]

    def grab(self, screen: Screen) -> Shot:  # noqa: ARG002 - there is one
        """Ask the portal, read the file that it made, and remove that."""
        try:
            done = subprocess.run(
                [sys.executable, "-m", "deskhand.app.capture.portal"],
                capture_output=True,
                timeout=PORTAL_SECONDS,
                check=False,
                text=True,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CaptureError(f"The desktop's portal did not answer ({error}).") from error
        if done.returncode:
            raise CaptureError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "The portal failed.")
        path = Path(unquote(urlparse(done.stdout.strip()).path))
        try:
            data = path.read_bytes()
            path.unlink(missing_ok=True)
        except OSError as error:
            raise CaptureError(
                f"The screenshot {path} that the portal made can't be read ({error.strerror})."
            ) from error
        return decode(data)


def decode(data: bytes) -> Shot:
    """PPM or PNG bytes as pixels.

    Raises:
        CaptureError: they are no picture.
    """
    try:
        with Picture.open(io.BytesIO(data)) as picture:
            rgb = to_rgb(picture)
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise CaptureError(f"What the desktop gave is not a picture ({error}).") from error
    return Shot(rgb.tobytes(), rgb.width, rgb.height)


def _user_bus() -> bool:
    # Where systemd puts it (sd-bus's default when the variable is missing).
    return Path(os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}"), "bus").exists()
