"""The tools of all MCP servers, as a place that tools come from; the protocol has a thread and a loop of its own."""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
import threading
import time
from collections.abc import Callable, Collection, Coroutine, Generator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from deskhand.agent.events import Progressed
from deskhand.agent.limits import Limits, Stop
from deskhand.agent.mcp import box, config
from deskhand.agent.mcp.config import ServerConfig
from deskhand.agent.mcp.errors import ConfigError, LinkError
from deskhand.agent.mcp.marks import Marks, Reader
from deskhand.agent.mcp.pins import Pins
from deskhand.agent.mcp.server import Server
from deskhand.agent.mcp.tools import Gate, Offer, group_name
from deskhand.agent.origin import Origin
from deskhand.agent.tool import Group, Tool, ToolResult
from deskhand.model.types import ToolCall

MOST_LIVE = 4
"""Servers that run at a time; the one used least recently makes room, and is started again when it is needed."""

CLOSING = 4.0
"""Seconds for all servers together to end."""

_T = TypeVar("_T")

_log = logging.getLogger(__name__)


class McpServers:
    """Every server of the configuration file, which is read again when it changes.

    A server is a group to be activated. Its one tool is ``server__connect`` until the person has agreed to it, then
    those that were agreed to; a call of them starts it. An unused server costs no process and one line of the prompt.

    Args:
        file: the configuration.
        data: the folder below which each server has its own, and where what was agreed to is kept.
        private: folders of ours that no server may be given.
        remote: whether servers on other machines may be used.
        progress: is told how far a call is; called in the thread of MCP.
    """

    def __init__(
        self,
        file: Path,
        data: Path,
        private: tuple[Path, ...] = (),
        *,
        remote: bool = False,
        progress: Callable[[Progressed], None] = lambda _event: None,
    ) -> None:
        self._file = file
        self._data = Path(os.path.realpath(data))
        self._private = tuple(Path(os.path.realpath(path)) for path in (*private, data))
        self._remote = remote
        self._progress = progress
        self._pins = Pins(self._data / "agreed.json")
        self._marks = Marks(self._data / "read-only.json")
        self._servers: dict[str, Server] = {}
        self._stamp: tuple[int, int] | None = None
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self.problems: tuple[str, ...] = ()
        """What is wrong with the configuration, a sentence each."""

    @property
    def servers(self) -> tuple[ServerConfig, ...]:
        """Those that may be connected."""
        self._refresh()
        return tuple(server.config for server in self._servers.values())

    @property
    def leaves(self) -> tuple[str, ...]:
        """The other machines that servers may send to, for the person."""
        return tuple(dict.fromkeys(each.host for each in self.servers if each.host))

    @property
    def groups(self) -> tuple[Group, ...]:
        """The servers, as what can be activated."""
        self._refresh()
        return tuple(server.group for server in self._servers.values())

    @property
    def tools(self) -> tuple[Tool, ...]:
        """What the model may call: tools that were agreed to, and of every other server one tool to connect it."""
        self._refresh()
        found: list[Tool] = []
        for server in self._servers.values():
            # One look at the attribute: the other thread may change it between two.
            tools = server.tools
            gate = None if tools else server.gate
            found += self._marks.applied(server.config.name, tools) or ([gate] if gate else [])
        return tuple(found)

    @property
    def agreed(self) -> dict[str, tuple[Reader, ...]]:
        """What `readers` says of each server that was agreed to."""
        self._refresh()
        return {name: self.readers(name) for name, server in self._servers.items() if server.tools}

    def readers(self, name: str) -> tuple[Reader, ...]:
        """The tools of a server that were agreed to, and what is known of whether they only read.

        Raises:
            LinkError: there is no such server, or nothing of it was agreed to.
        """
        return self._marks.readers(name, self._agreed(name), self._pins.get(name))

    def mark(self, name: str, tools: Collection[str], *, reads: bool) -> tuple[Reader, ...]:
        """Mark tools of a server as read-only, or take that back; counts from the next call on, in every process.

        Args:
            name: of the server.
            tools: the server's own names for them.
            reads: whether they only read, as the person says.

        Raises:
            LinkError: as of `readers`; there is no such tool, or it could not be written.
        """
        self._marks.change(name, self._agreed(name), tools, reads=reads)
        return self.readers(name)

    def _agreed(self, name: str) -> tuple[Offer, ...]:
        self._refresh()
        server = self._servers.get(name)
        if server is None or not server.tools:
            raise LinkError(f"Deskhand does not know the tools of {name}: let it connect to the server once.")
        return server.tools

    def touches(self, tool: Tool) -> tuple[str, ...]:
        """What a call may touch, a line each; of a gate, all that is agreed to by allowing it."""
        if isinstance(tool, Gate):
            return tool.shows
        server = self._of(tool)
        return box.touches(server.config) if server else ()

    def preview(self, tool: Tool, call: ToolCall) -> str:  # noqa: ARG002 - of the protocol
        """The command line that a gate starts; a tool's call is all in its arguments."""
        server = self._of(tool)
        if server is None or server.config.remote or not isinstance(tool, Gate):
            return ""
        return shlex.join([server.config.entry.command, *server.config.entry.args])

    def run(self, tool: Tool, call: ToolCall, cancel: threading.Event, limits: Limits) -> ToolResult:
        """Run one call; see `Provider.run`. A server that is stopped in a call is ended and started again later."""
        server = self._of(tool)
        if server is None or self._closed:
            return ToolResult(error=f"There is no server {tool.skill} any more.")
        try:
            if isinstance(tool, Gate):
                with _patient(cancel, 2 * server.start_seconds):
                    value = self._wait(server.connect(tool.agrees), cancel)
                self._make_room(server)
                return ToolResult(value, origins=(Origin("server", server.config.name),))
            assert isinstance(tool, Offer)  # noqa: S101 - `tools` offers no other
            seconds = max(limits.tool_seconds, server.config.entry.access.seconds)
            with _patient(cancel, seconds - limits.tool_seconds + (0 if server.live else 2 * server.start_seconds)):
                found = self._wait(server.call(tool, call.arguments, seconds, self._told(server, tool)), cancel)
            self._make_room(server)
            from deskhand.agent.mcp.results import result  # noqa: PLC0415 - it needs the SDK, which is slow to import

            return result(found, limits)
        except _StoppedError:
            return ToolResult(error="The tool was stopped.")
        except LinkError as error:
            return ToolResult(error=str(error))

    def check(self, name: str) -> dict[str, Any]:
        """Connect one server, agree to nothing, and return what it says of itself and offers.

        Raises:
            LinkError: it can't be connected.
            KeyError: there is no such server, or it may not be used.
        """
        self._refresh()
        server = self._servers[name]
        try:
            return self._bounded(server, server.about())
        finally:
            self._wait(server.end(), threading.Event())

    def agree(self, name: str, agrees: str) -> None:
        """Agree to one server as `check` showed it; ``agrees`` is the hash that stands there.

        Raises:
            LinkError: it can't be connected, or has become another since.
            KeyError: there is no such server, or it may not be used.
        """
        self._refresh()
        server = self._servers[name]
        try:
            self._bounded(server, server.agree(agrees))
        finally:
            self._wait(server.end(), threading.Event())

    def _bounded(self, server: Server, work: Coroutine[Any, Any, _T]) -> _T:
        """Do something for which no turn sets a limit."""
        cancel = threading.Event()
        seconds = 3 * server.start_seconds  # to start, to list, to end
        timer = threading.Timer(seconds, cancel.set)
        timer.start()
        try:
            return self._wait(work, cancel)
        except _StoppedError as error:
            raise LinkError(f"The MCP server {server.config.name} took longer than {seconds:g} s.") from error
        finally:
            timer.cancel()

    def close(self) -> None:
        """End every server and the thread; there are no tools afterwards."""
        with self._lock:
            self._closed = True
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return

        async def end_all() -> None:
            await asyncio.gather(*(server.end() for server in self._servers.values()), return_exceptions=True)

        wait([asyncio.run_coroutine_threadsafe(end_all(), loop)], CLOSING)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(CLOSING)

    def _of(self, tool: Tool) -> Server | None:
        return next((each for name, each in self._servers.items() if group_name(name) == tool.skill), None)

    def _told(self, server: Server, tool: Offer) -> Callable[[float, float | None, str], None]:
        last, finished = 0.0, False

        def told(done: float, total: float | None, message: str) -> None:
            nonlocal last, finished
            now, ends = time.monotonic(), bool(total) and done >= (total or 0)
            # A server may tell a thousand a second; the end is told however soon it comes, as nothing comes after it.
            if now - last < 0.1 and (finished or not ends):
                return
            last, finished = now, finished or ends
            stage = f"{server.config.name}: {message[:80]}" if message else tool.name
            self._progress(Progressed(stage, _whole(done), _whole(total or 0)))

        return told

    def _refresh(self) -> None:
        """Read the file if it is another than the last time; servers that are as before stay connected."""
        with self._lock:
            try:
                found = self._file.stat()
                stamp = (found.st_mtime_ns, found.st_size)
            except OSError:
                stamp = (0, 0)
            if stamp == self._stamp or self._closed:
                return
            self._stamp = stamp
            allowed, self.problems = self._allowed()
            usable: dict[str, Server] = {}
            for each in allowed:
                before = self._servers.pop(each.name, None)
                if before is not None and before.config == each:
                    usable[each.name] = before
                    continue
                if before is not None:
                    self._leave(before)
                usable[each.name] = Server(each, self._data / each.name, self._pins)
            for gone in self._servers.values():
                self._leave(gone)
            self._servers = usable

    def _allowed(self) -> tuple[list[ServerConfig], tuple[str, ...]]:
        """The servers of the file that may be used, and a sentence for each that may not."""
        try:
            read = config.read(self._file, self._private)
        except ConfigError as error:
            return [], (str(error),)
        enabled = [each for each in read.servers if not each.entry.disabled]
        away = [each for each in enabled if each.host and not self._remote]
        return [each for each in enabled if each not in away], (*read.problems.values(), *map(not_allowed, away))

    def _leave(self, server: Server) -> None:
        if self._loop is not None:
            asyncio.run_coroutine_threadsafe(server.end(), self._loop)

    def _make_room(self, connected: Server) -> None:
        """Leave servers that were used least recently until few enough run."""
        others = sorted((s for s in self._servers.values() if s.live and s is not connected), key=lambda s: s.used)
        while len(others) >= MOST_LIVE:
            self._wait(others.pop(0).end(), threading.Event())

    def _wait(self, work: Coroutine[Any, Any, _T], cancel: threading.Event) -> _T:
        """Do something in the loop's thread and wait for it, or for Stop, which ends it and what it started."""
        ended = threading.Event()
        try:
            loop = self._running()
        except LinkError:
            work.close()
            raise

        async def whole() -> _T:
            try:
                return await work
            finally:
                ended.set()

        future: Future[_T] = asyncio.run_coroutine_threadsafe(whole(), loop)
        while not wait([future], 0.05).done:
            if cancel.is_set():
                future.cancel()
                ended.wait(CLOSING)  # the work ends what it started before it ends itself
                raise _StoppedError
        return future.result()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._closed:
                raise LinkError("Deskhand is being closed.")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=_run, args=(self._loop,), name="mcp", daemon=True)
                self._thread.start()
            return self._loop


