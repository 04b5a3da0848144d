"""A server's process and its pipes: bounded lines, bounded floods, killed as a whole.

The official SDK has a stdio transport of its own, which reads lines of any length, any number of them, and gives a
server four seconds to end. Ours is the same two streams for the same client (docs/adr/0008).
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import AsyncGenerator, Callable

import anyio
from anyio.abc import Process
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp.types import jsonrpc_message_adapter

from deskhand.agent.mcp.box import DATA_BYTES, Command
from deskhand.agent.safety import watching
from deskhand.agent.safety.ending import Inside

MAX_LINE = 16 << 20
"""Bytes of one message: four pictures of a screen as base64."""
WINDOW = 5.0
"""Seconds over which a flood is measured."""
MAX_WINDOW_BYTES = 64 << 20
MAX_WINDOW_MESSAGES = 5_000
MAX_GARBAGE = 100
"""Lines that are not a message: some servers print a greeting, none prints a hundred lines."""
GRACE = 0.7
"""Seconds in which a server may end by itself once its input is closed."""

_Read = MemoryObjectReceiveStream[SessionMessage | Exception]
_Write = MemoryObjectSendStream[SessionMessage]


class ServerProcess:
    """One process from its start to its end.

    Attributes:
        problem: why we ended it, empty as long as we did not.
        ended: called in the event loop when its output ends.
    """

    def __init__(self, command: Command) -> None:
        self.problem = ""
        self.ended: Callable[[], None] = lambda: None
        self._command = command
        self._process: Process | None = None
        self._inside: Inside | None = None
        self._noise = b""
        self._garbage = 0
        self._began, self._bytes, self._messages = time.monotonic(), 0, 0

    @property
    def last_words(self) -> str:
        """The last line that it wrote to standard error, empty if none."""
        lines = self._noise.decode(errors="replace").strip().splitlines()
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
            self._process = await anyio.open_process(
                command.line, env=command.environment, cwd="/", start_new_session=True, pass_fds=command.descriptors
            )
        finally:
            command.close()
        inside = self._inside = Inside(self._process.pid)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._listen, self._process, incoming)
                tasks.start_soon(self._talk, self._process, outgoing)
                tasks.start_soon(self._overhear, self._process)
                tasks.start_soon(self._watch, self._process)
                yield read, write
                with anyio.CancelScope(shield=True):
                    await self._finish(self._process)
                tasks.cancel_scope.cancel()
        finally:
            self.kill()
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(inside.end)
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
        held = bytearray()
        async with incoming:
            with contextlib.suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
                while not self.problem:
                    data = await process.stdout.receive(1 << 16)
                    held += data
                    if b"\n" in data:
                        *lines, rest = held.split(b"\n")
                        held = bytearray(rest)
                        self._measure(len(data), len(lines))
                        for line in lines:
                            if (message := self._message(bytes(line))) is not None and not self.problem:
                                await incoming.send(message)
                    else:
                        self._measure(len(data), 0)
                    if len(held) > MAX_LINE:
                        self.kill(f"it sent a message of more than {MAX_LINE >> 20} MB")
        self.kill()
        self.ended()

    def _measure(self, size: int, messages: int) -> None:
        now = time.monotonic()
        if now - self._began > WINDOW:
            self._began, self._bytes, self._messages = now, 0, 0
        self._bytes += size
        self._messages += messages
        if self._bytes > MAX_WINDOW_BYTES or self._messages > MAX_WINDOW_MESSAGES:
            self.kill("it flooded us with messages")

    def _message(self, line: bytes) -> SessionMessage | None:
        if not line.strip():
            return None
        try:
            return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
        except (ValueError, RecursionError):
            self._garbage += 1
            if line.startswith(b"{") and line.rstrip().endswith(b"}") and b'"jsonrpc"' in line:
                self.kill("it sent a message that can't be read")  # what waits for it would wait for ever
            if self._garbage > MAX_GARBAGE:
                self.kill("it writes what are no messages of the protocol")
            return None

    async def _talk(self, process: Process, outgoing: MemoryObjectReceiveStream[SessionMessage]) -> None:
        assert process.stdin is not None  # noqa: S101 - for the type checker: a pipe
        async with outgoing:
            with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
                async for each in outgoing:
                    text = each.message.model_dump_json(by_alias=True, exclude_unset=True)
                    await process.stdin.send(text.encode("utf-8", "replace") + b"\n")
                return
        self.kill()  # its input is gone: what waits for an answer would wait for ever

    async def _watch(self, process: Process) -> None:
        """End it when it has too many processes, takes too much memory, or fills its folder: as any boxed program."""
        watch = watching.Watch(process.pid, [self._command.home], DATA_BYTES)
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
