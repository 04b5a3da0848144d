"""Ending everything that every running Deskhand does, from outside: `deskhand stop` and a key that works everywhere.

Each running program listens on a Unix socket of its own that only the person can reach; whoever connects stops it.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
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

AGAIN = 0.2
"""Seconds until it is listened again after that failed."""

_log = logging.getLogger(__name__)

_STOPPED = b"stopped\n"
_TRIES = 20


def folder() -> Path:
    """Where the sockets are, for the person alone; one for each data folder. It need not be there.

    A path of a Unix socket has at most 107 bytes (``unix(7)``), which a data folder's may exceed.
    """
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    which = hashlib.sha256(str(settings.data_folder()).encode()).hexdigest()[:12]
    return base / f"deskhand-{os.getuid()}-{which}"


def _check(place: Path) -> None:
    """Whether the folder is the person's alone.

    Raises:
        OSError: it is not there, or somebody else made it.
    """
    status = place.stat(follow_symlinks=False)
    if status.st_uid != os.getuid() or status.st_mode & 0o077 or place.is_symlink():
        raise PermissionError(f"{place} is not the person's own: remove it.")


def bound(path: Path) -> socket.socket:
    """A socket that listens at ``path``, whose folder is made.

    It gets its name when it listens: `stop_all` takes the file of a socket that answers nobody for a killed program's.
    The folder is made again if another program, which was the last, just took it away.

    Raises:
        OSError: the folder can't be made, or somebody else made it.
    """
    listening, part = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), path.with_suffix(".part")
    for tries_left in reversed(range(_TRIES)):
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check(path.parent)
            part.unlink(missing_ok=True)
            listening.bind(str(part))
            part.chmod(0o600)
            listening.listen()
            part.rename(path)
        except (FileNotFoundError, FileExistsError):  # it went between two of these steps
            if not tries_left:
                listening.close()
                raise
        except OSError:
            listening.close()
            raise
        else:
            break
    return listening


def leave(place: Path) -> None:
    """Take the folder away; it stays while another program's socket is in it."""
    with contextlib.suppress(OSError):
        place.rmdir()


class StopListener:
    """Calls ``stop`` for whoever connects, in a thread of its own, until it is closed.

    Args:
        stop: ends what runs; returns at once.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._path = folder() / f"{os.getpid()}-{threading.get_ident()}.sock"
        self._socket = bound(self._path)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="stop", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                if self._closed.wait(AGAIN):  # too many files are open: they will not be for ever
                    return
                continue
            with connection, contextlib.suppress(OSError):
                if not self._closed.is_set() and _peer(connection) in {os.getuid(), 0}:
                    try:
                        self._stop()
                    except Exception:  # noqa: BLE001 - the thread goes on
                        _log.exception("stopping failed")
                    else:
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
            leave(self._path.parent)

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
    stopped, place = 0, folder()
    try:
        _check(place)
    except FileNotFoundError:
        return 0  # nothing runs
    for path in sorted(place.glob("*.sock")):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(PATIENCE)
            try:
                connection.connect(str(path))
                stopped += connection.recv(len(_STOPPED)) == _STOPPED
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)  # its program was killed
            except OSError:
                continue
    leave(place)
    return stopped
