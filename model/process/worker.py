"""The engine's process: it holds one engine, generates for the application at the other end, and ends with it.

A GGML assert, a driver fault or the out-of-memory killer takes this process only. Three threads: the main one runs the
engine, one reads messages (so that a cancel is heard while the engine computes), one writes deltas (so that those that
are ready leave together while the first never waits) and, while there are none, how the engine's thread is doing.
"""

from __future__ import annotations

import ctypes
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from multiprocessing.connection import Connection

from pydantic import TypeAdapter

from deskhand.model.config import CascadeConfig, EngineConfig, LocalConfig, ScriptedConfig
from deskhand.model.engine import Engine
from deskhand.model.errors import ModelError
from deskhand.model.process import channel, wire
from deskhand.model.process.causes import starved
from deskhand.model.process.pulse import BEAT_SECONDS, Pulse
from deskhand.model.types import Delta, Finish, Progress

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_UNFINISHED = "The engine stopped without finishing its answer. Please ask again."


def open_engine(config: EngineConfig, loading: Callable[[float], None] | None = None) -> Engine:
    """The engine that ``config`` describes, in this process.

    Args:
        config: which, and how.
        loading: is told the part of the model, 0 to 1, that is in memory.

    Raises:
        ModelError: its files are missing or wrong (or later, when it is first used).
    """
    # Imported as needed: a scripted engine should not wait for llama.cpp to load.
    match config:
        case LocalConfig():
            from deskhand.model.llama.local import LocalEngine  # noqa: PLC0415

            return LocalEngine(config, loading=loading)
        case CascadeConfig():
            from deskhand.model.cascade.engine import CascadeEngine  # noqa: PLC0415

            return CascadeEngine(config, loading)
        case ScriptedConfig():
            from deskhand.model.scripted.engine import ScriptedEngine  # noqa: PLC0415

            return ScriptedEngine(config)


