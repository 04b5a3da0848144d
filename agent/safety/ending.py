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


class Inside:
    """The first process in each box below a process, held so that its number can't become another's.

    Args:
        process: id of the one that holds the box.
    """

    def __init__(self, process: int) -> None:
        self._process = process
        self._held: list[int] = []

    def look(self) -> None:
        """Hold what there is, if nothing is held yet; to be asked until the process ends, as nothing is below it then.

        ``task/PID/children`` is of Linux 3.5, a descriptor of a process of 5.3.
        """
        if self._held:
            return
        with contextlib.suppress(OSError):
            for child in Path(f"/proc/{self._process}/task/{self._process}/children").read_text().split():
                with contextlib.suppress(ProcessLookupError):
                    self._held.append(os.pidfd_open(int(child)))

    def kill(self) -> None:
        """Kill what is held; its box dies with it."""
        for each in self._held:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                signal.pidfd_send_signal(each, signal.SIGKILL)

    def end(self) -> bool:
        """Kill what is held and wait until it has ended; says whether it has. It is held no longer."""
        self.kill()
        deadline = time.monotonic() + ENDING
        waiting = select.poll()
        left = set(self._held)
        for each in left:
            waiting.register(each, select.POLLIN)
        while left and (rest := deadline - time.monotonic()) > 0:
            for each, _ in waiting.poll(rest * 1000):
                waiting.unregister(each)
                left.discard(each)
        for each in self._held:
            os.close(each)
        self._held = []
        return not left
