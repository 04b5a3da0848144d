"""Whether a call may run: a pure decision over the tool, its exact arguments, the taint, the grants and the mode.

Everything asks, except tools that only read what is their own. A person has no patience: what could not hurt does not
ask, and what only adds something of the person's own asks once. While a conversation is tainted every sink, and all
that changes what is the person's own or speaks in our words, asks afresh, whatever was granted.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

from deskhand.agent import scopes
from deskhand.agent.events import Answer
from deskhand.agent.folding import real
from deskhand.agent.safety import addresses
from deskhand.agent.safety.grants import DAYS, Grant, Grants, GrantsError, exactly, inside, pin
from deskhand.agent.tool import Tool
from deskhand.model.types import ToolCall

Mode = Literal["ask", "trusted-folder", "read-only"]

Own = Literal["always", "session", "never"]
"""How often what only adds something of the person's own is asked about, while nothing of others was read."""

PATHS = ("path", "paths", "file", "files", "folder", "source", "target", "destination")
"""Parameters that name files, by convention of the bundled skills."""


class Verdict(NamedTuple):
    """What was decided, and a sentence that says why, for the person, the model and the log."""

    decision: Literal["allow", "ask", "deny"]
    reason: str


@dataclass(frozen=True)
class Situation:
    """All that a decision depends on, besides the call.

    Attributes:
        tainted: the model has read what nobody vouches for.
        grants: of the session and from disk.
        preapproved: names of tools or skills that the person approved up front.
        mode: ``ask``; ``trusted-folder``: files below ``trusted`` are changed unasked; ``read-only``: nothing acts.
        trusted: real paths of folders.
        paths: the real paths that the arguments name.
        asks: somebody is there to ask.
        screen_shared: the person attached a screenshot taken just now to this turn: looking at it tells nothing new.
        now: seconds since the epoch.
        own: of `Own`.
    """

    tainted: bool = False
    grants: tuple[Grant, ...] = ()
    preapproved: frozenset[str] = frozenset()
    mode: Mode = "ask"
    trusted: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    asks: bool = True
    screen_shared: bool = False
    now: float = 0.0
    own: Own = "session"


def decide(tool: Tool, call: ToolCall, given: Situation) -> Verdict:
    """Decide about one call. What forbids comes before what allows."""
    if forbidden := _forbidden(tool, call, given):
        return Verdict("deny", forbidden)
    if given.tainted and changes(tool):
        what = "acts outside" if scopes.lets_out(tool.scopes) else "changes what is yours"
        return _ask(tool, given, f"{tool.name} {what}, and this conversation holds what others wrote")
    if reason := _allowed(tool, call, given):
        return Verdict("allow", reason)
    return _ask(tool, given, f"{tool.name} needs approval")


def _forbidden(tool: Tool, call: ToolCall, given: Situation) -> str:
    rule = next((g for g in given.grants if g.effect == "deny" and g.covers(tool, call, given.paths, given.now)), None)
    if rule:
        return f"You forbade {tool.name}. To take that back: deskhand grants revoke {rule.id}"
    if given.mode == "read-only" and changes(tool):
        return f"{tool.name} changes something, and Deskhand is in read-only mode."
    return ""


def changes(tool: Tool) -> bool:
    """Whether a tool changes something: outside, or of the person's own."""
    return scopes.changes(tool.scopes, quiet=tool.quiet)


def _allowed(tool: Tool, call: ToolCall, given: Situation) -> str:
    """Why the call runs without asking; empty if it does not."""
    if tool.quiet and not scopes.lets_out(tool.scopes):
        return "it only reads what is its own"
    if tool.name in given.preapproved or tool.skill in given.preapproved:
        return "it was approved up front"
    rule = next((g for g in given.grants if g.effect == "allow" and g.covers(tool, call, given.paths, given.now)), None)
    if rule:
        return f"it was granted: {rule.words}"
    if given.screen_shared and tool.bundled and tool.scopes == ("screen",):
        return "the person showed the screen themselves"
    if _trusted(tool, given):
        return "the folder is trusted"
    adds = given.own == "never" and _adds(tool)
    return "it only adds something of yours, which you can take back" if adds else ""


def _adds(tool: Tool) -> bool:
    return tool.adds and tool.bundled and not scopes.lets_out(tool.scopes)


def _trusted(tool: Tool, given: Situation) -> bool:
    within = any(inside(given.paths, folder) for folder in given.trusted)
    return given.mode == "trusted-folder" and _writes_only(tool) and within


def _writes_only(tool: Tool) -> bool:
    """Whether all that a tool of ours does outside is changing the files that its arguments name."""
    names = {scopes.parse(scope).name for scope in tool.scopes if scopes.lets_out([scope])} if tool.bundled else set()
    return names == {"files:write"}


def _ask(tool: Tool, given: Situation, reason: str) -> Verdict:
    if given.asks:
        return Verdict("ask", f"{reason}.")
    if given.tainted and changes(tool):
        return Verdict("deny", f"{reason}; nobody is there to ask: do it in the window, or in a terminal.")
    return Verdict(
        "deny", f"{reason} and nobody is there to ask: run again with --approve {tool.name}, or in the window."
    )