class Worker:
    """One engine at one end of a connection.

    Args:
        connection: to the client; its end of file ends the process.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._requests: queue.SimpleQueue[wire.Generate | None] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[tuple[int, Delta] | wire.ToClient | None] = queue.SimpleQueue()
        self._cancel = Pulse()
        self._percent = 0
        self._lock = threading.Lock()
        self._running = 0
        self._cancelled = 0

    def run(self) -> None:
        """Load the engine, then generate until the client goes away or asks to close."""
        configure = channel.receive(self._connection)
        if not isinstance(configure, wire.Configure):
            raise TypeError(f"the first message was {type(configure).__name__}")
        writer = threading.Thread(target=self._write, name="writer")
        writer.start()
        threading.Thread(target=self._read, name="reader", daemon=True).start()
        try:
            self._cancel.begin("loading")
            config = TypeAdapter[EngineConfig](EngineConfig).validate_json(configure.config)
            engine = open_engine(config, self._loading)
            info = engine.info
            self._cancel.rest()
            self._outbox.put(wire.Ready(info))
        except Exception as error:  # noqa: BLE001 - every failure to load is told to the client, with its trace in the log
            self._outbox.put(_failure(0, error))
            self._outbox.put(None)
            writer.join()
            return
        while (order := self._requests.get()) is not None:
            self._generate(engine, order)
        engine.close()
        self._outbox.put(None)
        writer.join()

    def _loading(self, share: float) -> None:
        self._cancel.moved()
        if (percent := int(share * 100)) != self._percent:
            self._percent = percent
            self._outbox.put(wire.Loading(percent))

    def _generate(self, engine: Engine, order: wire.Generate) -> None:
        self._cancel.begin("reading")
        with self._lock:
            self._running = order.number
            self._cancel.clear()
            if self._cancelled >= order.number:
                self._cancel.set()
        try:
            finished = False
            for delta in engine.generate(order.request, self._cancel):
                self._outbox.put((order.number, delta))
                self._cancel.begin("reading" if _reads(delta) else "writing")
                finished = isinstance(delta, Finish)
            if not finished:
                self._outbox.put(wire.Failed(order.number, "ModelError", _UNFINISHED))
        except Exception as error:  # noqa: BLE001 - one failed generation must not end the process that holds the model
            self._outbox.put(_failure(order.number, error))
        finally:
            self._cancel.rest()

    def _read(self) -> None:
        held: dict[str, wire.Kept] = {}
        try:
            while True:
                match channel.receive(self._connection, held):
                    case wire.Keep(media, forget):
                        held.update((medium.digest, medium) for medium in media)
                        for digest in forget:
                            held.pop(digest, None)
                    case wire.Generate() as order:
                        self._requests.put(order)
                    case wire.Cancel(number):
                        with self._lock:
                            self._cancelled = max(self._cancelled, number)
                            if self._running == number:
                                self._cancel.set()
                    case wire.Close():
                        with self._lock:
                            self._cancelled = sys.maxsize
                            self._cancel.set()
                        self._requests.put(None)
                    case other:
                        raise TypeError(f"unexpected message {type(other).__name__}")  # noqa: TRY301 - ends below
        except (EOFError, OSError):
            os._exit(0)  # the application is gone; the main thread may be deep inside llama.cpp
        except BaseException:  # noqa: BLE001 - told in the log, and by the code, before the process ends
            traceback.print_exc()
            os._exit(70)  # EX_SOFTWARE: without a reader nobody could stop this process

    def _write(self) -> None:
        waiting: list[tuple[int, Delta] | wire.ToClient | None] = []
        while True:
            try:
                waiting.append(self._outbox.get(timeout=BEAT_SECONDS))
                while not self._outbox.empty():
                    waiting.append(self._outbox.get())
            except queue.Empty:
                waiting.extend(self._cancel.beats())
            try:
                for message in _coalesced(waiting):
                    if message is None:
                        return
                    channel.send(self._connection, message)
            except OSError:
                os._exit(0)
            except BaseException:  # noqa: BLE001 - as of the reader: who hears nothing can't tell
                traceback.print_exc()
                os._exit(70)
            waiting.clear()


def _coalesced(waiting: list[tuple[int, Delta] | wire.ToClient | None]) -> Iterator[wire.ToClient | None]:
    """Neighbouring deltas of one generation as one message, everything else as it is."""
    number, deltas = 0, list[Delta]()
    for item in waiting:
        if isinstance(item, tuple):
            if deltas and item[0] != number:
                yield wire.Deltas(number, tuple(deltas))
                deltas = []
            number = item[0]
            deltas.append(item[1])
            continue
        if deltas:
            yield wire.Deltas(number, tuple(deltas))
            deltas = []
        yield item
    if deltas:
        yield wire.Deltas(number, tuple(deltas))


def _reads(delta: Delta) -> bool:
    return isinstance(delta, Progress) and delta.done < delta.total


def _failure(number: int, error: Exception) -> wire.Failed:
    traceback.print_exc()
    if isinstance(error, MemoryError) or starved(str(error)):
        doing = "for this. Close other programs and ask again."
        if not number:
            doing = "to load the model. Close other programs, or choose a smaller one."
        return wire.Failed(number, "ModelError", f"There is not enough memory {doing}")
    if isinstance(error, ModelError):
        return wire.Failed(number, type(error).__name__, str(error))
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), "no reason given")[:200]
    return wire.Failed(number, "ModelError", f"The engine failed ({type(error).__name__}: {first}). Please ask again.")


def _die_with_parent() -> None:
    """Ask Linux to end this process when the client's thread that started it ends, should its end of file be missed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> None:
    """Serve the connection whose file descriptor is the first argument."""
    _die_with_parent()
    with closing(Connection(int(sys.argv[1]))) as connection:
        Worker(connection).run()


if __name__ == "__main__":
    main()
