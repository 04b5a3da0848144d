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
from urllib.parse import parse_qsl, unquote, urlsplit

import desktop  # pyright: ignore[reportMissingImports] - beside this file, which Deskhand puts on the path

MAY_SET = {"to", "cc", "bcc", "subject", "body"}
"""Header fields of a draft (RFC 6068, 4); mail programs take others, which attach files."""

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
        command = [opener, "open", target] if opener.endswith("/gio") else [opener, target]
        return _start(target, command, "Opened")
    try:
        opened = webbrowser.open(target)
    except webbrowser.Error:
        opened = False
    if not opened:
        raise ValueError("Nothing opens addresses here. On Debian or Ubuntu: sudo apt-get install xdg-utils")
    return {"say": f"Opened {target}.", "opened": target}


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
    if parts.scheme == "mailto" and "@" not in unquote(parts.path):
        raise ValueError("A mail address needs an @: mailto:name@example.org")
    if parts.scheme == "mailto":
        return _draft(target, parts.path, parts.query)
    host = parts.hostname
    if not host:
        raise ValueError("The address names no host: https://example.org")
    return target if host.isascii() else target.replace(parts.netloc, _ascii(parts.netloc, host), 1)


def _ascii(place: str, host: str) -> str:
    """A host with its port as the network knows it, so that what opens is what was named."""
    try:
        plain = host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise ValueError(f"{host[:100]} is no host.") from error
    before, at, after = place.rpartition("@")
    port = after.rpartition(":")[2]
    return f"{before}{at}{plain}{f':{port}' if port.isdigit() and ':' in after else ''}"


def _draft(target: str, path: str, query: str) -> str:
    """A mail address that only begins a text.

    Raises:
        ValueError: it would do more, such as attach a file of the person's.
    """
    fields = [*parse_qsl(query, keep_blank_values=True, separator="&"), ("to", unquote(path))]
    for name, value in fields:
        key = name.strip().lower()
        if key not in MAY_SET:
            raise ValueError(
                f"A mail address may set to, cc, bcc, subject and body; “{name[:40]}” could add a file of yours."
            )
        if key != "body" and re.search(r"[\x00-\x1f\x7f]", value):
            raise ValueError(f"The {key} of a mail is one line.")
        if re.search(r"attach(ment)?s?\s*=", value, re.IGNORECASE):
            raise ValueError("A mail address attaches no file: leave “attachment=” out.")
    return target


def _start(title: str, command: list[str], said: str = "Started") -> dict[str, Any]:
    """Start a program in a session of its own, so that it outlives the tool, and see that it did not fail at once."""
    with tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True
            )
        except OSError as error:
            raise ValueError(f"{title} could not be started: {error.strerror}.") from error
        try:
            code = process.wait(timeout=SETTLE)
        except subprocess.TimeoutExpired:
            code = 0
        if code:
            errors.seek(0)
            reason = errors.read(2_000).decode(errors="replace").strip().rpartition("\n")[2]
            raise ValueError(f"{title} ended at once with code {code}{f': {reason}' if reason else '.'}")
    return {"say": f"{said} {title}.", "started": title, "command": shlex.join(command), "pid": process.pid}
