"""What the person agreed to: each server's command line and access, and each of its tools, by hash.

A server that starts differently, or whose tools read differently than when they were agreed to, is asked about again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from deskhand.agent import private
from deskhand.agent.mcp import box
from deskhand.agent.mcp.config import ServerConfig
from deskhand.agent.mcp.errors import ConfigError


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
    """

    model_config = ConfigDict(frozen=True)

    config: str
    tools: Mapping[str, str] | None = None
    only: tuple[str, ...] | None = None
    offers: tuple[Kept, ...] = ()


@dataclass(frozen=True)
class Changes:
    """How tools differ from those that were agreed to."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = field(default=())

    def __bool__(self) -> bool:
        """Whether the person has to be asked; a tool that is gone can do nothing."""
        return bool(self.added or self.changed)


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


def compare(agreed: Mapping[str, str], now: Mapping[str, str]) -> Changes:
    """What is new, different or gone."""
    return Changes(
        tuple(name for name in now if name not in agreed),
        tuple(name for name, value in now.items() if name in agreed and agreed[name] != value),
        tuple(name for name in agreed if name not in now),
    )
