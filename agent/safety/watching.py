"""What no limit of the kernel covers for a boxed program: its processes, their memory together, what it keeps.

Memory that belongs to no process (shared without a name, memory files, System V segments, large buffers of sockets)
can't be had in the box (`seccomp`), its memory disks are bounded by their size, and what is left is counted here.
"""

from __future__ import annotations

import os
import platform
import re
import time
from collections.abc import Sequence
from pathlib import Path

from deskhand.agent.safety import sandbox
from deskhand.agent.safety.ending import Inside, first_processes
from deskhand.agent.safety.quota import FILES, Quota

PROCESSES = 64
"""The most processes of one box."""

THREADS = 512
"""The most threads of one box: Node alone has a dozen, a browser hundreds."""

MEMORY = 2 * 1024**3
"""The most memory that all processes of one box may hold together; a limit of the kernel is for each alone."""

DESCRIPTORS = 4096
"""The most open files of one box: each socket may hold some 200 KB of memory that is no process's."""

LOCKED = 8 * 1024**2
"""The most memory of one process that may not be moved to the disk, what sockets have taken hold of included."""

EVERY = 0.25
"""Seconds between two looks at the folders: what is written meanwhile comes on top of the limit."""

_MEMORY_DISKS = ("tmp", "dev/shm")
_COUNTED = re.compile(r"^(?:RssAnon|VmSwap|VmPTE|HugetlbPages):\s*(\d+) kB", re.MULTILINE)
_THREADS = re.compile(r"^Threads:\s*(\d+)", re.MULTILINE)


def limits() -> dict[str, int]:
    """The limits of the kernel for one process of a tool, by the names in `resource`."""
    counted = process_limit()
    return {
        "as": sandbox.MEMORY,
        "fsize": sandbox.FILE_BYTES,
        "nofile": 1024,
        "memlock": LOCKED,
        **({"nproc": counted} if counted else {}),
    }


def process_limit() -> int | None:
    """`PROCESSES` where the kernel counts them for the box alone, to be set inside of it as ``RLIMIT_NPROC``.

    Since Linux 5.14 they are counted for each user namespace (``Documentation/admin-guide/namespaces``, ucounts);
    before, all that the person runs would count. The kernel exempts root.
    """
    major, minor = (int(part) for part in re.findall(r"\d+", platform.release())[:2])
    return PROCESSES if (major, minor) >= (5, 14) else None


class Watch:
    """Looks after one box, from before it starts; whoever follows it asks again and again.

    Args:
        folders: those that it may write and not fill.
        memory: bytes that all its processes may hold together.
        largest: bytes of one file that it may write.

    Attributes:
        inside: what of the box has to be waited for at its end; None for a program that is in no box.
    """

    def __init__(self, folders: Sequence[Path], memory: int = MEMORY, largest: int = sandbox.FILE_BYTES) -> None:
        self.inside: Inside | None = None
        self._process = 0
        self._memory = memory
        self._quota = Quota(folders, largest)
        self._next = 0.0

    def begin(self, process: int) -> None:
        """Look after the box that this process holds; without it only the folders are looked at."""
        self._process = process
        self.inside = Inside(process)

    def problem(self) -> str:
        """Why it has to be killed, a part of a sentence; empty if it may go on."""
        places: list[str] = []
        if self.inside is not None:
            self.inside.look()
            places = _inside(self._process)
            if problem := self._too_much(places):
                return problem
        now = time.monotonic()
        if now < self._next:
            return ""
        # After the look and not before: a look that takes long must not leave no time for anything else.
        problem = self._quota.problem(places) or _memory_disks(self._process)
        self._next = time.monotonic() + EVERY
        return problem

    def settle(self) -> str:
        """Once the box has ended: as `Quota.settle`; a program that was in none keeps what it wrote."""
        return self._quota.settle() if self.inside is not None else ""

    def _too_much(self, places: Sequence[str]) -> str:
        if len(places) > PROCESSES:
            return f"it started more than {PROCESSES} processes"
        held = threads = descriptors = 0
        for place in places:
            memory, count = _status(place)
            held, threads = held + memory, threads + count
            descriptors += _descriptors(place)
        if threads > THREADS:
            return f"it started more than {THREADS} threads"
        if descriptors > DESCRIPTORS:
            return f"it opened more than {DESCRIPTORS} files and connections"
        if held > self._memory:
            return f"its processes took more than {self._memory >> 20} MB of memory"
        return ""


def _status(place: str) -> tuple[int, int]:
    """Bytes that a process holds for itself, in memory, swapped out and as tables of its pages; and its threads."""
    try:
        with open(f"{place}/status", encoding="ascii", errors="replace") as file:  # noqa: PTH123 - often
            text = file.read()
    except OSError:
        return 0, 0  # it has just ended
    threads = _THREADS.search(text)
    return sum(int(size) for size in _COUNTED.findall(text)) << 10, int(threads[1]) if threads else 0


def _descriptors(place: str) -> int:
    """How many files a process has open: since Linux 6.2 the size of that folder (``filesystems/proc.rst``)."""
    try:
        return os.stat(f"{place}/fd").st_size or len(os.listdir(f"{place}/fd"))  # noqa: PTH116, PTH208
    except OSError:
        return 0


def _memory_disks(process: int) -> str:
    """Whether the box has filled its memory with empty files, which the size of these disks does not bound."""
    for first in first_processes(process):
        for name in _MEMORY_DISKS:
            try:
                disk = os.statvfs(f"/proc/{first}/root/{name}")
            except OSError:
                continue
            if disk.f_blocks * disk.f_frsize <= sandbox.FILE_BYTES and disk.f_files - disk.f_ffree > FILES:
                return f"/{name} holds more than {FILES} files"
    return ""


def _inside(parent: int) -> list[str]:
    """The folder in /proc of each process in the box below ``parent``; of one whose first thread has ended, another's.

    The box has a /proc of its own, in which nothing else is: looking there costs little, and nothing is missed that
    left its process group.
    """
    found: list[str] = []
    for first in first_processes(parent):
        inside = f"/proc/{first}/root/proc"
        try:
            # Until the box is built its first process still sees ours.
            if os.stat(inside).st_dev != os.stat("/proc").st_dev:  # noqa: PTH116 - twenty times a second
                found += [_alive(f"{inside}/{name}") for name in os.listdir(inside) if name.isdigit()]  # noqa: PTH208
        except OSError:
            continue
    return found


def _alive(place: str) -> str:
    """The process, or the first thread of it that lives: when the one that began it has ended, /proc shows nothing."""
    try:
        if not _ended(place):
            return place
        threads = [f"{place}/task/{name}" for name in os.listdir(f"{place}/task")]  # noqa: PTH208
        return next((thread for thread in threads if not _ended(thread)), place)
    except OSError:
        return place


def _ended(place: str) -> bool:
    with open(f"{place}/stat", "rb") as file:  # noqa: PTH123 - often
        return file.read().rpartition(b")")[2].split()[0] in {b"Z", b"X"}
