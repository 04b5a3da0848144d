"""The engine as the application holds it: any engine, in a process of its own that may die and is started again."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Generator, Iterator

from deskhand.model.config import CascadeConfig, EngineConfig, LocalConfig
from deskhand.model.engine import LOADING, RESTARTING
from deskhand.model.errors import EngineBusyError, EngineDiedError, ModelError
from deskhand.model.process import wire
from deskhand.model.process.child import Process
from deskhand.model.process.watch import Patience, Watch
from deskhand.model.types import Delta, EngineInfo, Finish, Progress, Request

POLL_SECONDS = 0.02
"""How often a waiting generation looks at its cancel event; below what a person notices."""

CANCEL_PATIENCE = 5.0
"""Seconds after which a cancelled generation ends for the caller although the worker is still inside one step: a
920-token screenshot is one micro-batch, which a slow CPU computes for a minute (ENGINE.md §11)."""

KEEPING_PATIENCE = 2.0
"""Seconds that a worker may take to put its session away. On a slower disk nothing is kept, and the next start reads
the conversation again."""

DEATHS_WHILE_LOADING = 3
"""So many deaths in a row while loading are no accident."""


class WorkerEngine:
    """An `Engine` whose work happens in `worker.py`'s process.

    The process starts with the first use. When it dies, the generation that needed it raises `EngineDiedError` and the
    next one starts a fresh process; nothing is lost, because every request holds the whole conversation. A process that
    hangs is ended, with the same consequences.

    Args:
        config: what the process builds its engine from.
        patience: how long it may stand still before it counts as hung.
    """

    def __init__(self, config: EngineConfig, patience: Patience | None = None) -> None:
        self._config = config
        self._patience = patience or Patience()
        self._watch = Watch(self._patience)
        self._starting = threading.Lock()
        self._generating = threading.Lock()
        self._process: Process | None = None
        self._info: EngineInfo | None = None
        self._ready = False
        self._shelf = wire.Shelf()
        self._number = 0
        self._deaths = 0
        self._closed = threading.Event()

    @property
    def pid(self) -> int | None:
        """Of the process, None while there is none."""
        process = self._process
        return process.pid if process else None

    @property
    def info(self) -> EngineInfo:
        """What this engine is; starts the process and loads the model if that has not been done yet.

        Raises:
            ModelError: it can't be loaded.
        """
        if self._info is None:
            for _ in self._loaded(threading.Event()):
                pass
        assert self._info is not None  # noqa: S101 - set when loaded; it was not cancelled
        return self._info

    def generate(self, request: Request, cancel: threading.Event | None = None) -> Iterator[Delta]:
        """Stream one generation; see `Engine.generate`.

        Raises:
            EngineBusyError: another generation of this engine is running.
            EngineDiedError: the process ended; the message says why, as far as can be known.
            ModelError: what the engine itself raised.
        """
        if not self._generating.acquire(blocking=False):
            raise EngineBusyError("The engine is still answering. Wait for the answer or stop it first.")
        try:
            yield from self._generate(request, cancel or threading.Event())
        finally:
            self._generating.release()

    def close(self) -> None:
        """End the process. A running generation ends as cancelled."""
        self._closed.set()
        process = self._process
        if process is not None:
            if self._ready and _keeps_session(self._config):
                with contextlib.suppress(EngineDiedError):
                    process.send(wire.Close())
                    process.wait(KEEPING_PATIENCE)
            process.end()

    def _generate(self, request: Request, cancel: threading.Event) -> Iterator[Delta]:
        process = yield from self._loaded(cancel)
        if process is None or cancel.is_set():
            yield Finish("cancelled")
            return
        self._number += 1
        number = self._number
        running = True
        try:
            keep = self._shelf.plan(request)
            if keep is not None:
                process.send(keep)
            process.send(wire.Generate(number, request), self._shelf.held)
            self._watch.begin()
            for delta in self._deltas(process, number, cancel):
                running = not isinstance(delta, Finish)
                yield delta
                if not running:
                    return
        except EngineDiedError:
            running = False
            if not self._closed.is_set():
                raise
            yield Finish("cancelled")
        finally:
            # The caller closed the iterator. What the worker still sends for this number, later generations skip.
            if running:
                with contextlib.suppress(EngineDiedError):
                    process.send(wire.Cancel(number))

    def _deltas(self, process: Process, number: int, cancel: threading.Event) -> Iterator[Delta]:
        told = 0.0
        while True:
            if not told and cancel.is_set():
                process.send(wire.Cancel(number))
                told = time.monotonic()
            match self._receive(process):
                case wire.Deltas(sender, deltas) if sender == number:
                    yield from deltas
                case wire.Failed() as failure if failure.number == number:
                    raise failure.exception()
                case None if told and time.monotonic() - told > CANCEL_PATIENCE:
                    yield Finish("cancelled")
                case _:
                    pass

    def _receive(self, process: Process) -> wire.Message | None:
        """The next message, or None if there was none for a moment; ends a process that hangs."""
        message = process.receive(POLL_SECONDS)
        verdict = self._watch.waited(POLL_SECONDS) if message is None else self._watch.heard(message)
        if verdict:
            raise process.condemn(verdict)
        return message

    def _loaded(self, cancel: threading.Event) -> Generator[Progress, None, Process | None]:
        """Tell how far loading is, then give the process; None if ``cancel`` was set before (it goes on loading)."""
        while not self._starting.acquire(timeout=POLL_SECONDS):
            if cancel.is_set():
                return None
        try:
            process = self._process
            if process is None or not process.alive or (self._ready and not _answers(process)):
                if process is not None and not cancel.is_set():
                    yield Progress(RESTARTING, 0, 1)
                process = self._start()
            while not self._ready:
                if cancel.is_set():
                    return None
                yield from self._await_ready(process)
        except EngineDiedError:
            self._deaths += 1
            if self._closed.is_set():
                raise ModelError("This engine was closed while it was loading.") from None
            raise
        finally:
            self._starting.release()
        return process

    def _start(self) -> Process:
        if self._closed.is_set():
            raise ModelError("This engine has been closed. Choose an engine again.")
        if self._deaths >= DEATHS_WHILE_LOADING:
            raise EngineDiedError(
                f"The engine ended {self._deaths} times in a row while loading, so it is not started again. Check "
                "the model with “deskhand models verify”, or choose a smaller one."
            )
        self._ready = False
        self._shelf = wire.Shelf()
        self._watch.begin()
        self._process = process = Process(self._patience.silent)
        process.send(wire.Configure(self._config.model_dump_json()))
        return process

    def _await_ready(self, process: Process) -> Iterator[Progress]:
        match self._receive(process):
            case wire.Loading(percent):
                yield Progress(LOADING, percent, 100)
            case wire.Ready(info):
                self._info, self._ready, self._deaths = info, True, 0
            case wire.Failed() as failure:
                process.end()
                raise failure.exception()
            case _:
                pass


def _answers(process: Process) -> bool:
    """Whether a worker that has nothing to do still lives; what a cancelled generation left in the line is read off."""
    try:
        while process.receive(0) is not None:
            pass
    except EngineDiedError:
        return False
    return True


def _keeps_session(config: EngineConfig) -> bool:
    local = config.text if isinstance(config, CascadeConfig) else config
    return isinstance(local, LocalConfig) and local.sessions is not None
