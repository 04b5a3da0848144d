"""Which tools of servers the person marked as read-only, each with the hash of what it said of itself then.

A mark is the person's word and never the server's. A tool that says anything else of itself has lost it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deskhand.agent import private
from deskhand.agent.mcp.errors import LinkError
from deskhand.agent.mcp.pins import Pin
from deskhand.agent.mcp.tools import Offer

_CLAIM = "says of itself: readOnlyHint = true"
"""Stands in what the person is shown of a tool (`offers`)."""


@dataclass(frozen=True)
class Reader:
    """A tool of a server, as the person may mark it.

    Attributes:
        tool: the server's own name for it.
        marked: the person marked it as read-only, and it has not changed since.
        claims: the server says so of it, which counts for nothing.
    """

    tool: str
    marked: bool
    claims: bool


class Marks:
    """The marks of all servers, on disk; a file that can't be read holds none, so everything asks.

    Args:
        path: of the JSON file; several processes may use it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._known: tuple[object, dict[str, dict[str, str]]] = (None, {})

    def applied(self, server: str, tools: Sequence[Offer]) -> list[Offer]:
        """Tools with the scopes that they have: a marked one brings in and lets nothing out, and does not ask."""
        marks = self._of(server)
        return [
            replace(tool, scopes=(f"mcp-read:{server}",), quiet=True) if marks.get(tool.original) == tool.pin else tool
            for tool in tools
        ]

    def readers(self, server: str, tools: Sequence[Offer], agreed: Pin | None) -> tuple[Reader, ...]:
        """What is known of each tool of a server."""
        marks, shown = self._of(server), agreed.shown if agreed else {}
        return tuple(
            Reader(each.original, marks.get(each.original) == each.pin, _CLAIM in shown.get(each.original, ""))
            for each in tools
        )

    def change(self, server: str, tools: Sequence[Offer], named: Collection[str], *, reads: bool) -> None:
        """Mark the named of a server's tools, or take that back.

        Raises:
            LinkError: there is no such tool, or it could not be written.
        """
        pins = {each.original: each.pin for each in tools}
        if missing := [name for name in named if name not in pins]:
            raise LinkError(
                f"{server} has no tool {', '.join(missing)[:200]}. It has: {', '.join(sorted(pins))[:600]}."
            )
        marked = {name for name, pin in self._of(server).items() if pins.get(name) == pin}
        marked = marked | set(named) if reads else marked - set(named)
        try:
            with self._lock, private.held(self._path.with_suffix(".lock")):
                kept = {**self._read(), server: {name: pins[name] for name in sorted(marked)}}
                private.write(self._path, json.dumps(kept, indent=1).encode())
                self._known = (None, {})
        except OSError as error:
            raise LinkError(f"What you said of {server} can't be kept: {error.strerror or error}.") from error

    def _of(self, server: str) -> Mapping[str, str]:
        """The hashes of the marked tools of a server, by its own names for them."""
        with self._lock:
            stamp = self._stamp()
            if stamp != self._known[0]:
                self._known = (stamp, self._read())
            return self._known[1].get(server, {})

    def _stamp(self) -> object:
        try:
            found = self._path.stat()
        except OSError:
            return ()
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _read(self) -> dict[str, dict[str, str]]:
        try:
            found: Any = json.loads(self._path.read_bytes())
            return {
                str(server): {str(name): str(pin) for name, pin in tools.items()} for server, tools in found.items()
            }
        except (OSError, ValueError, AttributeError, RecursionError):
            return {}
