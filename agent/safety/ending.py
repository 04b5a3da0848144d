"""What is in a box ends a little after the process that holds the box; this waits for it.

Killing bubblewrap ends its box through ``--die-with-parent``, which the kernel sends once bubblewrap is gone: who waits
for bubblewrap alone may still find the box at work. The first process of a process namespace is gone only when all
others of it are (``pid_namespaces(7)``; Linux, ``kernel/pid_namespace.c``: ``zap_pid_ns_processes``).
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from pathlib import Path

ENDING = 2.0
"""Seconds that processes may take to end once they are killed: one that the disk holds can't be waited for."""


def first_processes(process: int) -> list[int]:
    """The first process of each box below a process, which may start its box through others.

    ``task/PID/children`` is of Linux 3.5, ``NSpid`` of 4.1.
    """
    return [number for number, first in _below(process) if first]


def _below(process: int) -> list[tuple[int, bool]]:
    """What a process has started, and that in turn, but nothing in a box beyond its first process; which these are."""
    found: list[tuple[int, bool]] = []
    waiting, here = [process], _levels("self")
    while waiting:
        above = waiting.pop()
        with contextlib.suppress(OSError):
            for child in Path(f"/proc/{above}/task/{above}/children").read_text().split():
                first = _levels(child) > here
                found.append((int(child), first))
                waiting += [] if first else [int(child)]
    return found


def _levels(process: str) -> int:
    """In how many process namespaces it is, of those that are seen from here."""
    lines = Path(f"/proc/{process}/status").read_text(errors="replace").splitlines()
    return next((len(line.split()) for line in lines if line.startswith("NSpid:")), 0)


class Inside:
    """The first process in each box below a process and what lies between, held: their numbers can't become others'.

    Args:
        process: id of the one that holds the box.
    """

    def __init__(self, process: int) -> None:
        self._process = process
        self._held: dict[int, int] = {}
        self._complete = False

    def look(self) -> None:
        """Hold what there is; to be asked until the process ends, as nothing is below it then.

        A descriptor of a process is of Linux 5.3.
        """
        if self._complete:
            return
        for number, first in _below(self._process):
            if number not in self._held:
                with contextlib.suppress(ProcessLookupError, OSError):
                    self._held[number] = os.pidfd_open(number)
            self._complete |= first

    def kill(self) -> None:
        """Kill what is held; its box dies with it."""
        for each in self._held.values():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                signal.pidfd_send_signal(each, signal.SIGKILL)

    def end(self) -> bool:
        """Kill what is held and wait until it has ended; says whether it has. It is held no longer."""
        self.kill()
        deadline = time.monotonic() + ENDING
        waiting = select.poll()
        left = set(self._held.values())
        for each in left:
            waiting.register(each, select.POLLIN)
        while left and (rest := deadline - time.monotonic()) > 0:
            for each, _ in waiting.poll(rest * 1000):
                waiting.unregister(each)
                left.discard(each)
        for each in self._held.values():
            os.close(each)
        self._held = {}
        return not left