def offered(tool: Tool, call: ToolCall, given: Situation, answer: Answer) -> Grant | None:
    """What an answer would grant for later calls; None if it can't be given now.

    While tainted nothing lasting is offered for what changes something. A file tool of ours is granted for the folder,
    one that fetches pages for the host, another sink for exactly these arguments, what only touches its own for the
    tool; of a foreign tool ``always`` is for exactly these. What only adds something of the person's own is asked about
    once a session, so any yes by hand covers all of that kind (`Own`).
    """
    if answer in {Answer.NO, Answer.SPOKEN} or (given.tainted and changes(tool)):
        return None
    if answer is not Answer.ALWAYS and given.own == "session" and _adds(tool):
        return Grant(tool.name, own=True, made=given.now)
    return None if answer is Answer.ONCE else _lasting(tool, call, given, answer)


def _lasting(tool: Tool, call: ToolCall, given: Situation, answer: Answer) -> Grant | None:
    sink = scopes.lets_out(tool.scopes)
    always = answer is Answer.ALWAYS
    if always and "scripts" in tool.scopes:
        return None  # the script may be another one tomorrow
    grant = Grant(tool.name, pin(tool), made=given.now)
    if always:
        grant = replace(grant, expires=given.now + DAYS * 86_400)
    folders = {str(Path(path).parent) for path in given.paths}
    if _writes_only(tool) and len(folders) == 1:
        return replace(grant, folder=folders.pop())
    if tool.bundled and set(tool.scopes) == {"network:*"} and (host := addresses.host(str(call.arguments.get("url")))):
        return replace(grant, host=host)
    exact = sink or (always and not tool.bundled)
    return replace(grant, arguments=exactly(call)) if exact else grant


def paths_of(call: ToolCall) -> tuple[str, ...]:
    """The real paths that a call's arguments name, links followed; a relative one makes all of them unknown."""
    named: list[str] = []
    for key in PATHS:
        value = call.arguments.get(key)
        named += [str(entry) for entry in value] if isinstance(value, list) else [str(value)] if value else []  # pyright: ignore[reportUnknownVariableType]
    found: list[str] = []
    for name in named:
        try:
            path = Path(name).expanduser()
            if not path.is_absolute():
                return ()
            found.append(str(real(name)))
        except (OSError, RuntimeError, ValueError):
            return ()
    return tuple(found)


class Permissions:
    """`decide` with what the person granted so far. What they change in any thread counts from the next call on.

    Args:
        preapproved: names of tools or skills (``--approve NAME,…``).
        ask: False denies what would be asked, where nobody is there to ask.
        mode: of `Situation`.
        trusted: folders for the mode ``trusted-folder``.
        grants: what is kept on disk; None keeps nothing.
        own: of `Situation`.
    """

    def __init__(
        self,
        preapproved: Collection[str] = (),
        ask: bool = True,
        *,
        mode: Mode = "ask",
        trusted: Sequence[Path] = (),
        grants: Grants | None = None,
        own: Own = "session",
    ) -> None:
        self.own: Own = own
        self._preapproved = frozenset(preapproved)
        self._ask = ask
        self.mode: Mode = mode
        self.trusted: tuple[str, ...] = ()
        self.trust(trusted)
        self._kept = grants
        self._lock = threading.Lock()
        self._session: tuple[Grant, ...] = ()

    @property
    def session(self) -> tuple[Grant, ...]:
        """What was granted until the program ends."""
        return self._session

    def trust(self, folders: Sequence[Path]) -> None:
        """Trust exactly these folders from now on."""
        self.trusted = tuple(os.path.realpath(folder.expanduser()) for folder in folders)

    def situation(self, call: ToolCall, *, tainted: bool = False, screen_shared: bool = False) -> Situation:
        """All that a decision about ``call`` depends on."""
        try:
            kept = self._kept.all() if self._kept else ()
        except GrantsError:
            kept = ()  # what can't be read grants nothing: the person is asked
        return Situation(
            tainted=tainted,
            grants=(*self._session, *kept),
            preapproved=self._preapproved,
            mode=self.mode,
            trusted=self.trusted,
            paths=paths_of(call),
            asks=self._ask,
            screen_shared=screen_shared,
            now=time.time(),
            own=self.own,
        )

    def remember(self, grant: Grant) -> Grant:
        """Keep a grant: until the program ends if it does not expire, else on disk.

        Raises:
            GrantsError: it could not be written.
        """
        if grant.expires < float("inf") and self._kept:
            return self._kept.add(grant)
        named = replace(grant, id=secrets.token_hex(3))
        with self._lock:
            self._session = (*self._session, named)
        return named

    def revoke(self, identifier: str) -> Grant | None:
        """Take back what was granted for this session under that name; None if there is nothing."""
        with self._lock:
            found = next((grant for grant in self._session if grant.id == identifier), None)
            self._session = tuple(grant for grant in self._session if grant.id != identifier)
        return found

    def forget(self) -> None:
        """Take back what was granted for this session."""
        with self._lock:
            self._session = ()
