"""Windows, volume, brightness and battery of the desktop, for skills, where the desktop offers them.

Windows go by the Extended Window Manager Hints 1.5; volume by PulseAudio's `pactl`, which PipeWire has too; brightness
by `brightnessctl`, which may change it without being root.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Generator

import psutil
from Xlib import X, error
from Xlib.xobject.drawable import Window

from deskhand.agent.tools.host import Asked, HostError, Told
from deskhand.app.x11.connection import FAILURES, connected
from deskhand.app.x11.windows import Windows

SECONDS = 5.0
MOST_WINDOWS = 60
_FROM_A_PAGER = 2
"""EWMH, source indication: a window manager follows such a request even if another window is in use."""


def windows(_asked: Asked) -> Told:
    """Titles of the windows, the one in front first."""
    with _manager() as found:
        listed = [{"title": title, "program": program} for _, title, program in _listed(found)]
    return Told({"windows": listed[:MOST_WINDOWS]})


def focus_window(asked: Asked) -> Told:
    """Bring a window to the front."""
    with _manager() as found:
        window, title = _one(found, asked.arguments["title"])
        found.request(window, "_NET_ACTIVE_WINDOW", [_FROM_A_PAGER, X.CurrentTime, 0, 0, 0])
    return Told({"in_front": title})


def close_window(asked: Asked) -> Told:
    """Ask a window to close, as its own button does; it may ask back."""
    with _manager() as found:
        window, title = _one(found, asked.arguments["title"])
        found.request(window, "_NET_CLOSE_WINDOW", [X.CurrentTime, _FROM_A_PAGER, 0, 0, 0])
    return Told({"asked_to_close": title})


def volume(asked: Asked) -> Told:
    """Tell the volume, or set it, or mute."""
    given = asked.arguments
    if "percent" in given:
        _run("pactl", "set-sink-volume", "@DEFAULT_SINK@", f"{_percent(given['percent'])}%")
    if "muted" in given:
        _run("pactl", "set-sink-mute", "@DEFAULT_SINK@", "1" if given["muted"] else "0")
    said = re.search(r"(\d+)%", _run("pactl", "get-sink-volume", "@DEFAULT_SINK@"))
    muted = _run("pactl", "get-sink-mute", "@DEFAULT_SINK@").strip().endswith("yes")
    return Told({"percent": int(said[1]) if said else None, "muted": muted})


def brightness(asked: Asked) -> Told:
    """Tell the brightness of the screen, or set it; never so dark that nothing can be read."""
    if "percent" in asked.arguments:
        _run("brightnessctl", "--class=backlight", "set", f"{max(5, _percent(asked.arguments['percent']))}%")
    said = re.search(r"(\d+)%", _run("brightnessctl", "--class=backlight", "--machine-readable", "info"))
    if said is None:
        raise HostError("This screen does not tell its brightness.")
    return Told({"percent": int(said[1])})


def battery(_asked: Asked) -> Told:
    """How full the battery is, and how long it lasts."""
    found = psutil.sensors_battery()
    if found is None:
        raise HostError("This machine has no battery, or does not tell about it.")
    left = None if found.power_plugged or found.secsleft < 0 else round(found.secsleft / 60)
    return Told({"percent": round(found.percent), "plugged_in": bool(found.power_plugged), "minutes_left": left})


def _percent(value: int) -> int:
    if not 0 <= value <= 100:
        raise HostError("Give a number from 0 to 100.")
    return value


_INSTALL = {"pactl": "pulseaudio-utils", "brightnessctl": "brightnessctl"}


def _run(program: str, *arguments: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise HostError(
            f"This desktop offers that through {program}, which is not installed. On Debian or Ubuntu: sudo apt-get "
            f"install {_INSTALL[program]}"
        )
    try:
        done = subprocess.run(
            [path, *arguments],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired) as failure:
        raise HostError(f"{program} gave no answer.") from failure
    if done.returncode:
        reason = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise HostError(f"{program} says: {reason[0][:200] if reason else 'it did not work'}.")
    return done.stdout


@contextlib.contextmanager
def _manager() -> Generator[Windows]:
    """The windows of an X server with a window manager."""
    if os.environ.get("WAYLAND_DISPLAY"):
        raise HostError("Under Wayland no program may see or move the windows of others.")
    try:
        with connected() as connection:
            found = Windows(connection)
            if not found.manager:
                raise HostError("There is no window manager here that tells about windows.")
            yield found
            connection.sync()
    except FAILURES as failure:
        raise HostError("The window is gone.") from failure


def _listed(found: Windows) -> list[tuple[Window, str, str]]:
    """Windows of others with title and program, the one in front first."""
    listed: list[tuple[Window, str, str]] = []
    for window in found.stacked():
        with contextlib.suppress(error.XError):
            if not found.of_desktop(window) and not found.is_ours(window):
                listed.append((window, found.title(window), found.class_name(window)))
    return listed


def _one(found: Windows, wanted: str) -> tuple[Window, str]:
    """The one window whose title, or else program, holds the words; equal before part."""
    want = wanted.strip().casefold()
    every = _listed(found)
    titles = [(title.casefold(), program.casefold()) for _, title, program in every]
    for fitting in (
        [title == want for title, _ in titles],
        [want in title for title, _ in titles],
        [want in program for _, program in titles],
    ):
        fit = [(window, title) for (window, title, _), fits in zip(every, fitting, strict=True) if want and fits]
        if len(fit) == 1:
            return fit[0]
        if fit:
            raise HostError(f"Several windows are called that: {'; '.join(title for _, title in fit[:8])}.")
    raise HostError(
        f"No window is called {wanted[:60]}. There are: {'; '.join(t for _, t, _ in every[:12]) or 'none'}."
    )