@contextmanager
def _patient(cancel: threading.Event, seconds: float) -> Generator[None]:
    """Let a turn last longer by as much of ``seconds`` as is used: the person gave them to the server."""
    began = time.monotonic()
    if isinstance(cancel, Stop):
        cancel.extend(max(0.0, seconds))
    try:
        yield
    finally:
        if isinstance(cancel, Stop):
            cancel.extend(-max(0.0, seconds - (time.monotonic() - began)))


class _StoppedError(Exception):
    """The person stopped the turn."""


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        _run_on(loop)
        rest = asyncio.all_tasks(loop)
        for task in rest:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*rest, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


def _run_on(loop: asyncio.AbstractEventLoop) -> None:
    """Run the loop until it is stopped, whatever a server's answer makes a library of the protocol raise."""
    while True:
        try:
            loop.run_forever()
        except BaseException:  # noqa: BLE001 - what asyncio does not keep in a task: SystemExit, a native panic
            _log.exception("the loop of the MCP servers was broken off")
        else:
            return


def _whole(number: float) -> int:
    return int(number) if abs(number) < 1e9 else 0


def not_allowed(server: ServerConfig) -> str:
    """Why a remote server is not used, for the person."""
    return (
        f"The MCP server {server.name} is on {server.host}, and nothing may leave this machine: "
        "switch mcp_remote on in the settings to use it."
    )
