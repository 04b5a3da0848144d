"""Whether the engine's thread moves on, as another thread of its process can see it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from deskhand.model.process import wire

try:
    import resource
except ImportError:  # Windows has none
    resource = None

BEAT_SECONDS = 1.0
"""Between two beats of a worker that has nothing else to say."""

DISK = 16
"""Pages and blocks that a process has fetched from the disk between two beats if it is the disk that it waits for."""


def from_disk() -> int:
    """Pages and blocks that this process has had to wait for so far: of model files, and of memory swapped out."""
    if resource is None:
        return 0
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_majflt + used.ru_inblock


class Pulse(threading.Event):
    """The event that cancels a generation; that an engine looks at it shows that the engine moves on.

    Engines look between any two steps, and llama.cpp inside the step of a prompt (its abort callback, on a processor).
    A process that waits for the disk moves on as well: it loads or swaps, which may take minutes and is no fault.

    Args:
        clock: seconds that only grow.
        disk: what `from_disk` counts.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, disk: Callable[[], int] = from_disk) -> None:
        super().__init__()
        self._clock = clock
        self._disk = disk
        self._activity = ""
        self._moved = clock()
        self._fetched = disk()
        self._slowest: dict[str, float] = {}

    def is_set(self) -> bool:
        """Whether the generation is to end."""
        self.moved()
        return super().is_set()

    def begin(self, activity: str) -> None:
        """Say what is done from now on."""
        self.moved()
        self._activity = activity

    def rest(self) -> None:
        """Nothing is done from now on."""
        self.begin("")

    def moved(self) -> None:
        """Say that it moves on."""
        now = self._clock()
        pause, self._moved = now - self._moved, now
        if pause > self._slowest.get(self._activity, 0.0):
            self._slowest[self._activity] = pause

    def beats(self) -> Iterator[wire.Beat]:
        """What to tell the client at this moment: nothing while there is nothing to do."""
        activity, fetched = self._activity, self._disk()
        if fetched - self._fetched >= DISK:
            self._moved = self._clock()
        self._fetched = fetched
        if activity:
            yield wire.Beat(activity, self._clock() - self._moved, self._slowest.get(activity, 0.0))
