"""What a call would change in a file: told before it runs, and carried to where it runs.

By convention of the bundled skills a tool that changes files says which with ``path``, and how with ``text`` (the whole
new content, or what is added if ``append`` is true), or with ``old`` and ``new`` (one piece replaced by another), or by
a name that ends in ``_delete``, or with ``target``, where it is moved to. The application makes a `Change` of that when
the person is asked; when the call runs it makes it again, and only if both are the same is anything written: what was
shown is what is done, whoever exchanges the file or a folder for a link in between (docs/adr/0032).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deskhand.agent.filename import spelled
from deskhand.agent.safety import undo
from deskhand.agent.safety.places import Content
from deskhand.agent.scopes import ScopeError, parse
from deskhand.agent.text_file import TextError, TextFile
from deskhand.agent.tool import Tool
from deskhand.model.types import ToolCall

LARGEST = 512 * 1024
"""Bytes of a file up to which it is compared; a person reads no longer diff, and comparing takes time."""

IDLE = "Nothing would change."

MOST_LINES = 2_000
"""Lines of a diff that are shown."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a call would do to one file.

    Attributes:
        path: real and whole, links followed.
        before: what is there; None if nothing is, or more than is kept.
        after: what will be there; None if it is deleted or moved.
        target: where it is moved to, likewise; None if it is not moved.
        size: in bytes, of what is there.
        stamp: by which a file is known that is too large to be kept: its number, size and time.
    """

    path: Path
    before: Content | None
    after: Content | None
    target: Path | None = None
    size: int = 0
    stamp: tuple[int, ...] = ()

    @property
    def idle(self) -> bool:
        """Whether the file is already as it would be."""
        return self.target is None and self.before is not None and self.before == self.after

    @property
    def paths(self) -> tuple[str, ...]:
        """Every file that it touches."""
        return tuple(str(path) for path in (self.path, self.target) if path)


@dataclass(frozen=True, slots=True)
class BoundCall(ToolCall):
    """A call that may do exactly this to a file."""

    change: Change | None = None


def wanted(tool: Tool, call: ToolCall) -> tuple[str, Mapping[str, Any]] | None:
    """Which function of the host a call comes down to, and with what; None if it changes no file that it names."""
    given = call.arguments
    if not isinstance(given.get("path"), str) or not any(_writes(scope) for scope in tool.scopes):
        return None
    match dict(given):
        case {"target": str()}:
            return "move_file", given
        case {"text": str(text)} | {"content": str(text)}:
            return "write_file", {"path": given["path"], "text": text, "append": given.get("append") is True}
        case {"old": str(), "new": str()}:
            return "replace_in_file", given
        case _:
            return ("delete_file", given) if tool.name.endswith("_delete") else None


def _writes(scope: str) -> bool:
    try:
        return parse(scope).name == "files:write"
    except ScopeError:
        return False


def diff(change: Change) -> str:
    """A change as a person reads it: a unified diff, or a sentence where none can be made."""
    path = spelled(str(change.path))
    if change.target:
        return f"rename from {path}\nrename to {spelled(str(change.target))}"
    size = f"{change.size} bytes" if change.size < 10_000 else f"{change.size / 1e6:.2f} MB"
    if max(change.size, len(change.after.raw) if change.after else 0) > LARGEST:
        return f"{path} ({size}) can't be compared: it has more than {LARGEST // 1024} KB."
    try:
        before = TextFile.of(change.before.raw if change.before else b"")
        after = TextFile(change.after.raw if change.after else b"", before.charset) if before.raw else None
        after = after or TextFile.of(change.after.raw if change.after else b"")
    except TextError:
        return f"{path} ({size}) can't be compared: it is no text."
    lines = list(_compared(before.text, after.text, path if change.before else "/dev/null", path))
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], f"… and {len(lines) - MOST_LINES} more lines"]
    if before.encoding and lines:
        lines.insert(0, f"It is written in {before.encoding}, and stays so.")
    return "\n".join(lines) or IDLE


def lasting(change: Change) -> str:
    """Whether the person can take a change back afterwards, in words."""
    if change.size > undo.LARGEST:
        return (
            f"This can't be undone: the file has {change.size >> 20} MB, and at most {undo.LARGEST >> 20} MB are kept."
        )
    return f"It can be undone for {undo.DAYS} days."


def _compared(before: str, after: str, old: str, new: str) -> list[str]:
    found: list[str] = []
    for line in difflib.unified_diff(_lines(before), _lines(after), old, new):
        found.append(line.removesuffix("\n"))
        if line[:1] in {"+", "-", " "} and not line.endswith("\n") and not line.startswith(("+++", "---")):
            found.append("\\ No newline at end of file")
    return found


def _lines(text: str) -> list[str]:
    # Not `splitlines`, for which a form feed ends a line: lines are counted here as everywhere.
    *whole, last = text.split("\n")
    return [f"{line}\n" for line in whole] + ([last] if last else [])
