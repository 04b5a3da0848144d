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
from typing import Any

import psutil
from Xlib import X, display, error
from Xlib.protocol import event
from Xlib.xobject.drawable import Window

from deskhand.agent.tools.host import Asked, HostError, Told
from deskhand.app.capture import own

SECONDS = 5.0
MOST_WINDOWS = 60
_FROM_A_PAGER = 2
"""EWMH, source indication: a window manager follows such a request even if another window is in use."""


def windows(_asked: Asked) -> Told:
    """Titles of the windows, the one in front first."""
    with _manager() as connection:
        found = [{"title": title, "program": program} for _, title, program in _listed(connection)]
    return Told({"windows": found[:MOST_WINDOWS]})


def focus_window(asked: Asked) -> Told:
    """Bring a window to the front."""
    with _manager() as connection:
        window, title = _one(connection, asked.arguments["title"])
        _request(connection, window, "_NET_ACTIVE_WINDOW", [_FROM_A_PAGER, X.CurrentTime, 0, 0, 0])
    return Told({"in_front": title})


def close_window(asked: Asked) -> Told:
    """Ask a window to close, as its own button does; it may ask back."""
    with _manager() as connection:
        window, title = _one(connection, asked.arguments["title"])
        _request(connection, window, "_NET_CLOSE_WINDOW", [X.CurrentTime, _FROM_A_PAGER, 0, 0, 0])
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
def _manager() -> Generator[display.Display]:
    """A connection to an X server with a window manager."""
    if os.environ.get("WAYLAND_DISPLAY"):
        raise HostError("Under Wayland no program may see or move the windows of others.")
    try:
        connection = display.Display()
    except (error.DisplayError, OSError, KeyError) as failure:
        raise HostError("There is no X11 display here.") from failure
    try:
        if not _property(connection, connection.screen().root, "_NET_SUPPORTING_WM_CHECK"):
            raise HostError("There is no window manager here that tells about windows.")
        yield connection
        connection.sync()
    except (error.XError, error.ConnectionClosedError) as failure:
        raise HostError("The window is gone.") from failure
    finally:
        with contextlib.suppress(error.ConnectionClosedError):
            connection.close()


def _property(connection: display.Display, window: Window, name: str) -> Any:  # noqa: ANN401 - numbers or bytes
    found = window.get_full_property(connection.intern_atom(name), X.AnyPropertyType)
    return found.value if found is not None and len(found.value) else None


def _listed(connection: display.Display) -> list[tuple[Window, str, str]]:
    """Windows of others with title and program, the one in front first."""
    root = connection.screen().root
    numbers = _property(connection, root, "_NET_CLIENT_LIST_STACKING")
    if numbers is None:
        numbers = _property(connection, root, "_NET_CLIENT_LIST")
    found: list[tuple[Window, str, str]] = []
    for number in reversed(numbers if numbers is not None else ()):
        window = connection.create_resource_object("window", int(number))
        with contextlib.suppress(error.XError):
            names = [str(name) for name in window.get_wm_class() or ()]
            if any(own.CLASS in name.lower() for name in names):
                continue
            raw = _property(connection, window, "_NET_WM_NAME") or window.get_wm_name() or ""
            title = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
            found.append((window, title[:200], names[-1][:60] if names else ""))
    return found


def _one(connection: display.Display, wanted: str) -> tuple[Window, str]:
    """The one window whose title, or else program, holds the words; equal before part."""
    want = wanted.strip().casefold()
    every = _listed(connection)
    titles = [(title.casefold(), program.casefold()) for _, title, program in every]
    for fitting in (
        [title == want for title, _ in titles],
        [want in title for title, _ in titles],
        [want in program for _, program in titles],
    ):
        found = [(window, title) for (window, title, _), fits in zip(every, fitting, strict=True) if want and fits]
        if len(found) == 1:
            return found[0]
        if found:
            raise HostError(f"Several windows are called that: {'; '.join(title for _, title in found[:8])}.")
    raise HostError(
        f"No window is called {wanted[:60]}. There are: {'; '.join(t for _, t, _ in every[:12]) or 'none'}."
    )


def _request(connection: display.Display, window: Window, name: str, data: list[int]) -> None:
    message = event.ClientMessage(window=window, client_type=connection.intern_atom(name), data=(32, data))
    mask = X.SubstructureRedirectMask | X.SubstructureNotifyMask
    connection.screen().root.send_event(message, event_mask=mask)
