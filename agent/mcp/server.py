"""One server over its life: connected when needed, restarted with patience, and only with tools that were agreed to."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deskhand.agent.mcp import box, pins
from deskhand.agent.mcp.config import ServerConfig
from deskhand.agent.mcp.errors import ConfigError, LinkError, SlowError
from deskhand.agent.mcp.offers import Offers, offers, printable
from deskhand.agent.mcp.pins import Changes, Kept, Pin, Pins
from deskhand.agent.mcp.tools import GATE, Gate, Offer, group_name, prefix, tool_name
from deskhand.agent.tool import Group

if TYPE_CHECKING:
    from mcp import types  # the SDK takes most of a second to import: only once a server is started

    from deskhand.agent.mcp.link import Link, Progress

CANCEL_GRACE = 0.3
"""Seconds in which the notice of a cancelled call may reach a server before its process is ended."""

START_SECONDS = 90.0
"""Until a server must have said hello; the first start of one that npx or uvx fetches takes longer than any other."""

MOST_LINES = 2_000
"""Lines of what has changed that a question shows."""

FIRST_WAIT = 1.0
"""Seconds from the failure of a server to its next start."""
LONGEST_WAIT = 60.0
"""Likewise of one that keeps failing: 1, 2, 4 … up to this."""


class Server:
    """A server of the configuration. Its coroutines run in the event loop of MCP; its attributes may be read anywhere.

    Args:
        config: what it is.
        home: its own folder.
        agreed: what the person agreed to.
    """

    def __init__(self, config: ServerConfig, home: Path, agreed: Pins) -> None:
        self.config = config
        self._home = home
        self._agreed = agreed
        self._link: Link | None = None
        self._lock = asyncio.Lock()
        self._failures = 0
        self._next_start = 0.0
        self._offers = Offers()
        self._changes = Changes()
        self._pending: dict[str, str] = {}
        self._instructions = ""
        self._differences: tuple[str, ...] = ()
        """How it differs from what was agreed to, in whole, for the person."""
        self.tools = self._kept()
        self.used = 0.0

    @property
    def live(self) -> bool:
        """Whether it runs."""
        link = self._link
        return link is not None and link.alive

    @property
    def start_seconds(self) -> float:
        """How long it may take until it can be called."""
        return max(START_SECONDS, self.config.entry.access.seconds)

    @property
    def group(self) -> Group:
        """What the model knows of it before it is activated: what the person says it is for, else its tools' names."""
        name, about = self.config.name, self.config.entry.access.description
        names = ", ".join(tool.name for tool in self.tools)[:200]
        given = printable(self.config.given)[:60]
        told = about or (
            f"tools: {names}" if names else f"a server that the person added{f' as {given}' if given else ''}"
        )
        body = "Its tools can be called." if self.tools else f"Call {tool_name(name, GATE)}, then its tools."
        return Group(group_name(name), f"MCP server {name}: {told}", body)

    @property
    def gate(self) -> Gate | None:
        """The tool that connects it; None while its tools are offered."""
        if self.tools:
            return None
        name, about = self.config.name, self.config.entry.access.description
        text = f"Connect to the server “{name}”{f': {about}' if about else ''}. Its tools can be called afterwards."
        pin = self._agreed.get(name)
        agrees, shows, difference = "", box.touches(self.config), ""
        if pin is None or pin.config != pins.of_config(self.config):
            agrees = pins.of_config(self.config)
        elif self._changes:
            agrees, shows = self._news, (*shows, *self._changed())
            difference = "\n".join(self._differences)
        return Gate(
            tool_name(name, GATE),
            group_name(name),
            text,
            {"type": "object", "properties": {}},
            (f"mcp:{name}",) if agrees else (),
            quiet=not agrees,
            difference=difference,
            agrees=agrees,
            shows=shows,
        )

    async def connect(self, agrees: str) -> dict[str, Any]:
        """Connect it and offer its tools; returns what the model is told.

        Args:
            agrees: of the gate that was allowed.

        Raises:
            LinkError: it can't be connected, or its tools are not those that were agreed to.
        """
        async with self._lock:
            link = await self._linked()
            if agrees == (self._news if self._changes else pins.of_config(self.config)):
                self._remember(self._pending)
            self._offer()
            said: dict[str, Any] = {"connected": self.config.name, "tools": [tool.name for tool in self.tools]}
            if self._offers.problems:
                said["left_out"] = list(self._offers.problems)[:10]
            if instructions := link.about.get("instructions"):
                said["instructions"] = instructions
            return said

    async def call(
        self, tool: Offer, arguments: Mapping[str, Any], seconds: float, progress: Progress
    ) -> types.CallToolResult:
        """Call a tool; a server that has ended is started again first, if it is time.

        Raises:
            LinkError: as of `Link.call`; or the tool is no longer what was agreed to.
        """
        async with self._lock:
            link = await self._linked()
            if link.stale:
                await self._relist(link)
            self._offer()
            if tool.pin not in {each.pin for each in self.tools}:
                raise LinkError(f"The server {self.config.name} no longer has the tool {tool.name}.")
        self.used = time.monotonic()
        try:
            found = await link.call(tool.original, dict(arguments), seconds, progress)
        except SlowError:
            await link.end("it took too long", at_once=True)
            self._failed()
            raise
        except LinkError:
            if not link.alive:
                self._failed()
            raise
        except asyncio.CancelledError:
            # Cancelling asks a server to stop and tells nobody whether it did; ending its process does (docs/adr/0008).
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(CANCEL_GRACE)
            await link.end("it was stopped")
            raise
        self._failures = 0
        return found

    async def about(self) -> dict[str, Any]:
        """Connect without agreeing to anything, for a check: what it says of itself and offers.

        Raises:
            LinkError: it can't be connected.
        """
        async with self._lock:
            link = await self._linked()
            return {
                **link.about,
                "tools": [{"name": each.name, "description": each.description} for each in self._offers.tools],
                "left_out": list(self._offers.problems),
                "changes": list(self._differences),
                "whole": dict(self._offers.shown),
                "agrees": self._news,
            }

    async def agree(self, agrees: str) -> None:
        """Agree to the server as `about` showed it.

        Raises:
            LinkError: it can't be connected, or has become another since.
        """
        async with self._lock:
            await self._linked()
            if agrees != self._news:
                raise LinkError(f"The tools of {self.config.name} have changed since you were shown them: look again.")
            self._remember(self._pending)
            self._offer()

    async def end(self, *, at_once: bool = False) -> None:
        """Leave it; what it started has ended when this returns. Its tools stay: the next call starts it again."""
        link, self._link = self._link, None
        if link is not None:
            await link.end(at_once=at_once)

    async def _linked(self) -> Link:
        """A live connection with the list of what it offers."""
        if self._link is not None and self._link.alive:
            return self._link
        wait = self._next_start - time.monotonic()  # before the cleaning, which may take as long
        if self._link is not None:
            await self._link.end(at_once=True)
            self._link = None
        if wait > 0:
            times = "once" if self._failures == 1 else f"{self._failures} times in a row"
            raise LinkError(
                f"The MCP server {self.config.name} failed {times}; it is started again in {wait:.0f} s at the earliest"
            )
        link: Link | None = None
        try:
            link = await asyncio.to_thread(_link, self.config, self._home, self.start_seconds)
            await link.open()
            await self._relist(link)
        except (LinkError, ConfigError) as error:
            self._failed()
            if link is not None:
                await link.end(at_once=True)
            raise LinkError(str(error)) from error
        except asyncio.CancelledError:
            if link is not None:
                await link.end(at_once=True)
            raise
        self._link = link
        return link

    def _failed(self) -> None:
        self._failures += 1
        self._next_start = time.monotonic() + min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** (self._failures - 1))

    async def _relist(self, link: Link) -> None:
        """Read what it offers and compare with what was agreed to."""
        listed, pin = await link.listed(), self._agreed.get(self.config.name)
        known = {each.original: each.name for each in pin.offers} if pin is not None else {}
        self._offers = offers(self.config, listed, link.problems, known)
        self._pending, self._instructions = dict(self._offers.pins), link.about.get("instructions", "")
        same = pin is not None and pin.config == pins.of_config(self.config) and pin.tools is not None
        self._changes, self._differences = Changes(), ()
        if pin is not None and same:
            self._changes = pins.compare(pin, self._pending, self._instructions)
            lines = tuple(pins.differences(self._changes, pin, self._offers.shown, self._instructions))
            more = f"… and {len(lines) - MOST_LINES} more lines. To see all: deskhand mcp agree {self.config.name}"
            self._differences = (*lines[:MOST_LINES], more) if len(lines) > MOST_LINES else lines

    def _remember(self, tools: Mapping[str, str]) -> None:
        kept = tuple(
            Kept(
                name=tool.name,
                description=tool.description,
                parameters=tool.parameters,
                original=tool.original,
                pin=tool.pin,
            )
            for tool in self._offers.tools
        )
        only = self.config.entry.access.tools
        pin = Pin(
            config=pins.of_config(self.config),
            tools=tools,
            only=only,
            offers=kept,
            shown=self._offers.shown,
            instructions=self._instructions,
        )
        try:
            self._agreed.put(self.config.name, pin)
        except OSError as error:
            raise LinkError(
                f"What was agreed to of {self.config.name} can't be kept: {error.strerror or error}."
            ) from error
        self._changes, self._differences = Changes(), ()

    def _kept(self) -> tuple[Offer, ...]:
        """The tools that were agreed to, if nothing in the configuration has changed since."""
        pin = self._agreed.get(self.config.name)
        if pin is None or pin.config != pins.of_config(self.config) or pin.only != self.config.entry.access.tools:
            return ()
        begins = f"{prefix(self.config.name)}__"
        if not all(each.name.startswith(begins) for each in pin.offers):
            return ()  # of a Deskhand in which two servers could share a name
        group, scopes = group_name(self.config.name), (f"mcp:{self.config.name}",)
        return tuple(
            Offer(each.name, group, each.description, each.parameters, scopes, original=each.original, pin=each.pin)
            for each in pin.offers
        )

    def _offer(self) -> None:
        """Offer the tools that it has now, if they are those that were agreed to."""
        self.tools = ()
        pin = self._agreed.get(self.config.name)
        if pin is None or pin.config != pins.of_config(self.config):
            raise LinkError(f"The MCP server {self.config.name} was not agreed to: connect it again.")
        if self._changes:
            raise LinkError(
                f"The tools of {self.config.name} are not those that were agreed to: "
                f"{'; '.join(self._changed())[:400]}. Call {tool_name(self.config.name, GATE)}: the person decides."
            )
        if pin.tools is None or pin.only != self.config.entry.access.tools:
            self._remember(self._pending)
        self.tools = self._offers.tools
        self.used = time.monotonic()

    @property
    def _news(self) -> str:
        """The hash of what the person would agree to now."""
        return pins.digest([self._pending, self._instructions])

    def _changed(self) -> tuple[str, ...]:
        """Likewise in short, for the model."""
        texts = self._offers.texts
        return (
            *(f"new tool {name[:60]}: {texts.get(name, '')[:200]}" for name in self._changes.added),
            *(f"changed tool {name[:60]}: {texts.get(name, '')[:200]}" for name in self._changes.changed),
            *(f"gone: {name[:60]}" for name in self._changes.removed),
            *(["changed instructions of the server"] if self._changes.instructions else []),
        )


def _link(config: ServerConfig, home: Path, seconds: float) -> Link:
    """Make a connection, in a thread that may take its time: the import, and the first look at the sandbox."""
    from deskhand.agent.mcp.link import Link  # noqa: PLC0415 - as above

    return Link(config, home, seconds)
