"""The log of what should never happen: tracebacks of every thread, on this machine, for whoever mends it.

It lies in the state folder, readable by the person only, and never grows beyond two files of `LARGEST` bytes. What
looks like a secret is painted over; a traceback holds no values but those that an error names.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import platformdirs

from deskhand.agent import private
from deskhand.agent.filename import spelled
from deskhand.agent.safety import redaction

LARGEST = 512 * 1024
"""Bytes of the newer file; then it becomes the older one."""

_log = logging.getLogger(__name__)
_FORMAT = "%(asctime)s %(process)d %(threadName)s %(name)s %(levelname)s: %(message)s"


def place() -> Path:
    """The file; it is made with the first entry."""
    return platformdirs.user_state_path("deskhand") / "errors.log"


def sentence(what: str, error: BaseException) -> str:
    """What a person is told of a fault that nobody expected.

    Args:
        what: could not be done, as the first half of a sentence.
        error: why; it is in the log already.
    """
    reason = spelled(str(error)).strip().splitlines()
    told = f"{type(error).__name__}: {redaction.redact(reason[0])[:200]}" if reason else type(error).__name__
    return f"{what} ({told.rstrip('.')}). The details are in {place()}."


class ErrorLog(logging.Handler):
    """Appends records to the file; several programs may at once."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.setFormatter(logging.Formatter(_FORMAT))

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; where it can't be written nobody is left to be told."""
        try:
            data = spelled(redaction.redact(self.format(record)) + "\n").encode()
            path = place()
            with private.held(path.with_suffix(".lock")):
                _append(path, data)
        except Exception:  # noqa: BLE001 - a log that fails must not be the next fault
            return


def _append(path: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o600)
    try:
        os.write(descriptor, data)
        full = os.fstat(descriptor).st_size > LARGEST
    finally:
        os.close(descriptor)
    if full:
        path.replace(path.with_suffix(".log.1"))


_handler = ErrorLog()


def install(tell: Callable[[str], None] | None = None) -> None:
    """Write down what ends a thread, a slot of Qt or an object's end, and what any module logs as an error.

    Args:
        tell: is given a sentence for the person, from any thread; without it they see it in the log only.
    """
    root = logging.getLogger()
    if _handler not in root.handlers:
        root.addHandler(_handler)
    teller = _Teller(tell)
    threading.excepthook = lambda args: teller.failed(args.exc_value, args.thread.name if args.thread else "a thread")
    sys.excepthook = teller.uncaught
    sys.unraisablehook = lambda args: _log.error("%s", args.err_msg or args.object, exc_info=args.exc_value)


class _Teller:
    """Tells each fault once: a slot that fails at every repaint must not fill the window."""

    def __init__(self, tell: Callable[[str], None] | None) -> None:
        self._tell = tell
        self._told: set[tuple[str, int]] = set()

    def uncaught(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        self.failed(error, "the window")

    def failed(self, error: BaseException | None, where: str) -> None:
        if error is None:
            return
        _log.error("uncaught in %s", where, exc_info=error)
        at = _at(error)
        if self._tell is not None and at not in self._told:
            self._told.add(at)
            self._tell(sentence("Something went wrong in Deskhand, which goes on", error))


def _at(error: BaseException) -> tuple[str, int]:
    """Where it was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return (trace.tb_frame.f_code.co_filename, trace.tb_lineno) if trace else ("", 0)
