"""One live connection to a server, from its start to its end. Everything here runs in the event loop of MCP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import mcp
from mcp import types
from mcp.client.session import ClientRequestContext, IncomingMessage
from pydantic import ValidationError

from deskhand.agent.mcp import box, remote
from deskhand.agent.mcp.config import ServerConfig
from deskhand.agent.mcp.conformance import Conformance, conforming
from deskhand.agent.mcp.errors import ConfigError, LinkError, SlowError
from deskhand.agent.mcp.stdio import ServerProcess

MOST_PAGES = 20
MOST_LISTED = 500
"""Tools that are read of one server's list; a list without an end must not hang us."""

_T = TypeVar("_T")
Progress = Callable[[float, float | None, str], None]


class Link:
    """A connection.

    Args:
        config: of the server.
        home: its own folder.
        seconds: until it must have said hello, and until it must have listed its tools.
    """

    def __init__(self, config: ServerConfig, home: Path, seconds: float) -> None:
        self._config = config
        self._conformance = Conformance()
        self._dropped: list[str] = []
        self._seconds = seconds
        command = None if config.remote else box.command(config, home)
        self._process = None if command is None else ServerProcess(command, self._conformance.waits_for)
        self._client: mcp.Client | None = None
        self._leave = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.stale = False
        """The server said that its list of tools has changed."""

    @property
    def alive(self) -> bool:
        """Whether it can be called."""
        return self._client is not None and not self._leave.is_set()

    @property
    def about(self) -> dict[str, str]:
        """What the server says about itself: protocol, name, version, instructions; unvouched."""
        client = self._client
        if client is None:
            return {}
        info = client.server_info
        said = {
            "protocol": client.protocol_version,
            "name": info.name if info else "",
            "version": info.version if info else "",
            "instructions": client.instructions or "",
        }
        return {key: value[:2_000] for key, value in said.items() if value}

    @property
    def problems(self) -> tuple[str, ...]:
        """A sentence for each tool that was left out of its list as it can't be read."""
        dropped = (f"{name[:60]} is left out: its x-mcp-header is none of the protocol." for name in self._dropped)
        return (*self._conformance.problems, *dropped)

    async def open(self) -> None:
        """Start the server and say hello, in whichever era of the protocol it speaks.

        Raises:
            LinkError: it could not be started, ended, or said nothing in time.
        """
        opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        opened.add_done_callback(_retrieved)
        self._task = asyncio.create_task(self._live(opened), name=f"mcp {self._config.name}")
        try:
            await asyncio.wait_for(asyncio.shield(opened), self._seconds)
        except TimeoutError:
            await self.end(
                f"it did not answer within {self._seconds:g} s. If its first start takes longer, give it more seconds: "
                '"deskhand": {"seconds": 300} in its entry'
            )
            raise LinkError(self._sentence("could not be connected")) from None
        except asyncio.CancelledError:
            await self.end("it was stopped")
            raise

    async def listed(self) -> list[types.Tool]:
        """All tools that it lists, page by page.

        Raises:
            LinkError: it failed, or the list has no end.
        """
        self.stale = False
        self._conformance.forget()
        found: list[types.Tool] = []
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            page = await self._asked(self._ready().list_tools(cursor=cursor, cache_mode="refresh"), self._seconds)
            found += page.tools
            cursor = page.next_cursor
            if cursor is None:
                self._dropped = sorted(set(self._conformance.schemas) - {tool.name for tool in found})
                return [self._as_sent(tool) for tool in found]
            if len(found) > MOST_LISTED:
                break
        raise LinkError(f"The MCP server {self._config.name} lists tools without an end.")

    async def call(self, tool: str, arguments: dict[str, Any], seconds: float, tell: Progress) -> types.CallToolResult:
        """Call a tool by the server's own name for it.

        Raises:
            LinkError: the server failed, ended, or answered what is not in the protocol; not if the tool failed.
        """

        async def moved(progress: float, total: float | None, message: str | None) -> None:
            tell(progress, total, message or "")

        return await self._asked(
            self._ready().call_tool(tool, arguments, read_timeout_seconds=seconds, progress_callback=moved), seconds
        )

    async def end(self, problem: str = "", *, at_once: bool = False) -> None:
        """Leave the server; a process of it and all it started has ended when this returns.

        Args:
            problem: why, if it is to blame.
            at_once: it gets no time to end by itself.
        """
        self._leave.set()
        if self._process is not None and (problem or at_once):
            self._process.kill(problem)
        if self._task is None:
            return
        done, _ = await asyncio.wait({self._task}, timeout=2)
        if not done:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=2)
        if self._process is not None:
            self._process.kill()

    def _as_sent(self, tool: types.Tool) -> types.Tool:
        """A tool with the schema that the server sent, which may be none that the SDK takes."""
        schema = self._conformance.schemas.get(tool.name)
        return tool.model_copy(update={"input_schema": schema}) if isinstance(schema, dict) else tool

    def _ready(self) -> mcp.Client:
        if self._client is None:
            raise LinkError(self._sentence("has ended"))
        return self._client

    async def _live(self, opened: asyncio.Future[None]) -> None:
        """Hold the connection until it is to be left; one task, as its scopes are entered and left in one."""
        try:
            async with self._made() as client:
                self._client = client
                if not opened.done():
                    opened.set_result(None)
                await self._leave.wait()
        except Exception as error:  # noqa: BLE001 - edge: whatever a foreign server and the SDK come to is a sentence
            if not opened.done():
                opened.set_exception(LinkError(self._sentence("could not be connected", error)))
        finally:
            self._client = None
            self._leave.set()
            if not opened.done():
                opened.set_exception(LinkError(self._sentence("could not be connected")))

    def _made(self) -> mcp.Client:
        if self._process is None:
            transport = remote.streams(self._config, self._seconds)
        else:
            self._process.ended = self._leave.set
            transport = self._process.streams()
        folders = (*self._config.entry.access.read, *self._config.entry.access.write)
        roots = [types.Root(uri=path.as_uri(), name=path.name) for path in folders]  # pyright: ignore[reportArgumentType] - pydantic makes the URL

        async def list_roots(context: ClientRequestContext) -> types.ListRootsResult:
            del context
            return types.ListRootsResult(roots=roots)

        async def heard(message: IncomingMessage) -> None:
            if isinstance(message, types.ToolListChangedNotification):
                self.stale = True
            await asyncio.sleep(0)

        return mcp.Client(
            conforming(transport, self._conformance),
            message_handler=heard,
            list_roots_callback=list_roots if roots else None,
            client_info=types.Implementation(name="deskhand", version="1"),
        )

    async def _asked(self, answer: Awaitable[_T], seconds: float) -> _T:
        """Wait for an answer, and turn whatever goes wrong into a sentence."""
        try:
            async with asyncio.timeout(seconds + 5):
                return await answer
        except (mcp.MCPError, TimeoutError) as error:
            if not self.alive:
                raise LinkError(self._sentence("has ended")) from error
            if isinstance(error, TimeoutError) or error.code == types.REQUEST_TIMEOUT:
                raise SlowError(f"The MCP server {self._config.name} gave no answer within {seconds:g} s.") from error
            raise LinkError(f"The MCP server {self._config.name}: {_short(error)}") from error
        except ValidationError as error:
            raise LinkError(f"The MCP server {self._config.name} answered what is not in the protocol.") from error
        except Exception as error:  # edge: the SDK raises RuntimeError and others for lies about schemas
            raise LinkError(f"The MCP server {self._config.name} gave no proper answer: {_short(error)}") from error

    def _sentence(self, what: str, error: BaseException | None = None) -> str:
        """Why a connection is no more: what we know, what it wrote last, what Python says."""
        reason = ""
        if self._process is not None:
            reason = self._process.problem or self._process.last_words
        if not reason and error is not None:
            reason = str(error) if isinstance(error, ConfigError) else _short(error)
        return f"The MCP server {self._config.name} {what}{f': {reason}' if reason else ''}.".replace("..", ".")


def _retrieved(future: asyncio.Future[None]) -> None:
    """Look at how a start ended even if nobody waits for it any more; asyncio complains on standard error else."""
    if not future.cancelled():
        future.exception()


def _short(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return " ".join(str(error).split())[:300]
