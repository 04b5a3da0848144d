"""What the person agreed to: each server's command line and access, its instructions and each of its tools, by hash.

A server that starts differently, or that says anything else of itself or a tool than when it was agreed to, is asked
about again, and the difference is shown.
"""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deskhand.agent import private
from deskhand.agent.mcp import box
from deskhand.agent.mcp.config import ServerConfig
from deskhand.agent.mcp.errors import ConfigError
from deskhand.agent.safety import network


def digest(value: object) -> str:
    """SHA-256 over a JSON value, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def of_config(config: ServerConfig) -> str:
    """The hash of all that decides what runs and what it may touch; not of what it is called or switched off."""
    shown = config.entry.model_dump(mode="json", exclude={"disabled"})
    for key in ("description", "seconds", "tools"):
        shown["access"].pop(key)
    # What it sees of the disk without being named: it may change while the file does not.
    with contextlib.suppress(ConfigError):
        shown["installed"] = [] if config.remote else [str(path) for path in box.installed(config).paths]
    if config.entry.access.network and not config.remote:
        shown["network"] = network.words(config.entry.access.network)
    return digest(shown)


class Kept(BaseModel):
    """A tool as it was agreed to, so that it can be offered again before its server runs."""

    model_config = ConfigDict(frozen=True)

    name: str
    description: str
    parameters: Mapping[str, Any]
    original: str
    pin: str


class Pin(BaseModel):
    """What was agreed to of one server.

    Attributes:
        config: of `of_config`.
        tools: the hash of each tool that it listed; None until they were seen once.
        only: those that the person had chosen of them.
        offers: what was offered then.
        shown: all that each tool said of itself, as it was shown.
        instructions: of the server; None in a pin of before they were kept.
    """

    model_config = ConfigDict(frozen=True)

    config: str
    tools: Mapping[str, str] | None = None
    only: tuple[str, ...] | None = None
    offers: tuple[Kept, ...] = ()
    shown: Mapping[str, str] = Field(default_factory=dict[str, str])
    instructions: str | None = None


@dataclass(frozen=True)
class Changes:
    """How a server differs from what was agreed to."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    instructions: bool = False

    def __bool__(self) -> bool:
        """Whether the person has to be asked; a tool that is gone can do nothing."""
        return bool(self.added or self.changed or self.instructions)


class Pins:
    """The pins of all servers, on disk; a file that can't be read is none, so everything asks again.

    Args:
        path: of the JSON file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def get(self, server: str) -> Pin | None:
        """What was agreed to of a server."""
        return self._read().get(server)

    def put(self, server: str, pin: Pin | None) -> None:
        """Remember or forget.

        Raises:
            OSError: it can't be written.
        """
        with self._lock:
            pins = self._read()
            pins.pop(server, None)
            if pin is not None:
                pins[server] = pin
            kept = {name: each.model_dump(mode="json") for name, each in pins.items()}
            private.write(self._path, json.dumps(kept, indent=1).encode())

    def _read(self) -> dict[str, Pin]:
        try:
            found: Any = json.loads(self._path.read_bytes())
            return {str(name): Pin.model_validate(value) for name, value in found.items()}
        except (OSError, ValueError, ValidationError, AttributeError, RecursionError):
            return {}


def compare(agreed: Pin, now: Mapping[str, str], instructions: str) -> Changes:
    """What is new, different or gone."""
    before = agreed.tools or {}
    return Changes(
        tuple(name for name in now if name not in before),
        tuple(name for name, value in now.items() if name in before and before[name] != value),
        tuple(name for name in before if name not in now),
        agreed.instructions is not None and agreed.instructions != instructions,
    )


def differences(changes: Changes, agreed: Pin, now: Mapping[str, str], instructions: str) -> Iterator[str]:
    """The changes as lines for the person: whole texts, with + before what is new and - before what is no more.

    Args:
        changes: of `compare`.
        agreed: to what.
        now: what each tool says of itself now, as it is shown.
        instructions: of the server now.
    """
    for name in changes.added:
        yield f"new tool {name}:"
        yield from (f"+ {line}" for line in now.get(name, "").split("\n"))
    for name in changes.changed:
        before = agreed.shown.get(name)
        yield f"changed tool {name}:" if before else f"changed tool {name}, whose text before was not kept:"
        yield from _difference(before or "", now.get(name, ""))
    yield from (f"gone: tool {name}" for name in changes.removed)
    if changes.instructions:
        yield "changed instructions of the server:"
        yield from _difference(agreed.instructions or "", instructions)


def _difference(before: str, now: str) -> Iterator[str]:
    one, other = (text.split("\n") if text else [] for text in (before, now))
    # Not `ndiff`, which looks for likeness within lines and takes minutes on a hostile text.
    for line in list(difflib.unified_diff(one, other, lineterm="", n=len(one)))[3:]:
        yield f"{line[:1]} {line[1:]}"
