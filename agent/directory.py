"""Reach files of a folder that others can write, by descriptor and through no link.

A skill's script, a page or a server may put links, pipes and second names of files into the folder that it may write,
also in the middle of what we do there. So a folder is opened step by step, each by the descriptor of the one before
(openat(2), O_NOFOLLOW), and files are reached by that descriptor and a single name: what was checked is what is used.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

_PATH = getattr(os, "O_PATH", os.O_RDONLY | os.O_NONBLOCK)
"""O_PATH, where there is one, needs no right to list the folders on the way."""

_STEP = _PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

MOST_DEPTH = 64
"""Folders within each other that `Directory.walk` enters; each holds a descriptor."""


class Found(NamedTuple):
    """A thing that `Directory.walk` came by.

    Attributes:
        path: from where it began, with ``/``; a name that is no UTF-8 holds surrogates (PEP 383).
        folder: that holds it; open until the next step.
        name: in it.
        status: of the thing itself, not of what a link leads to.
    """

    path: str
    folder: Directory
    name: str
    status: os.stat_result


class Directory:
    """Hold a folder by its descriptor, as a context.

    Every error is an `OSError` whose ``strerror`` ends a sentence: ``it is a link``.

    Attributes:
        descriptor: of the folder; closed with it.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @classmethod
    def open(cls, root: Path, *parts: str, make: bool = False) -> Directory:
        """Open a folder; no part of its path may be a link.

        Args:
            root: whole, and resolved where links on the way to it are the person's own.
            parts: names of the folders from there, which others may have made.
            make: make those of ``parts`` that are not there.
        """
        if not root.is_absolute() or ".." in root.parts:
            raise OSError(errno.EINVAL, "it is no whole path", str(root))
        found = cls(os.open(root.anchor, _STEP))
        try:
            for part in (*root.parts[1:], *parts):
                inner = found.inner(part, make=make and part in parts)
                found.close()
                found = inner
        except OSError:
            found.close()
            raise
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_ended: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it; safe to call twice."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def inner(self, name: str, *, make: bool = False) -> Directory:
        """Open a folder in it."""
        _checked(name)
        if make:
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=self.descriptor)
        try:
            return Directory(os.open(name, _STEP, dir_fd=self.descriptor))
        except OSError as error:
            if error.errno == errno.ENOTDIR and self._is_link(name):
                raise OSError(errno.ELOOP, "a link is on the way to it", name) from error
            raise

    def names(self) -> list[str]:
        """What is in it, sorted."""
        listed = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.descriptor)
        try:
            return sorted(os.listdir(listed))  # noqa: PTH208 - of a descriptor, not of a path
        finally:
            os.close(listed)

    def status(self, name: str) -> os.stat_result | None:
        """What a thing in it is, links not followed; None if it is not there."""
        try:
            return os.stat(_checked(name), dir_fd=self.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def files(self, suffix: str = "") -> list[str]:
        """Names of the regular files in it that end so, sorted."""
        return [name for name in self.names() if name.endswith(suffix) and self._is(name, stat.S_ISREG)]

    def read(self, name: str, most: int, *, own: bool = True, single: bool = True) -> bytes | None:
        """The content of a regular file; None if it is not there.

        Args:
            name: of the file.
            most: bytes that it may have; of a larger one nothing is read.
            own: it must belong to the person.
            single: it must have no second name, which might be a way to a file elsewhere; a backup gives such
                names, too.
        """
        found = self.opened(name, own=own, single=single)
        if found is None:
            return None
        with os.fdopen(found, "rb") as file:
            raw = file.read(most + 1)
        if len(raw) > most:
            raise OSError(errno.EFBIG, "it is too large", name)
        return raw

    def opened(self, name: str, *, own: bool = True, single: bool = True) -> int | None:
        """A descriptor of a regular file for reading, as `read` opens it; the caller closes it."""
        status = self.status(name)
        if status is None:
            return None
        # Before it is opened: opening some devices does something.
        _regular(name, status, own=own, single=own and single)
        try:
            # Without O_NONBLOCK opening a named pipe would wait for somebody to write.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
            found = os.open(name, flags, dir_fd=self.descriptor)
        except FileNotFoundError:
            return None
        try:
            _regular(name, os.fstat(found), own=own, single=own and single)
        except OSError:
            os.close(found)
            raise
        return found

    def write(self, name: str, raw: bytes, mode: int = 0o600) -> None:
        """Make a file hold exactly this, in one step; a link of that name is replaced and not followed."""
        part = f"{part_of(_checked(name))}{secrets.token_hex(4)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            made = os.open(part, flags, 0o600, dir_fd=self.descriptor)
            with os.fdopen(made, "wb") as file:
                file.write(raw)
                file.flush()
                os.fchmod(made, mode)
                os.fsync(made)
            os.replace(part, name, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                self.remove(part)
            raise

    def remove(self, name: str) -> bool:
        """Remove a file or a link, not what it leads to; says whether there was one."""
        try:
            os.unlink(_checked(name), dir_fd=self.descriptor)
        except FileNotFoundError:
            return False
        return True

    def move(self, name: str, new: str) -> None:
        """Give a thing in it another name; what had that name is replaced."""
        os.rename(_checked(name), _checked(new), src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)

    def walk(
        self,
        enter: Callable[[str], bool] = lambda _path: True,
        missed: Callable[[str], None] = lambda _path: None,
        *,
        _within: str = "",
        _depth: int = 0,
    ) -> Iterator[Found]:
        """Everything below it but folders, by name; a link is told and not followed.

        Args:
            enter: whether a folder is looked into, by its path.
            missed: told the path of a folder that can't be.
        """
        try:
            names = self.names()
        except OSError:
            missed(_within.rstrip("/"))
            return
        for name in names:
            path = f"{_within}{name}"
            status = self.status(name)
            if status is None:
                continue  # it has just gone
            if not stat.S_ISDIR(status.st_mode):
                yield Found(path, self, name, status)
            elif enter(path):
                inner = self._entered(name) if _depth < MOST_DEPTH else None
                if inner is None:
                    missed(path)
                    continue
                with inner:
                    yield from inner.walk(enter, missed, _within=f"{path}/", _depth=_depth + 1)

    def _entered(self, name: str) -> Directory | None:
        try:
            return self.inner(name)
        except OSError:
            return None

    def _is(self, name: str, kind: Callable[[int], bool]) -> bool:
        status = self.status(name)
        return status is not None and kind(status.st_mode)

    def _is_link(self, name: str) -> bool:
        return self._is(name, stat.S_ISLNK)


@dataclass(frozen=True, slots=True)
class HeldPath:
    """A file or folder as it was opened, whatever stands at its path by now; close it.

    Attributes:
        path: of it.
        descriptor: of it, that reads nothing by itself (O_PATH).
    """

    path: Path
    descriptor: int

    def close(self) -> None:
        """Let go of it."""
        os.close(self.descriptor)


def hold(path: Path) -> HeldPath:
    """Open a file or folder that was granted, through no link that somebody may have put there since.

    A link in a folder that the person can't write is the system's own (``/home`` on some) and counts.

    Raises:
        OSError: a link is in its place or on the way to it, named in ``strerror``; or it is not there.
    """
    done = Path(path.anchor)
    for part in path.parts[1:]:
        step = done / part
        if step.is_symlink():
            if os.access(done, os.W_OK):
                raise OSError(errno.ELOOP, f"{step} is a link", str(path))
            step = step.resolve()
        done = step
    if done == Path(done.anchor):
        raise OSError(errno.EINVAL, "the whole disk can't be given", str(path))
    with Directory.open(done.parent) as folder:
        found = os.open(done.name, _PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder.descriptor)
    if stat.S_ISLNK(os.fstat(found).st_mode):
        os.close(found)
        raise OSError(errno.ELOOP, f"{path} is a link", str(path))
    try:
        # High enough not to be taken for one of the few that a shell or a box names by number.
        return HeldPath(path, fcntl.fcntl(found, fcntl.F_DUPFD_CLOEXEC, 32))
    finally:
        os.close(found)


def part_of(name: str) -> str:
    """How the names of unfinished pieces of a file begin, which `Directory.write` leaves when it is killed."""
    return f".{os.fsdecode(os.fsencode(name)[:100])}.deskhand-"


def _checked(name: str) -> str:
    if not name or name in {".", ".."} or "/" in name or "\0" in name:
        raise OSError(errno.EINVAL, "it is no name of a file", name)
    return name


def _regular(name: str, status: os.stat_result, *, own: bool, single: bool) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise OSError(errno.ELOOP, "it is a link", name)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is no file", name)
    if own and status.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "it belongs to somebody else", name)
    if single and status.st_nlink > 1:
        raise OSError(errno.EMLINK, "it has a second name", name)
