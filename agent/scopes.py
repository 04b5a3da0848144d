"""What a tool may touch, in words that a skill declares, a person reads and code decides by.

A scope is ``kind`` or ``kind:detail``: ``screen``, ``files:read``, ``files:write:/home/ann/letters``,
``network:example.org``. What matters for safety is the direction: a source brings in content that nobody vouches for,
a sink lets something out or changes something outside the skill's own folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

Detail = Literal["none", "path", "host", "server"]

ANY_HOST = "*"
"""``network:*`` is every host there is."""

_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:[0-9]{1,5})?")
_SERVER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of scope.

    Attributes:
        words: for a person, without the detail.
        source: brings in what others wrote, drew or said.
        sink: sends, changes or starts something outside the skill's own folder.
        detail: what follows the kind after a colon. A path may be left out, which means all folders the person granted;
            a host or a server may not.
        bundled: only skills that came with Deskhand may have it.
    """

    words: str
    source: bool = False
    sink: bool = False
    detail: Detail = "none"
    bundled: bool = False


KINDS = {
    "screen": Kind("the screen", source=True),
    "microphone": Kind("the microphone", source=True),
    "files:data": Kind("its own files"),
    "files:read": Kind("files in folders you granted, to read", source=True, detail="path"),
    "files:write": Kind("files in folders you granted, to change", sink=True, detail="path"),
    "network": Kind("the network", source=True, sink=True, detail="host"),
    "input": Kind("mouse and keyboard", sink=True, bundled=True),
    "clipboard:read": Kind("the clipboard, to read", source=True),
    "clipboard:write": Kind("the clipboard, to change", sink=True),
    "apps": Kind("applications", sink=True, bundled=True),
    "system": Kind("the desktop's settings and windows", source=True, sink=True, bundled=True),
    "windows": Kind("the titles of open windows", source=True, bundled=True),
    "devices": Kind("battery, volume and brightness, to read", bundled=True),
    "scripts": Kind("a program of the skill", source=True, sink=True),
    "mcp": Kind("an MCP server", source=True, sink=True, detail="server"),
    "mcp-read": Kind("an MCP server, to read", source=True, detail="server"),
    "notify": Kind("notifications to you"),
    "watch": Kind("screenshots for a while", bundled=True),
    "later": Kind("answers of its own, later", bundled=True),
}
"""Every kind of scope there is. ``system`` is a source because titles of windows are written by others. ``mcp-read`` is
for the tools of a server that the person marked as read-only.

What a ``watch`` sees comes in with the turn that it makes, and is a source there.
"""

SCOPES = {name: kind.words for name, kind in KINDS.items()}
"""Every kind in a person's words."""

SOURCES = frozenset(name for name, kind in KINDS.items() if kind.source)
"""Kinds whose tools bring in content of others: what the model reads after them is tainted."""

SINKS = frozenset(name for name, kind in KINDS.items() if kind.sink)
"""Kinds whose tools act on the world outside the skill's own folder."""

OWN = frozenset({"files:data", "watch", "later", "notify"})
"""Kinds whose tools keep or tell what is the person's own."""


class ScopeError(ValueError):
    """A scope that can't be given; the message is a sentence for the person and the skill's author."""


@dataclass(frozen=True, slots=True)
class Scope:
    """A scope taken apart.

    Attributes:
        name: a key of `KINDS`.
        detail: the path, host or server; may be empty for a path.
    """

    name: str
    detail: str = ""

    @property
    def kind(self) -> Kind:
        """What it is."""
        return KINDS[self.name]

    @property
    def words(self) -> str:
        """What a person reads."""
        if not self.detail:
            return self.kind.words
        if self.detail == ANY_HOST:
            return "any host of the network"
        what = {
            "files:read": "files, to read",
            "files:write": "files, to change",
            "mcp": "MCP server",
            "mcp-read": "MCP server, to read",
        }
        return f"{what.get(self.name, self.name)}: {self.detail}"


