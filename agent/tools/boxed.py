"""One foreign program in the box, from start to end: fed, read, limited, and killed with all that it started."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, cast

from deskhand.agent.safety import sandbox, watching
from deskhand.agent.safety.ending import Inside

LAUNCH = Path(__file__).resolve().with_name("launch.py")
CHUNK = 65_536


class NoBoxError(Exception):
    """There is no box on this machine, and a foreign program runs in no other place; a sentence for the person."""


@dataclass(frozen=True)
class Program:
    """What is to run.

    Attributes:
        command: absolute program and its arguments.
        folder: where it runs; inside what it may write or read.
        read: what it may read besides the system and Python.
        write: folders it may write.
        hide: folders inside of these that are empty to it.
        environment: in addition to the box's own.
        stdin: what it reads.
        limits: instead of those of `watching.limits`, by the name of a resource limit; -1 is none.
    """

    command: Sequence[str]
    folder: Path
    read: Sequence[Path] = ()
    write: Sequence[Path] = ()
    hide: Sequence[Path] = ()
    environment: Mapping[str, str] | None = None
    stdin: bytes = b""
    limits: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True)
class Ended:
    """How a program ended.

    Attributes:
        code: of its end; negative if a signal ended it.
        stdout: at most ``most`` bytes.
        stderr: likewise.
        stopped: why it was killed, a sentence; empty if it ended by itself.
        cut: it wrote more than is returned.
    """

    code: int
    stdout: bytes
    stderr: bytes
    stopped: str = ""
    cut: bool = False


def run(program: Program, *, cancel: threading.Event, seconds: float, most: int) -> Ended:
    """Run ``program`` to its end, a limit, or ``cancel``.

    Args:
        program: what runs.
        cancel: set by Stop.
        seconds: wall time.
        most: bytes kept of each output; it is killed when it writes eight times as much.

    Raises:
        NoBoxError: this machine has no sandbox.
        OSError: it could not be started.
    """
    if not sandbox.status().works:
        raise NoBoxError("This machine has no sandbox, and programs of skills run nowhere else. See: deskhand doctor")
    limits = {**watching.limits(), **program.limits}
    launch = [str(sandbox.interpreter()), "-I", "-S", str(LAUNCH)]
    launch += [",".join(f"{name}={value}" for name, value in limits.items()), str(program.folder), *program.command]
    boxed = sandbox.wrap(launch, read=[LAUNCH, *program.read], write=program.write, hide=program.hide, inherit=True)
    watch = watching.Watch(program.write)
    process = subprocess.Popen(
        boxed,
        env={**sandbox.environment(), **(program.environment or {})},
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    watch.begin(process.pid)
    problem = ""
    try:
        ended = _Following(process, most, watch).follow(program.stdin, cancel, time.monotonic() + seconds, seconds)
    finally:
        end(process, watch.inside)
        problem = watch.settle()
    return replace(ended, stopped=f"It was stopped: {problem}.") if problem and not ended.stopped else ended


def end(process: subprocess.Popen[bytes], inside: Inside | None) -> None:
    """Kill a process with all of its group and what is in its box, wait for them and close its pipes."""
    if inside is not None:
        inside.look()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if inside is not None:
        inside.end()
    for pipe in (process.stdin, process.stdout, process.stderr):
        # What was still to be written to a dead process is of no use.
        with contextlib.suppress(BrokenPipeError):
            if pipe:
                pipe.close()


class _Following:
    def __init__(self, process: subprocess.Popen[bytes], most: int, watch: watching.Watch) -> None:
        self._process = process
        self._watch = watch
        self._most = most
        self._said: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
        self._taken = 0

    def follow(self, stdin: bytes, cancel: threading.Event, deadline: float, seconds: float) -> Ended:
        late = f"It was stopped: it took longer than {seconds:g} s."
        with selectors.DefaultSelector() as selector:
            self._register(selector)
            waiting = memoryview(stdin)
            while selector.get_map() and self._taken <= 8 * self._most:
                if cancel.is_set() or time.monotonic() >= deadline:
                    return self._ended("It was stopped." if cancel.is_set() else late)
                if problem := self._watch.problem():
                    return self._ended(f"It was stopped: {problem}.")
                for key, _ in selector.select(0.05):
                    if key.data:
                        done = not self._take(key.fd, key.data)
                    else:
                        waiting = _feed(key.fd, waiting)
                        done = not waiting
                    if done:
                        selector.unregister(key.fileobj)
                        cast("IO[bytes]", key.fileobj).close()
        if self._taken > 8 * self._most:
            return self._ended("It was stopped: it wrote far more than it may.")
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return self._ended(late)
        return self._ended("")

    def _register(self, selector: selectors.BaseSelector) -> None:
        process = self._process
        assert process.stdin  # noqa: S101 - for the type checker: all three are pipes
        assert process.stdout  # noqa: S101
        assert process.stderr  # noqa: S101
        os.set_blocking(process.stdin.fileno(), False)
        selector.register(process.stdin, selectors.EVENT_WRITE)
        selector.register(process.stdout, selectors.EVENT_READ, "stdout")
        selector.register(process.stderr, selectors.EVENT_READ, "stderr")

    def _take(self, descriptor: int, name: str) -> bool:
        """Read what there is; False at the end."""
        data = os.read(descriptor, CHUNK)
        self._taken += len(data)
        self._said[name] += data[: self._most - len(self._said[name])]
        return bool(data)

    def _ended(self, stopped: str) -> Ended:
        code = self._process.poll()
        cut = self._taken > sum(map(len, self._said.values()))
        # A program that bubblewrap sees killed by a signal ends with 128 and the signal's number.
        return Ended(
            -1 if code is None else code, bytes(self._said["stdout"]), bytes(self._said["stderr"]), stopped, cut
        )


def _feed(descriptor: int, waiting: memoryview) -> memoryview:
    """Write what the pipe takes; nothing is left when all is written or nobody reads."""
    try:
        written = os.write(descriptor, waiting[:CHUNK])
    except BlockingIOError:
        return waiting
    except BrokenPipeError:
        written = len(waiting)
    return waiting[written:]
