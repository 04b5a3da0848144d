"""What no limit of the kernel covers for a boxed program: its processes, their memory together, what it keeps."""

from __future__ import annotations

import os
import platform
import re
import time
from collections.abc import Sequence
from pathlib import Path

from deskhand.agent.safety.ending import Inside

PROCESSES = 64
"""The most processes and threads of one box."""

MEMORY = 2 * 1024**3
"""The most memory that all processes of one box may hold together; a limit of the kernel is for each alone."""

FOLDER_BYTES = 256 * 1024**2
"""The most that a tool may keep in the folder it may write."""

FOLDER_FILES = 20_000
"""Likewise, files and folders: each takes a place on the disk, however small."""

EVERY = 0.25
"""Seconds between two looks at the folders: what is written meanwhile comes on top of the limit."""


def process_limit() -> int | None:
    """`PROCESSES` where the kernel counts them for the box alone, to be set inside of it as ``RLIMIT_NPROC``.

    Since Linux 5.14 they are counted for each user namespace (``Documentation/admin-guide/namespaces``, ucounts);
    before, all that the person runs would count. The kernel exempts root.
    """
    major, minor = (int(part) for part in re.findall(r"\d+", platform.release())[:2])
    return PROCESSES if (major, minor) >= (5, 14) else None


_PAGE = os.sysconf("SC_PAGE_SIZE")


class Watch:
    """Looks after one box; whoever follows it asks again and again.

    Args:
        process: id of bubblewrap's process; None for a program that is in no box, whose processes can't be told apart.
        folders: those that it may write.
        memory: bytes that all its processes may hold together.

    Attributes:
        inside: what of the box has to be waited for at its end.
    """

    def __init__(self, process: int | None, folders: Sequence[Path], memory: int = MEMORY) -> None:
        self.inside = None if process is None else Inside(process)
        self._process = process
        self._memory = memory
        self._folders = folders
        self._next = 0.0

    def problem(self) -> str:
        """Why it has to be killed, a part of a sentence; empty if it may go on."""
        if self.inside is not None:
            self.inside.look()
        if self._process is not None and processes(self._process) > PROCESSES:
            return f"it started more than {PROCESSES} processes"
        if self._process is not None and memory(self._process) > self._memory:
            return f"its processes took more than {self._memory >> 20} MB of memory"
        now = time.monotonic()
        if now >= self._next:
            self._next = now + EVERY
            for folder in self._folders:
                if too_full(folder):
                    return f"{folder} holds more than {FOLDER_BYTES >> 20} MB or {FOLDER_FILES} files"
        return ""


def processes(parent: int) -> int:
    """How many processes are in the box below ``parent``; 0 where that can't be told."""
    return len(_inside(parent))


def memory(parent: int) -> int:
    """Bytes that the processes in the box below ``parent`` hold for themselves; 0 where that can't be told.

    Resident pages less those of files and shared memory (``proc_pid_statm(5)``), which they may share.
    """
    pages = 0
    for place in _inside(parent):
        try:
            with open(f"{place}/statm") as file:  # noqa: PTH123 - as below
                _, resident, shared, *_ = file.read().split()
            pages += int(resident) - int(shared)
        except (OSError, ValueError):
            continue  # it has just ended
    return pages * _PAGE


def _inside(parent: int) -> list[str]:
    """The folder in /proc of each process in the box below ``parent``.

    The box has a /proc of its own, in which nothing else is: looking there costs little, and nothing is missed that
    left its process group. Linux 3.5, ``Documentation/filesystems/proc.rst``: ``task/PID/children``.
    """
    found: list[str] = []
    try:
        for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
            inside = f"/proc/{child}/root/proc"
            # Until the box is built its first process still sees ours.
            if os.stat(inside).st_dev != os.stat("/proc").st_dev:  # noqa: PTH116 - twenty times a second
                found += [f"{inside}/{name}" for name in os.listdir(inside) if name.isdigit()]  # noqa: PTH208
    except OSError:
        return []
    return found


def too_full(folder: Path) -> bool:
    """Whether a folder holds more than it may. Links are not followed, and a file that is gone counts nothing."""
    size = count = 0
    waiting = [str(folder)]
    while waiting and size <= FOLDER_BYTES and count <= FOLDER_FILES:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    status = entry.stat(follow_symlinks=False)
                    # Blocks and not the length, which a file with holes only claims.
                    size += status.st_blocks * 512
                    count += 1
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:
            continue
    return size > FOLDER_BYTES or count > FOLDER_FILES
