"""What the person allowed or forbade for longer: exact, expiring, revocable, on disk where only they can read it."""

from __future__ import annotations

import hashlib
import json
import math
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from deskhand.agent import private
from deskhand.agent.filename import spelled
from deskhand.agent.safety import addresses, coverage
from deskhand.agent.tool import Tool
from deskhand.model.types import ToolCall

DAYS = 30
"""How long a grant lasts that is kept on disk."""

_VERSION = 1


class GrantsError(Exception):
    """The grants can't be read or written; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One thing that runs without asking, or never runs.

    Attributes:
        tool: its name.
        pin: `pin` of the tool as it was then: one that changed is asked about again. Empty for what is forbidden.
        effect: ``allow`` or ``deny``.
        arguments: exactly these, as `exactly` writes them; empty: any.
        folder: any whose every path is inside this folder; empty: wherever.
        made: seconds since the epoch.
        expires: likewise; infinite for a session's, which are not kept.
        id: for the person to name it by.
        host: any whose ``url`` is of this host; empty: wherever.
        own: every tool that only adds something of the person's own (`Tool.adds`), whatever ``tool`` is.
    """

    tool: str
    pin: str = ""
    effect: Literal["allow", "deny"] = "allow"
    arguments: str = ""
    folder: str = ""
    made: float = 0.0
    expires: float = math.inf
    id: str = ""
    host: str = ""
    own: bool = False

    def covers(self, tool: Tool, call: ToolCall, paths: Sequence[str], now: float) -> bool:
        """Whether this is about that call.

        Args:
            tool: what would run.
            call: with the arguments it would run with.
            paths: the real paths that the arguments name.
            now: seconds since the epoch.
        """
        if self.own:
            return now < self.expires and tool.adds and tool.bundled
        if now >= self.expires or tool.name != self.tool:
            return False
        if self.effect == "deny":
            return True
        if self.pin != pin(tool) or (self.arguments and self.arguments != exactly(call)):
            return False
        here = not self.host or self.host == addresses.host(str(call.arguments.get("url", "")))
        return here and (not self.folder or inside(paths, self.folder))

    def as_json(self) -> dict[str, Any]:
        """Its fields; ``expires`` is null for what does not expire, because JSON knows no infinity."""
        return {**asdict(self), "expires": self.expires if self.expires < math.inf else None}

    @property
    def words(self) -> str:
        """What it covers, for a person."""
        if self.effect == "deny":
            return f"{self.tool}: never"
        if self.own:
            return coverage.OWN
        if self.folder:
            return coverage.within(self.tool, spelled(self.folder))
        if self.host:
            return coverage.pages(self.tool, self.host)
        return coverage.exactly(self.tool, self.arguments) if self.arguments else coverage.anything(self.tool)


def _load(entry: dict[str, Any]) -> Grant:
    """A grant again; what is of another type than it was written raises."""
    texts = (str(entry[key]) for key in ("tool", "pin", "arguments", "folder", "id"))
    tool, fixed, arguments, folder, identifier = texts
    effect: Literal["allow", "deny"] = "allow" if entry["effect"] == "allow" else "deny"
    forever = effect == "deny" and entry["expires"] is None
    expires = math.inf if forever else float(str(entry["expires"]))
    host = str(entry.get("host", ""))  # grants of earlier versions have none
    return Grant(tool, fixed, effect, arguments, folder, float(entry["made"]), expires, identifier, host)


def pin(tool: Tool) -> str:
    """A hash of all that the person was told of a tool."""
    told = [tool.name, tool.skill, tool.description, dict(tool.parameters), list(tool.scopes), tool.bundled]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]


def exactly(call: ToolCall) -> str:
    """The arguments of a call as one text: equal arguments, equal texts."""
    return json.dumps(dict(call.arguments), sort_keys=True)


def inside(paths: Sequence[str], folder: str) -> bool:
    """Whether there are paths and every one is ``folder`` or below it; both are real paths."""
    return bool(paths) and all(Path(path).is_relative_to(folder) for path in paths)


class Grants:
    """The grants on disk. Several processes may use one file: what one revokes, the others no longer grant.

    Args:
        path: of the JSON file; need not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._known: tuple[object, tuple[Grant, ...]] = (None, ())

    def all(self) -> tuple[Grant, ...]:
        """Every grant, the oldest first, also expired ones.

        Raises:
            GrantsError: the file can't be read; nothing is granted then.
        """
        with self._lock:
            stamp = self._stamp()
            if stamp != self._known[0]:
                self._known = (stamp, self._read())
            return self._known[1]

    def add(self, grant: Grant) -> Grant:
        """Keep one and return it with its name; it is on disk when this returns."""
        named = replace(grant, id=secrets.token_hex(3))
        self._change(lambda grants: (*grants, named))
        return named

    def revoke(self, identifier: str) -> Grant | None:
        """Take back the grant of that name and return it; None if there is none."""
        found = next((grant for grant in self.all() if grant.id == identifier), None)
        if found:
            self._change(lambda grants: tuple(grant for grant in grants if grant.id != identifier))
        return found

    def _stamp(self) -> object:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise GrantsError(f"The grants {self._path} can't be read: {error.strerror}.") from error
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _read(self) -> tuple[Grant, ...]:
        try:
            data = json.loads(self._path.read_bytes())
            if data["version"] != _VERSION:
                raise GrantsError(f"The grants {self._path} were written by another version of Deskhand: remove them.")
            return tuple(map(_load, data["grants"]))
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise GrantsError(f"The grants {self._path} can't be read: {error.strerror}.") from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise GrantsError(
                f"The grants {self._path} are damaged ({error}): remove the file, and grant anew."
            ) from error

    def _change(self, change: Callable[[tuple[Grant, ...]], tuple[Grant, ...]]) -> None:
        try:
            with self._lock, private.held(self._path.with_suffix(".lock")):
                data = {"version": _VERSION, "grants": [grant.as_json() for grant in change(self._read())]}
                private.write(self._path, json.dumps(data, indent=1).encode())
                self._known = (None, ())
        except OSError as error:
            raise GrantsError(f"The grants {self._path} can't be written: {error.strerror}.") from error
