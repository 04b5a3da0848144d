"""What a turn may take, and the one event that ends it: the person's stop or the time that is up."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What one turn may take.

    Attributes:
        steps: the most generations; in the last one tools are no longer offered. Of AgentDojo's 97 tasks of people the
            longest takes 18 calls; what ends a turn that leads nowhere is above all tokens, time and repetition.
        tokens: the most that all generations together may write, thoughts and calls included.
        seconds: wall time of the turn, without the time in which it waited for the person.
        result_bytes: the most UTF-8 bytes of one tool result that the model and the history see.
        tool_seconds: wall time of one tool call.
    """

    steps: int = 32
    tokens: int = 6_000
    seconds: float = 300
    result_bytes: int = 20_000
    tool_seconds: float = 30


class Stop(threading.Event):
    """Set when the person stops the turn or when its time is up; what engines and tools are given as ``cancel``.

    An event of its own and not the person's: setting theirs at a time-out would say that they had stopped the turn.

    Args:
        person: the event that the front end sets.
        seconds: until the time is up.
    """

    def __init__(self, person: threading.Event, seconds: float) -> None:
        super().__init__()
        self._person = person
        self._deadline = time.monotonic() + seconds

    @property
    def cancelled(self) -> bool:
        """Whether the person stopped the turn."""
        return self._person.is_set()

    @property
    def timed_out(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() >= self._deadline

    def is_set(self) -> bool:
        """Whether the turn has to end."""
        return super().is_set() or self.cancelled or self.timed_out

    def wait(self, timeout: float | None = None) -> bool:
        """Block until set, at most ``timeout`` seconds; looks twenty times a second."""
        end = None if timeout is None else time.monotonic() + timeout
        while not self.is_set():
            left = 0.05 if end is None else min(0.05, end - time.monotonic())
            if left <= 0:
                return False
            self._person.wait(left)
        return True

    def extend(self, seconds: float) -> None:
        """Give back the ``seconds`` in which the person was thinking."""
        self._deadline += seconds
