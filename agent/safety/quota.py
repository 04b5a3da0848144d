"""What a box keeps on the disk, counted so that nothing hides: by descriptor, and what only a process still holds.

A file that was removed takes its room until nobody has it open. It is looked for where it can be held: among the open
files of each process, in its memory, and on its way from one process to another (docs/adr/0035 says what each look
misses). What can't be counted counts as too much.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deskhand.agent.directory import MOST_DEPTH, Directory

BYTES = 256 * 1024**2
"""The most that a box may keep in the folder it may write."""

FILES = 20_000
"""Likewise, files and folders: each takes a place on the disk, however small."""

_MOST_MAPPED = 4 * 1024**2
"""Bytes of the list of a process's memory that are read; of a browser it has some hundred thousand."""

_PATIENCE = 4
"""Looks in a row in which a process may refuse to be seen or have files on the way: both happen for a moment."""

_MAPPED = re.compile(rb" ([0-9a-f]+:[0-9a-f]+) (\d+) +(/.*) \(deleted\)$", re.MULTILINE)
_HANDED = re.compile(r"^scm_fds:\s*(\d+)", re.MULTILINE)


class UncountableError(Exception):
    """Something is in a folder or held by a process that can't be counted; the message is a part of a sentence."""


@dataclass
class _Known:
    """A folder as it was before: of each thing in it its place, length and time, by its number."""

    things: dict[int, tuple[str, int, int]] = field(default_factory=dict[int, tuple[str, int, int]])

    def had(self, path: str, status: os.stat_result) -> bool:
        """Whether a thing was there; numbers are given again, so its place or its time has to be the same too."""
        known = self.things.get(status.st_ino)
        return known is not None and (known[0] == path or known[2] == status.st_mtime_ns)


class Quota:
    """Counts what one box keeps in its folders, from before it starts until it has ended.

    Args:
        folders: that it may write and not fill; whole paths.
        largest: bytes of one file that it may write.
    """

    def __init__(self, folders: Sequence[Path], largest: int) -> None:
        self._folders = [Path(folder) for folder in folders]
        self._largest = largest
        self._before = {folder: _Known() for folder in self._folders}
        self._refused: dict[str, int] = {}
        self._handing = 0
        self._exceeded = False
        for folder, known in self._before.items():
            with contextlib.suppress(UncountableError):
                for path, _, _, status in _everything(folder):
                    known.things[status.st_ino] = (path, status.st_size, status.st_mtime_ns)

    def problem(self, processes: Sequence[str] = ()) -> str:
        """Why the box has to be ended, a part of a sentence; empty if it keeps no more than it may.

        Args:
            processes: the folder in /proc of each process in it.
        """
        if not self._folders:
            return ""
        try:
            hidden = self._hidden(processes)
            full = next((folder for folder in self._folders if _full(folder, hidden)), None)
            problem = f"{full} holds more than {BYTES >> 20} MB or {FILES} files" if full else ""
        except (UncountableError, OSError) as error:
            problem = f"what it keeps in {self._folders[0]} can't be counted: {error}"
        self._exceeded |= bool(problem)
        return problem

    def settle(self) -> str:
        """Once the box has ended: `problem`; if there is or was one, what the box has written is taken away again.

        What was in the folder before stays, at most as long as it was.
        """
        problem = self.problem()
        if self._exceeded:
            for folder, known in self._before.items():
                with contextlib.suppress(OSError), Directory.open(folder.parent.resolve(), folder.name) as held:
                    _take_away(held.descriptor, known)
        return problem

    def _hidden(self, processes: Sequence[str]) -> int:
        """Bytes of removed files of these folders that processes still hold."""
        found: dict[int, int] = {}
        mapped: set[int] = set()
        handing = False
        self._refused = {place: count for place, count in self._refused.items() if place in processes}
        for place in processes:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                try:
                    handing |= self._open_files(place, found)
                    mapped |= self._mapped(place)
                except PermissionError as error:
                    self._refused[place] = self._refused.get(place, 0) + 1
                    if self._refused[place] >= _PATIENCE:
                        raise UncountableError("a process hides what it has open") from error
        self._handing = self._handing + 1 if handing else 0
        if self._handing >= _PATIENCE:
            raise UncountableError("it keeps files on the way between processes")
        # How large such a file is nothing tells: as large as any.
        return sum(found.values()) + len(mapped - found.keys()) * self._largest

    def _open_files(self, place: str, found: dict[int, int]) -> bool:
        """Add the removed files that a process has open; says whether any file is on the way to it."""
        handing = False
        for name in os.listdir(f"{place}/fd"):  # noqa: PTH208 - four times a second, as all here
            with contextlib.suppress(FileNotFoundError):
                status = os.stat(f"{place}/fd/{name}")  # noqa: PTH116
                if stat.S_ISSOCK(status.st_mode) and not handing:
                    with open(f"{place}/fdinfo/{name}", encoding="ascii") as file:  # noqa: PTH123
                        handed = _HANDED.search(file.read())
                    handing = handed is not None and handed[1] != "0"
                elif not status.st_nlink and self._ours(_target(f"{place}/fd/{name}")):
                    found[status.st_ino] = status.st_blocks * 512
        return handing

    def _mapped(self, place: str) -> set[int]:
        """The numbers of removed files that a process has in its memory."""
        with open(f"{place}/maps", "rb") as file:  # noqa: PTH123
            text = file.read(_MOST_MAPPED + 1)
        if len(text) > _MOST_MAPPED:
            raise UncountableError("a process has more in its memory than can be looked at")
        return {int(each[2]) for each in _MAPPED.finditer(text) if self._ours(each[3])}

    def _ours(self, path: bytes) -> bool:
        """Whether a file lies in one of the folders; it may if its path is too long to be told."""
        return not path or any(
            path.startswith(os.fsencode(each) + b"/") for folder in self._folders for each in (folder, folder.resolve())
        )


