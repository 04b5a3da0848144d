"""One worker process as its client sees it: started, spoken to, ended, and its death put into words."""

from __future__ import annotations

import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Container
from multiprocessing.connection import Connection

from deskhand.model.errors import EngineDiedError
from deskhand.model.files.tuning import TuningCache
from deskhand.model.process import channel, wire
from deskhand.model.process.causes import AGAIN, cause_of_death, oom_kills

_ENVIRONMENT = {
    "GGML_NO_BACKTRACE": "1",  # an abort should not start a debugger
    "HF_HUB_OFFLINE": "1",  # an engine never downloads
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "PYTHONUNBUFFERED": "1",
}
_END_PATIENCE = 3.0
_LOG_TAIL = 8192


class Process:
    """A running worker.

    A thread of its own starts it and waits for it: Linux ends the worker with the thread that started it
    (PR_SET_PDEATHSIG), so that thread must live as long as the worker does.

    Args:
        silent: seconds after which a worker that does not take a message has hung: its reader does nothing else.
    """

    def __init__(self, silent: float) -> None:
        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", *_timeval(silent)))
        self._connection = Connection(ours.detach())
        self._poll = select.poll()  # `Connection.poll` makes one each time
        self._poll.register(self._connection, select.POLLIN)
        self._sending = threading.Lock()
        self._kills = oom_kills()
        self._started = threading.Event()
        self._ended = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._cause = ""
        self._verdict = ""
        self._problem: Exception | None = None
        threading.Thread(target=self._watch, args=(theirs,), name="engine warden", daemon=True).start()
        self._started.wait()
        if self._problem is not None:
            raise EngineDiedError(f"The engine's process could not be started: {self._problem}.") from self._problem

    @property
    def pid(self) -> int:
        """Of the worker."""
        return self._child.pid if self._child else 0

    @property
    def alive(self) -> bool:
        """Whether it has not ended yet."""
        return not self._ended.is_set()

    def send(self, message: wire.ToWorker, held: Container[str] = ()) -> None:
        """Send ``message``; media in ``held`` are only named.

        Raises:
            EngineDiedError: the worker has ended.
        """
        try:
            with self._sending:
                channel.send(self._connection, message, held)
        except BlockingIOError as error:
            raise self.condemn(f"The engine's process took nothing of what it was sent. {AGAIN}") from error
        except OSError as error:
            raise self._death() from error

    def receive(self, timeout: float) -> wire.Message | None:
        """The next message, or None after ``timeout`` seconds.

        Raises:
            EngineDiedError: the worker has ended and everything it sent has been received.
        """
        try:
            if not self._poll.poll(timeout * 1000):
                return None
            return channel.receive(self._connection)
        except (EOFError, OSError) as error:
            raise self._death() from error

    def wait(self, seconds: float) -> bool:
        """Wait until it has ended by itself, or for so long; whether it has."""
        return self._ended.wait(seconds)

    def end(self) -> None:
        """End the worker: ask, wait, then kill. Safe to call twice and from any thread."""
        child = self._child
        if child is None:
            return
        child.terminate()
        if not self._ended.wait(_END_PATIENCE):
            child.kill()
            self._ended.wait()

    def condemn(self, verdict: str) -> EngineDiedError:
        """End a worker that hangs; ``verdict`` is the cause of its death, which the caller is to raise."""
        self._verdict = verdict
        child = self._child
        if child is not None:
            child.kill()  # it would not hear that it is asked
            self._ended.wait()
        return EngineDiedError(verdict)

    def _death(self) -> EngineDiedError:
        # The end of the connection comes a moment before the end of the process; a process that stays is of no use.
        if not self._ended.wait(_END_PATIENCE):
            self.end()
        return EngineDiedError(self._verdict or self._cause)

    def _watch(self, theirs: socket.socket) -> None:
        with tempfile.TemporaryFile() as log:
            try:
                # -P: the current folder must not shadow modules. A session of its own: Ctrl-C is the application's.
                self._child = child = subprocess.Popen(
                    [sys.executable, "-P", "-m", "deskhand.model.process.worker", str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, **_ENVIRONMENT, **TuningCache().environment()},
                    start_new_session=True,
                )
            except (OSError, ValueError, RuntimeError) as error:  # a NUL in the environment, no more threads
                self._problem = error
                self._ended.set()
                return
            finally:
                theirs.close()
                self._started.set()
            try:
                code = child.wait()
                log.seek(max(0, log.seek(0, os.SEEK_END) - _LOG_TAIL))
                self._cause = cause_of_death(code, log.read().decode(errors="replace"), oom_kills() > self._kills)
            except (OSError, ValueError) as error:  # whoever waits must not wait for ever
                self._cause = f"The engine's process ended ({error}). {AGAIN}"
            finally:
                self._ended.set()


def _timeval(seconds: float) -> tuple[int, int]:
    return int(seconds), int(seconds % 1 * 1_000_000)
