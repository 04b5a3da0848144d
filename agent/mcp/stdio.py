"""A server's process and its pipes: bounded (see `frames`), killed as a whole.

The official SDK has a stdio transport of its own, which reads lines of any length, any number of them, and gives a
server four seconds to end. Ours is the same two streams for the same client (docs/adr/0008).
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import AsyncGenerator, Callable, Iterator

import anyio
from anyio.abc import Process
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage

from deskhand.agent.mcp.box import DATA_BYTES, FILE_BYTES, Command
from deskhand.agent.mcp.frames import Frames
from deskhand.agent.safety import watching
from deskhand.agent.safety.ending import Inside

GRACE = 0.7
"""Seconds in which a server may end by itself once its input is closed."""

_COLOUR = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
"""What terminals read as colours and movements (ECMA-48, 5.4)."""
_Read = MemoryObjectReceiveStream[SessionMessage | Exception]
_Write = MemoryObjectSendStream[SessionMessage]


class ServerProcess:
    """One process from its start to its end.

    Args:
        command: what is started.
        waits_for: whether an answer to the request of a number is still to come.

    Attributes:
        problem: why we ended it, empty as long as we did not.
        ended: called in the event loop when its output ends.
    """

    def __init__(self, command: Command, waits_for: Callable[[object], bool]) -> None:
        self.problem = ""
        self.ended: Callable[[], None] = lambda: None
        self._command = command
        self._process: Process | None = None
        self._inside: Inside | None = None
        self._noise = b""
        self._frames = Frames(waits_for)

    @property
    def last_words(self) -> str:
        """The last line that it wrote to standard error, empty if none."""
        lines = _COLOUR.sub("", self._noise.decode(errors="replace")).strip().splitlines()
        return lines[-1].strip()[:300] if lines else ""

    @contextlib.asynccontextmanager
    async def streams(self) -> AsyncGenerator[tuple[_Read, _Write]]:
        """Start it; a transport as `mcp.Client` takes one. At the end nothing of the process is left.

        Raises:
            OSError: it can't be started.
        """
        incoming, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        write, outgoing = anyio.create_memory_object_stream[SessionMessage](0)
        command = self._command
        try:
            watch = await anyio.to_thread.run_sync(watching.Watch, [command.home], DATA_BYTES, FILE_BYTES)
            self._process = await anyio.open_process(
                command.line, env=command.environment, cwd="/", start_new_session=True, pass_fds=command.descriptors
            )
        finally:
            command.close()
        watch.begin(self._process.pid)
        self._inside = watch.inside
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._listen, self._process, incoming)
                tasks.start_soon(self._talk, self._process, outgoing)
                tasks.start_soon(self._overhear, self._process)
                tasks.start_soon(self._watch, self._process, watch)
                yield read, write
                with anyio.CancelScope(shield=True):
                    await self._finish(self._process)
                tasks.cancel_scope.cancel()
        finally:
            self.kill()
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(_ended, watch)
            self._inside = None
            with anyio.CancelScope(shield=True), anyio.move_on_after(1):
                await self._process.aclose()
            for stream in (incoming, read, write, outgoing):
                stream.close()

    def kill(self, problem: str = "") -> None:
        """End it and all it started, at once; the box's own process tree dies with it."""
        self.problem = self.problem or problem
        if self._process is not None and self._process.returncode is None:
            if self._inside is not None:
                self._inside.look()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def _finish(self, process: Process) -> None:
        """Close its input and wait a moment: a server may want to save something."""
        if self._inside is not None:
            self._inside.look()
        if process.stdin is not None:
            with contextlib.suppress(OSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
                await process.stdin.aclose()
        with anyio.move_on_after(GRACE):
            while process.returncode is None:  # noqa: ASYNC110 - wait() also waits for who inherited its pipes
                await anyio.sleep(0.02)

    async def _listen(self, process: Process, incoming: MemoryObjectSendStream[SessionMessage | Exception]) -> None:
        """Cut what it writes into messages until it ends or says too much."""
        assert process.stdout is not None  # noqa: S101 - for the type checker: a pipe
        async with incoming:
            with contextlib.suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
                with contextlib.suppress(anyio.EndOfStream):
                    while not self.problem:
                        await self._pass(self._frames.feed(await process.stdout.receive(1 << 16)), incoming)
                await self._pass(self._frames.end(), incoming)
        self.kill()
        self.ended()

    async def _pass(
        self, messages: Iterator[SessionMessage], incoming: MemoryObjectSendStream[SessionMessage | Exception]
    ) -> None:
        for message in messages:
            if self.problem:
                return
            await incoming.send(message)
        if self._frames.problem:
            self.kill(self._frames.problem)

    async def _talk(self, process: Process, outgoing: MemoryObjectReceiveStream[SessionMessage]) -> None:
        assert process.stdin is not None  # noqa: S101 - for the type checker: a pipe
        async with outgoing:
            with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
                async for each in outgoing:
                    text = each.message.model_dump_json(by_alias=True, exclude_unset=True)
                    await process.stdin.send(text.encode("utf-8", "replace") + b"\n")
                return
        self.kill()  # its input is gone: what waits for an answer would wait for ever

    async def _watch(self, process: Process, watch: watching.Watch) -> None:
        """End it when it has too many processes, takes too much memory, or fills its folder: as any boxed program."""
        while process.returncode is None and not self.problem:
            if self._inside is not None:
                self._inside.look()
            if problem := await anyio.to_thread.run_sync(watch.problem):
                self.kill(problem)
            await anyio.sleep(watching.EVERY)

    async def _overhear(self, process: Process) -> None:
        """Keep the end of what it writes to standard error, for the sentence about a crash."""
        assert process.stderr is not None  # noqa: S101 - for the type checker: a pipe
        with contextlib.suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
            while True:
                self._noise = (self._noise + await process.stderr.receive(1 << 16))[-2_000:]


def _ended(watch: watching.Watch) -> None:
    """Wait until a box has ended and take away what it should not have left."""
    if watch.inside is not None:
        watch.inside.end()
    watch.settle()
