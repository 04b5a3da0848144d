"""Applications and addresses: argument lists, never a shell."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import webbrowser
from typing import Any
from urllib.parse import urlsplit

import desktop  # pyright: ignore[reportMissingImports] - beside this file, which Deskhand puts on the path

SETTLE = 0.5
"""Seconds in which a program that can't start (no display, a missing library) ends again."""


def application(name: str) -> dict[str, Any]:
    """Start an application.

    Args:
        name: its plain name, such as "firefox" or "text editor".
    """
    if sys.platform == "darwin":
        if not re.fullmatch(r"[\w][\w .+\-]*", name.strip()):
            raise ValueError("Give the plain name of an application.")
        return _start(name.strip(), ["open", "-a", name.strip()])
    title, command = desktop.resolve(name)
    return _start(title, command)


def address(url: str) -> dict[str, Any]:
    """Open a web or mail address with the person's own program.

    Args:
        url: beginning with https://, http:// or mailto:.
    """
    target = _checked(url.strip())
    opener = next((program for name in ("xdg-open", "open", "gio") if (program := shutil.which(name))), None)
    if sys.platform != "darwin" and opener and opener.endswith("/open"):
        opener = None  # openvt's old name on Linux
    if opener:
        return _start(target, [opener, "open", target] if opener.endswith("/gio") else [opener, target])
    try:
        opened = webbrowser.open(target)
    except webbrowser.Error:
        opened = False
    if not opened:
        raise ValueError("Nothing opens addresses here. On Debian or Ubuntu: sudo apt-get install xdg-utils")
    return {"opened": target}


def _checked(target: str) -> str:
    """The address with a scheme.

    Raises:
        ValueError: it is none that may be opened.
    """
    if re.fullmatch(r"(?:[\w-]+\.)+[a-zA-Z]{2,}(?:[/?#].*)?", target):
        target = f"https://{target}"
    if re.search(r"[\s\x00-\x1f\x7f\"'<>\\^`{|}]", target) or not target.isprintable():
        raise ValueError("The address holds characters that no address may: give it without spaces and quotes.")
    try:
        parts = urlsplit(target)
    except ValueError as error:
        raise ValueError(f"{target[:200]} is not an address: {error}.") from error
    if parts.scheme not in {"http", "https", "mailto"}:
        raise ValueError("Only addresses that begin with https://, http:// or mailto: are opened.")
    if parts.scheme == "mailto" and "@" not in parts.path:
        raise ValueError("A mail address needs an @: mailto:name@example.org")
    if parts.scheme != "mailto" and not parts.hostname:
        raise ValueError("The address names no host: https://example.org")
    return target


def _start(title: str, command: list[str]) -> dict[str, Any]:
    """Start a program in a session of its own, so that it outlives the tool, and see that it did not fail at once."""
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said, start_new_session=True
            )
        except OSError as error:
            raise ValueError(f"{title} could not be started: {error.strerror}.") from error
        try:
            code = process.wait(timeout=SETTLE)
        except subprocess.TimeoutExpired:
            code = 0
        if code:
            said.seek(0)
            reason = said.read(2_000).decode(errors="replace").strip().rpartition("\n")[2]
            raise ValueError(f"{title} ended at once with code {code}{f': {reason}' if reason else '.'}")
    return {"started": title, "command": shlex.join(command), "pid": process.pid}