def _target(link: str) -> bytes:
    """The path of what a process has open; empty if it is too long to be told."""
    try:
        return os.readlink(os.fsencode(link))  # noqa: PTH115
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return b""
        raise


def _full(folder: Path, hidden: int) -> bool:
    size = hidden
    for count, (_, _, _, status) in enumerate(_everything(folder), 1):
        # Blocks and not the length, which a file with holes only claims.
        size += status.st_blocks * 512
        if size > BYTES or count > FILES:
            return True
    return size > BYTES


def _everything(folder: Path) -> Iterator[tuple[str, int, str, os.stat_result]]:
    """All below a folder: its path from there, the descriptor of what it is in, its name, what it is."""
    try:
        held = Directory.open(folder.parent.resolve(), folder.name)
    except FileNotFoundError:
        return
    except OSError as error:
        raise UncountableError(str(error.strerror)) from error
    with held:
        yield from _below(_readable(held.descriptor, "."), "", 0)


def _below(descriptor: int, path: str, depth: int) -> Iterator[tuple[str, int, str, os.stat_result]]:
    """Likewise, of a descriptor that is closed at the end."""
    try:
        with os.scandir(descriptor) as entries:
            for entry in entries:
                try:
                    status = entry.stat(follow_symlinks=False)
                    yield f"{path}{entry.name}", descriptor, entry.name, status
                    if stat.S_ISDIR(status.st_mode):
                        if depth >= MOST_DEPTH:
                            raise UncountableError(f"folders lie more than {MOST_DEPTH} deep in each other")
                        inner = _readable(descriptor, entry.name)
                        yield from _below(inner, f"{path}{entry.name}/", depth + 1)
                except (FileNotFoundError, NotADirectoryError):
                    continue  # it has just gone
    finally:
        os.close(descriptor)


def _readable(parent: int, name: str) -> int:
    """Open a folder for reading, through no link; who may not read it but owns it is let."""
    held = os.open(name, getattr(os, "O_PATH", 0) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        mode = stat.S_IMODE(os.fstat(held).st_mode)
        if mode & 0o700 != 0o700:
            os.chmod(f"/proc/self/fd/{held}", mode | 0o700)  # noqa: PTH101 - a descriptor without rights to read
        return os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=held)
    except PermissionError as error:
        raise UncountableError("a folder can't be read") from error
    finally:
        os.close(held)


def _take_away(folder: int, known: _Known) -> None:
    """Remove what is new in a folder, however deep and whatever its rights, and cut off what old files have gained."""
    waiting = [("", os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder))]
    while waiting:
        path, descriptor = waiting.pop()
        try:
            for name in os.listdir(descriptor):  # noqa: PTH208 - of a descriptor
                status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                if not known.had(f"{path}{name}", status):
                    _remove(descriptor, name, folder)
                elif stat.S_ISDIR(status.st_mode):
                    waiting.append((f"{path}{name}/", _readable(descriptor, name)))
                elif stat.S_ISREG(status.st_mode) and status.st_size > known.things[status.st_ino][1]:
                    with contextlib.suppress(OSError):
                        held = os.open(name, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=descriptor)
                        os.ftruncate(held, known.things[status.st_ino][1])
                        os.close(held)
        except (UncountableError, OSError):
            continue
        finally:
            os.close(descriptor)


def _remove(parent: int, name: str, top: int) -> None:
    """Remove a thing with all that is in it. Folders in folders are moved up first, so that none lies too deep."""
    waiting = deque([(parent, name)])
    moved = 0
    while waiting:
        within, name = waiting.popleft()
        if not stat.S_ISDIR(os.stat(name, dir_fd=within, follow_symlinks=False).st_mode):
            os.unlink(name, dir_fd=within)
            continue
        descriptor = _readable(within, name)
        try:
            for inner in os.listdir(descriptor):  # noqa: PTH208 - of a descriptor
                if not stat.S_ISDIR(os.stat(inner, dir_fd=descriptor, follow_symlinks=False).st_mode):
                    os.unlink(inner, dir_fd=descriptor)
                    continue
                # A folder without rights can't be moved, as it would be changed by that.
                os.close(_readable(descriptor, inner))
                moved += 1
                up = f".deskhand-removed-{os.getpid()}-{id(waiting)}-{moved}"
                os.rename(inner, up, src_dir_fd=descriptor, dst_dir_fd=top)
                waiting.append((top, up))
        finally:
            os.close(descriptor)
        os.rmdir(name, dir_fd=within)
