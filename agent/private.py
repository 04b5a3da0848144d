"""Files that only the person can read: written whole or not at all, changed by one process at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path


@contextmanager
def held(path: Path) -> Generator[None]:
    """Hold a lock file, which no other process holds meanwhile."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write(path: Path, data: bytes) -> None:
    """Replace a file; on disk when this returns, also when the power goes then."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def set_aside(path: Path) -> Path | None:
    """Rename a file or folder to its name with the date, where it is nobody's; None if it is not there.

    Raises:
        OSError: it can't be renamed.
    """
    when = datetime.now().astimezone().strftime("%Y-%m-%d-%H%M%S")
    for number in range(1, 1000):
        place = path.with_name(f"{path.name}.{when}{f'-{number}' if number > 1 else ''}.old")
        if not os.path.lexists(place):
            try:
                path.rename(place)
            except FileNotFoundError:
                return None
            return place
    raise FileExistsError(errno.EEXIST, "too many old files", str(path))
