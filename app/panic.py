"""Ending everything that every running Deskhand does, from outside: `deskhand stop` and a key that works everywhere.

Each running program listens on a Unix socket of its own that only the person can reach; whoever connects stops it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import struct
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from deskhand.app import settings

PATIENCE = 5.0
"""Seconds that a program is given to answer that it has stopped."""

_STOPPED = b"stopped\n"


def folder() -> Path:
    """Where the sockets are, for the person alone; one for each data folder.

    A path of a Unix socket has at most 107 bytes (``unix(7)``), which a data folder's may exceed.

    Raises:
        OSError: the folder can't be made, or somebody else made it.
    """
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    which = hashlib.sha256(str(settings.data_folder()).encode()).hexdigest()[:12]
    found = base / f"deskhand-{os.getuid()}-{which}"
    found.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = found.stat(follow_symlinks=False)
    if status.st_uid != os.getuid() or status.st_mode & 0o077 or found.is_symlink():
        raise PermissionError(f"{found} is not the person's own: remove it.")
    return found


class StopListener:
    """Calls ``stop`` for whoever connects, in a thread of its own, until it is closed.

    Args:
        stop: ends what runs; returns at once.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._path = folder() / f"{os.getpid()}-{threading.get_ident()}.sock"
        self._path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(self._path))
        self._path.chmod(0o600)
        self._socket.listen()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="stop", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                if not self._closed.is_set() and _peer(connection) in {os.getuid(), 0}:
                    self._stop()
                    connection.sendall(_STOPPED)

    def close(self) -> None:
        """Listen no more; safe to call twice."""
        if not self._closed.is_set():
            self._closed.set()
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as knock:
                knock.connect(str(self._path))  # wakes the thread
            self._thread.join()
            self._socket.close()
            self._path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _peer(connection: socket.socket) -> int:
    """The user at the other end; the socket's mode keeps others out where the system does not say."""
    if not hasattr(socket, "SO_PEERCRED"):
        return os.getuid()
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", raw)[1])


def stop_all() -> int:
    """Stop every running Deskhand of this person and data folder; returns how many have answered.

    Raises:
        OSError: the folder of the sockets can't be used.
    """
    stopped = 0
    for path in sorted(folder().glob("*.sock")):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(PATIENCE)
            try:
                connection.connect(str(path))
                stopped += connection.recv(len(_STOPPED)) == _STOPPED
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)  # its program was killed
            except OSError:
                continue
    return stopped
