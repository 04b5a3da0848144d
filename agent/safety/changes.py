"""What a call would change in a file, as a unified diff, told before it runs.

By convention of the bundled skills a tool that changes files says which with ``path``, and how with ``text`` (the whole
new content, or what is added if ``append`` is true), or with ``old`` and ``new`` (one piece replaced by another), or by
a name that ends in ``_delete``, or with ``target``, where it is moved to.
"""

from __future__ import annotations

import difflib
from pathlib import Path

from deskhand.agent.safety import undo
from deskhand.agent.scopes import ScopeError, parse
from deskhand.agent.tool import Tool
from deskhand.model.types import ToolCall

LARGEST = 512 * 1024
"""Bytes of a file up to which it is compared; a person reads no longer diff, and comparing takes time."""

MOST_LINES = 2_000
"""Lines of a diff that are shown."""


def diff(tool: Tool, call: ToolCall) -> str:
    """What ``call`` would change; empty if it changes no file, or a sentence where no diff can be made."""
    path = _path(tool, call)
    if not path:
        return ""
    if isinstance(target := call.arguments.get("target"), str):
        return f"rename from {path}\nrename to {target}"
    try:
        place = Path(path).expanduser()
        before = _read(place)
    except (OSError, RuntimeError, ValueError) as error:
        return f"{path} can't be compared: {error}."
    after = _after(tool, call, before)
    if before is None or after is None:
        return f"{path} can't be compared: it is no text of at most {LARGEST // 1024} KB."
    name = str(place) if place.is_absolute() else path
    lines = list(_compared(before, after, name if place.exists() else "/dev/null", name))
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], f"… and {len(lines) - MOST_LINES} more lines"]
    return "\n".join(lines) or "Nothing would change."


def lasting(tool: Tool, call: ToolCall) -> str:
    """Whether the person can take the change back afterwards, in words; empty if the call changes no file."""
    path = _path(tool, call)
    if not path:
        return ""
    try:
        size = Path(path).expanduser().stat().st_size
    except (OSError, RuntimeError, ValueError):
        size = 0
    if size > undo.LARGEST:
        return f"This can't be undone: the file has {size >> 20} MB, and at most {undo.LARGEST >> 20} MB are kept."
    return f"It can be undone for {undo.DAYS} days."


def _path(tool: Tool, call: ToolCall) -> str:
    """The file that a call changes; empty if it changes none."""
    path = call.arguments.get("path")
    return path if isinstance(path, str) and any(_writes(scope) for scope in tool.scopes) else ""


def _writes(scope: str) -> bool:
    try:
        return parse(scope).name == "files:write"
    except ScopeError:
        return False


def _read(path: Path) -> str | None:
    """The text of a file, empty if there is none; None if it is none that can be compared."""
    if not path.exists():
        return ""
    if not path.is_file() or path.stat().st_size > LARGEST:
        return None
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError:
        return None


def _after(tool: Tool, call: ToolCall, before: str | None) -> str | None:
    match dict(call.arguments):
        case {"text": str(text), "append": True}:
            return None if before is None else before + text
        case {"text": str(text)} | {"content": str(text)}:
            return text if len(text) <= LARGEST else None
        case {"old": str(old), "new": str(new)}:
            return None if before is None else before.replace(old, new, 1)
        case _:
            return "" if tool.name.endswith("_delete") else before


def _compared(before: str, after: str, old: str, new: str) -> list[str]:
    found: list[str] = []
    for line in difflib.unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), old, new):
        found.append(line.removesuffix("\n"))
        if line[:1] in {"+", "-", " "} and not line.endswith("\n") and not line.startswith(("+++", "---")):
            found.append("\\ No newline at end of file")
    return found
