"""Single files by their whole path, through no link: what was looked at is what is changed, whoever puts links there.

A path is opened folder by folder from the root, each by the handle of the one before, so that a folder that was
exchanged for a link since the path was checked is refused and not followed (openat(2), O_NOFOLLOW).
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

LARGEST = 64 << 20
"""Bytes of a file that is looked at."""

_STEP = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""O_PATH, where there is one, needs no right to list the folders on the way."""


class PlaceError(Exception):
    """A file that can't be looked at or changed; the message is a sentence for the person."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds, and its permission bits."""

    raw: bytes
    mode: int


def look(path: Path) -> Content | None:
    """What is there; None if nothing is.

    Raises:
        PlaceError: it is no file, too large, or can't be reached through folders alone.
    """
    with _parent(path) as folder:
        try:
            # Without O_NONBLOCK opening a named pipe would wait for somebody to write.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            handle = os.open(path.name, flags, dir_fd=folder)
        except FileNotFoundError:
            return None
        try:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                raise PlaceError(f"{path} is no file.")
            with os.fdopen(handle, "rb", closefd=False) as file:
                raw = file.read(LARGEST + 1)
        finally:
            os.close(handle)
    if len(raw) > LARGEST:
        raise PlaceError(f"{path} has more than {LARGEST >> 20} MB.")
    return Content(raw, stat.S_IMODE(found.st_mode))


def put(path: Path, content: Content | None) -> None:
    """Make a file hold exactly this, in one step; None removes it. A link of that name is replaced and not followed.

    Raises:
        PlaceError: it could not be done; the file is as it was.
    """
    with _parent(path) as folder:
        if content is None:
            os.unlink(path.name, dir_fd=folder)
            return
        part = f"{_part(path)}{secrets.token_hex(4)}"
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            handle = os.open(part, flags, 0o600, dir_fd=folder)
            with os.fdopen(handle, "wb") as file:
                file.write(content.raw)
                file.flush()
                os.fchmod(handle, content.mode)
                os.fsync(handle)
            os.replace(part, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(part, dir_fd=folder)
            raise


def sweep(path: Path) -> None:
    """Remove the unfinished pieces of `put` beside a file; for who knows that none is being written.

    Raises:
        PlaceError: the folder can't be reached.
    """
    with _parent(path) as folder:
        listed = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
        try:
            for name in os.listdir(listed):  # noqa: PTH208 - of a handle, not of a name
                if re.fullmatch(re.escape(_part(path)) + "[0-9a-f]{8}", name):
                    os.unlink(name, dir_fd=folder)
        finally:
            os.close(listed)


def _part(path: Path) -> str:
    """How the names of unfinished pieces begin."""
    return f".{path.name[:100]}.deskhand-"


def move(path: Path, target: Path) -> None:
    """Give a file another name where nothing is yet.

    Raises:
        PlaceError: it could not be done, or something is there; both are as they were.
    """
    with _parent(path) as folder, _parent(target) as other:
        if not stat.S_ISREG(os.stat(path.name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise PlaceError(f"{path} is no file.")
        try:
            # A second name first: unlike a rename it never replaces what somebody has put there meanwhile.
            os.link(path.name, target.name, src_dir_fd=folder, dst_dir_fd=other, follow_symlinks=False)
        except OSError as error:
            if error.errno not in {errno.EPERM, errno.ENOTSUP}:
                raise
            _rename(path, target, folder, other)
        else:
            os.unlink(path.name, dir_fd=folder)


def _rename(path: Path, target: Path, folder: int, other: int) -> None:
    """Move on a file system without second names (FAT)."""
    with contextlib.suppress(FileNotFoundError):
        os.stat(target.name, dir_fd=other, follow_symlinks=False)
        raise PlaceError(f"{target} is there already.")
    os.rename(path.name, target.name, src_dir_fd=folder, dst_dir_fd=other)


@contextlib.contextmanager
def _parent(path: Path) -> Generator[int]:
    """A handle of the folder of a file; errors of the system become sentences."""
    if not path.is_absolute() or ".." in path.parts or not path.name or "\0" in str(path):
        raise PlaceError(f"{path} is no whole path of a file.")
    handle = -1
    try:
        handle = os.open(path.anchor, _STEP)
        for part in path.parts[1:-1]:
            inner = os.open(part, _STEP, dir_fd=handle)
            os.close(handle)
            handle = inner
        yield handle
    except OSError as error:
        words = {
            errno.ENOENT: "it or its folder is not there",
            errno.ELOOP: "a link is in its place or on the way to it",
            errno.ENOTDIR: "a link or a file is on the way to it",
            errno.EXDEV: "the other place is on another disk",
            errno.EEXIST: "something of that name is there already",
        }
        why = words.get(error.errno or 0, error.strerror or str(error))
        raise PlaceError(f"{path} can't be reached or changed: {why}.") from error
    finally:
        if handle >= 0:
            os.close(handle)