def parse(scope: str) -> Scope:
    """Take a scope apart.

    Raises:
        ScopeError: there is no such kind, or its detail is missing, unknown or malformed.
    """
    name = next((name for name in KINDS if scope == name or scope.startswith(f"{name}:")), None)
    if name is None:
        raise ScopeError(f"It asks for {scope[:80]}, which this version can't give; known are {', '.join(KINDS)}.")
    detail = scope[len(name) + 1 :]
    problem = _problem(KINDS[name].detail, detail, has_colon=scope != name)
    if problem:
        raise ScopeError(f"It asks for {scope[:80]}: {problem}.")
    return Scope(name, detail)


def _problem(kind: Detail, detail: str, *, has_colon: bool) -> str:
    """What is wrong with a detail, empty if nothing is."""
    match kind:
        case "none":
            return "nothing may follow the name" if has_colon else ""
        case "path":
            path = PurePosixPath(detail)
            fine = not has_colon or (path.is_absolute() and ".." not in path.parts and detail.isprintable())
            return "" if fine else "give a whole path that begins with /, without .."
        case "host":
            return "" if detail == ANY_HOST or _HOST.fullmatch(detail) else "name one host, such as network:example.org"
        case "server":
            return "" if _SERVER.fullmatch(detail) else "name one server, such as mcp:time"


def declared(scope: str, *, bundled: bool) -> Scope:
    """A scope that a skill declares.

    Args:
        scope: as written.
        bundled: the skill came with Deskhand.

    Raises:
        ScopeError: it is malformed, or not for skills like this one.
    """
    found = parse(scope)
    if found.name in {"mcp", "mcp-read"}:
        raise ScopeError(f"It asks for {scope[:80]}, which only the tools of that server have.")
    if found.kind.bundled and not bundled:
        raise ScopeError(f"It asks for {scope[:80]} ({found.words}), which only skills that came with Deskhand may.")
    return found


def words(scope: str) -> str:
    """A scope as a person reads it; one that can't be read is shown as it is."""
    try:
        return parse(scope).words
    except ScopeError:
        return scope


_ABLE = {
    "screen": "see the screen", "microphone": "use the microphone", "files:data": "keep its own files",
    "files:read": "read files in folders you granted", "files:write": "change files in folders you granted",
    "network": "use the network", "input": "use mouse and keyboard", "clipboard:read": "read the clipboard",
    "clipboard:write": "change the clipboard", "apps": "start applications",
    "system": "change the desktop's settings and windows", "windows": "read the titles of open windows",
    "devices": "read battery, volume and brightness", "scripts": "run a program of its own",
    "mcp": "use an MCP server", "notify": "notify you", "watch": "take screenshots for a while",
    "later": "answer later by itself",
}  # fmt: skip


def able(held: Iterable[str]) -> str:
    """What these scopes allow, as the end of a sentence that begins with “can”; empty for none."""
    names = {scope: _name(scope) for scope in held}
    said = [
        f"{_ABLE[name]} ({parse(scope).detail.replace(ANY_HOST, 'any host')})"
        if name and parse(scope).detail
        else _ABLE.get(name or "", scope)
        for scope, name in names.items()
    ]
    if {"clipboard:read", "clipboard:write"} <= names.keys():
        said = [line for line in said if not line.endswith("the clipboard")]
        said.insert(0, "read and change the clipboard")
    return "; ".join(said)


def brings_in(scopes: Iterable[str]) -> bool:
    """Whether a tool with these scopes reads what others wrote. A scope that can't be read counts as one that does."""
    return any(name is None or KINDS[name].source for name in map(_name, scopes))


def lets_out(scopes: Iterable[str]) -> bool:
    """Whether a tool with these scopes sends, changes or starts something outside its own folder; likewise."""
    return any(name is None or KINDS[name].sink for name in map(_name, scopes))


def changes(scopes: Iterable[str], *, quiet: bool) -> bool:
    """Whether a tool with these scopes changes something, its own files included; a ``quiet`` one only reads those.

    What it notifies or comes back with later is said in our words, so that counts as well.
    """
    held = tuple(scopes)
    return lets_out(held) or (not quiet and own(held))


def own(scopes: Iterable[str]) -> bool:
    """Whether a tool with these scopes keeps or tells what is the person's own."""
    return any(name in OWN for name in map(_name, scopes))


def _name(scope: str) -> str | None:
    try:
        return parse(scope).name
    except ScopeError:
        return None
