"""Single files by their whole path, through no link: what was looked at is what is changed, whoever puts links there.

A path is opened folder by folder from the root (`Directory`), so that a folder that was exchanged for a link since the
path was checked is refused and not followed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from deskhand.agent.directory import Directory, part_of
from deskhand.agent.filename import spelled

LARGEST = 64 << 20
"""Bytes of a file that is looked at."""


class PlaceError(Exception):
    """A file that can't be looked at or changed; the message is a sentence for the person."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds, and its permission bits."""

    raw: bytes
    mode: int


def look(path: Path, most: int = LARGEST) -> Content | None:
    """What is there; None if nothing is.

    Raises:
        PlaceError: it is no file, has more than ``most`` bytes, or can't be reached through folders alone.
    """
    with _parent(path) as folder:
        handle = folder.opened(path.name, own=False)
        if handle is None:
            return None
        with os.fdopen(handle, "rb") as file:
            mode = stat.S_IMODE(os.fstat(handle).st_mode)
            raw = file.read(most + 1)
    if len(raw) > most:
        raise PlaceError(f"{_told(path)} has more than {most >> 20} MB.")
    return Content(raw, mode)


def status(path: Path) -> os.stat_result | None:
    """What kind of file is there, how large and from when; None if nothing is. Raises like `look`."""
    with _parent(path) as folder:
        found = folder.status(path.name)
    if found is not None and not stat.S_ISREG(found.st_mode):
        raise PlaceError(f"{_told(path)} is no file.")
    return found


def size(path: Path) -> int | None:
    """Bytes of the file that is there; likewise."""
    found = status(path)
    return found.st_size if found else None


def put(path: Path, content: Content | None) -> None:
    """Make a file hold exactly this, in one step; None removes it. A link of that name is replaced and not followed.

    Raises:
        PlaceError: it could not be done; the file is as it was.
    """
    with _parent(path) as folder:
        if content is not None:
            folder.write(path.name, content.raw, content.mode)
        elif not folder.remove(path.name):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path.name)


def sweep(path: Path) -> None:
    """Remove the unfinished pieces of `put` beside a file; for who knows that none is being written.

    Raises:
        PlaceError: the folder can't be reached.
    """
    with _parent(path) as folder:
        for name in folder.names():
            if re.fullmatch(re.escape(part_of(path.name)) + "[0-9a-f]{8}", name):
                folder.remove(name)


def move(path: Path, target: Path) -> None:
    """Give a file another name where nothing is yet.

    Raises:
        PlaceError: it could not be done, or something is there; both are as they were.
    """
    with _parent(path) as folder, _parent(target) as other:
        status = folder.status(path.name)
        if status is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path.name)
        if not stat.S_ISREG(status.st_mode):
            raise PlaceError(f"{_told(path)} is no file.")
        here, there = folder.descriptor, other.descriptor
        try:
            # A second name first: unlike a rename it never replaces what somebody has put there meanwhile.
            os.link(path.name, target.name, src_dir_fd=here, dst_dir_fd=there, follow_symlinks=False)
        except OSError as error:
            if error.errno not in {errno.EPERM, errno.ENOTSUP}:
                raise
            # A file system without second names (FAT).
            if other.status(target.name) is not None:
                raise PlaceError(f"{_told(target)} is there already.") from None
            os.rename(path.name, target.name, src_dir_fd=here, dst_dir_fd=there)
        else:
            folder.remove(path.name)


def _told(path: Path) -> str:
    return spelled(str(path))


@contextlib.contextmanager
def _parent(path: Path) -> Generator[Directory]:
    """The folder of a file; errors of the system become sentences."""
    if not path.is_absolute() or ".." in path.parts or not path.name or "\0" in str(path):
        raise PlaceError(f"{_told(path)} is no whole path of a file.")
    try:
        with Directory.open(path.parent) as folder:
            yield folder
    except OSError as error:
        words = {
            errno.ENOENT: "it or its folder is not there",
            errno.ELOOP: "a link is in its place or on the way to it",
            errno.ENOTDIR: "a link or a file is on the way to it",
            errno.EXDEV: "the other place is on another disk",
            errno.EEXIST: "something of that name is there already",
        }
        why = words.get(error.errno or 0, error.strerror or str(error))
        raise PlaceError(f"{_told(path)} can't be reached or changed: {why}.") from error
