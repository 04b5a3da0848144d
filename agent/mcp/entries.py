"""Read server entries as other programs write them: JSON with comments, other keys, other words, any names."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

KEY = "mcpServers"
PLACES = ((KEY,), ("servers",), ("mcp", "servers"), ("mcp.servers",), ("context_servers",), ("mcp",))
"""Where other programs keep their servers: Claude and most others, VS Code's own file and settings, Zed, opencode."""
MAX_NAME = 32
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|/\*.*?\*/|,(?=(?:\s|//[^\n]*|/\*.*?\*/)*[}\]])', re.DOTALL)
_KINDS = {
    "stdio": "stdio", "local": "stdio", "command": "stdio", "http": "http", "remote": "http", "streamablehttp": "http",
    "sse": "sse",
}  # fmt: skip
_ALIASES = {
    "type": ("transport", "transportType"),
    "url": ("serverUrl", "httpUrl", "baseUrl"),
    "env": ("environment",),
}


def loaded(raw: bytes) -> tuple[Any, bool]:
    """A JSON value, and whether it had comments or commas that JSON knows nothing of.

    Raises:
        ValueError: it is no JSON even so.
    """
    text = raw.decode("utf-16" if raw[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig")
    if not text.strip():
        return {}, False
    try:
        return json.loads(text), False
    except ValueError as error:
        plain = _TOKEN.sub(lambda found: found[0] if found[0].startswith('"') else " ", text)
        try:
            return json.loads(plain), True
        except ValueError:
            raise error from None


def place(whole: Mapping[str, Any]) -> tuple[str, ...]:
    """The path of keys to the servers of a file; that of ours in a file that has none."""
    for path in PLACES:
        found: Any = whole
        for key in path:
            found = found.get(key) if isinstance(found, Mapping) else None
        if found is not None and (path != ("mcp",) or _are_entries(found)):
            return path
    return () if _are_entries(whole) else (KEY,)


def _are_entries(found: object) -> bool:
    """Whether every value is an entry, as in what people paste without the object around it."""
    if not isinstance(found, Mapping) or not found:
        return False
    values = cast("Mapping[str, Any]", found).values()
    return all(isinstance(each, Mapping) and {"command", "url", "serverUrl", "httpUrl"} & set(each) for each in values)


def plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """An entry in our words: what others call otherwise, numbers and yes and no as texts.

    Raises:
        ValueError: it speaks in a way that we do not.
    """
    entry = dict(value)
    for ours, theirs in _ALIASES.items():
        found = [entry.pop(name) for name in theirs if name in entry]
        if found and ours not in entry:
            entry[ours] = found[0]
    if "type" in entry:
        entry["type"] = _kind(entry["type"])
    off = {"enabled": entry.get("enabled"), "isActive": entry.get("isActive")}
    if any(said is False or str(said).lower() in {"false", "0", "off", "no"} for said in off.values()):
        entry["disabled"] = True
    for key in ("command", "url", "cwd", "args", "env", "environment", "headers"):
        if entry.get(key) is None:
            entry.pop(key, None)
    _split(entry)
    if isinstance(entry.get("args"), list):
        entry["args"] = [_text(each) for each in entry["args"]]
    for key in ("env", "headers"):
        if isinstance(entry.get(key), Mapping):
            pairs = cast("Mapping[str, Any]", entry[key]).items()
            entry[key] = {name: _text(each) for name, each in pairs if each is not None}
    return entry


def _kind(said: object) -> str:
    if said in (None, ""):
        return ""
    kind = _KINDS.get(re.sub(r"[^a-z]", "", str(said).lower()))
    if kind is None:
        raise ValueError(f"its type “{str(said)[:40]}” is none that Deskhand speaks: stdio, http or sse")
    return kind


def _split(entry: dict[str, Any]) -> None:
    """Part a command line that stands in ``command`` alone, as a list or as a text."""
    command, arguments = entry.get("command"), entry.get("args")
    more = cast("list[Any]", arguments) if isinstance(arguments, list) else []
    if isinstance(command, list) and command:
        words = cast("list[Any]", command)
        entry["command"], entry["args"] = _text(words[0]), [*words[1:], *more]
    elif isinstance(command, str) and " " in command.strip() and not more and not _is_program(command):
        first, *rest = shlex.split(command)
        entry["command"], entry["args"] = first, rest


def _is_program(command: str) -> bool:
    return shutil.which(command) is not None or Path(command).expanduser().exists()


def _text(value: object) -> object:
    """A number, a yes or a no as the text that a command line has; anything else as it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, int | float) else value


def names(given: Iterable[str]) -> dict[str, str]:
    """A name of ours for each that others gave: letters, digits, - and _, unique, at most `MAX_NAME` of them.

    One that is such a name stays; two that would be the same get a hash of what they were.
    """
    found = list(given)
    made = {name: name if NAME.fullmatch(name) else _cleaned(name) for name in found}
    seen: dict[str, int] = {}
    for name in made.values():
        seen[name.lower()] = seen.get(name.lower(), 0) + 1
    for name, clean in made.items():
        if not NAME.fullmatch(name) and (seen[clean.lower()] > 1 or not NAME.fullmatch(clean)):
            made[name] = f"{clean[: MAX_NAME - 9].rstrip('-_') or 'server'}-{_hash(name, 8)}"
    return made


def _cleaned(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-_")


def _hash(name: str, most: int) -> str:
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:most]
