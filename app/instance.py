"""The one window of a data folder: whoever starts a second one brings the first forward instead.

The lock is the kernel's (flock), so that it ends with its program however that ends: no file of a killed one is left
to be believed. The first window listens on a socket that only the person can reach.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from deskhand.app import panic, settings

PATIENCE = 10.0
"""Seconds in which the first window has to answer; one that is just starting needs some."""

_WORD = b"forward\n"
_log = logging.getLogger(__name__)


class RunningError(Exception):
    """Another window has the data folder; the message says what to do if it does not answer."""


def _socket_path() -> Path:
    return panic.folder() / "window"


def _lock_file() -> Path:
    return settings.data_folder() / "window.lock"


class Instance:
    """This program's claim to the data folder, held until it is closed.

    Raises:
        RunningError: another program holds it.
    """

    def __init__(self) -> None:
        self._lock = os.open(_lock_file(), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(self._lock, 20, 0).decode(errors="replace").strip()
            os.close(self._lock)
            raise RunningError(
                f"Deskhand is open already{f' (process {owner})' if owner.isdigit() else ''}, but its window does not "
                f"answer.{f' If it hangs, end it with: kill {owner}' if owner.isdigit() else ''}"
            ) from error
        except OSError:
            _log.warning("the data folder can't be locked, so a second window would not be noticed", exc_info=True)
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, str(os.getpid()).encode(), 0)
        self._socket: socket.socket | None = None
        self._closed = threading.Event()

    def listen(self, forward: Callable[[], None]) -> None:
        """Call ``forward`` in a thread of its own whenever a second window was wanted.

        Raises:
            OSError: nobody can be listened to.
        """
        self._socket = panic.bound(_socket_path())
        threading.Thread(target=self._listen, args=(self._socket, forward), name="instance", daemon=True).start()

    def _listen(self, listening: socket.socket, forward: Callable[[], None]) -> None:
        while not self._closed.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                if self._closed.wait(panic.AGAIN):
                    return
                continue
            with connection, contextlib.suppress(OSError):
                connection.settimeout(1)
                if connection.recv(len(_WORD)) == _WORD:
                    try:
                        forward()
                    except Exception:  # noqa: BLE001 - the next one has to find us too
                        _log.exception("the window could not be brought forward")
                    connection.sendall(_WORD)

    def close(self) -> None:
        """Let another window have the folder; safe to call twice."""
        if self._closed.is_set():
            return
        self._closed.set()
        if self._socket:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread
            self._socket.close()
            _socket_path().unlink(missing_ok=True)
            panic.leave(panic.folder())
        os.close(self._lock)


def running() -> bool:
    """Whether a window has the data folder."""
    try:
        Instance().close()
    except RunningError:
        return True
    return False


def bring_forward() -> bool:
    """Bring the first window forward; whether it has answered in time."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(PATIENCE)
            line.connect(str(_socket_path()))
            line.sendall(_WORD)
            if line.recv(len(_WORD)) == _WORD:
                return True
        time.sleep(panic.AGAIN)
    return False
