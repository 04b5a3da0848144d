"""What the engine reads while a message is still being made: always the newest state of it, one reading at a time."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from deskhand.agent.percept import Percept, ScreenPercept, SoundPercept
from deskhand.model.types import Audio, Image

Percepts = tuple[Percept, ...]


class Ahead:
    """Passes the newest state of a message from the window's thread to the agent's.

    A reading that the next state goes on from is never given up: half a screenshot on a slow processor is a minute's
    work. The next state waits for it, and of several that come meanwhile only the last is read. Whatever goes on from
    something else ends it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: Percepts | None = None
        self._ticket = 0
        self._running: Percepts = ()
        self._cancel = threading.Event()

    def want(self, percepts: Sequence[Percept], *, behind: bool = False) -> int | None:
        """Let this state be read next.

        Args:
            percepts: the state.
            behind: another that waits already is not replaced by it.

        Returns:
            The ticket for a `take` that has to be asked for; None if one was, which then takes this state.
        """
        with self._lock:
            asked = self._waiting is not None
            if asked and behind:
                return None
            self._waiting = tuple(percepts)
            self._end_unless_continued(self._waiting)
            if asked:
                return None
            self._ticket += 1
            return self._ticket

    def submitted(self, percepts: Sequence[Percept]) -> None:
        """The message is finished and read by its turn; what goes on to it may still come to its end."""
        with self._lock:
            self._waiting = None
            self._end_unless_continued(tuple(percepts))

    def drop(self) -> None:
        """Read nothing any more."""
        with self._lock:
            self._waiting = None
            self._cancel.set()

    def take(self, ticket: int) -> tuple[Percepts, threading.Event] | None:
        """In the agent's thread: what to read now, and what ends it; None if what waited then was given up."""
        with self._lock:
            if self._waiting is None or ticket != self._ticket:
                return None
            self._running, self._waiting = self._waiting, None
            self._cancel = threading.Event()
            return self._running, self._cancel

    def _end_unless_continued(self, percepts: Percepts) -> None:
        if not continues(self._running, percepts):
            self._cancel.set()


def continues(earlier: Sequence[Percept], later: Sequence[Percept]) -> bool:
    """Whether a prompt with ``later`` begins with all of one with ``earlier``: pictures come first, then sound."""
    seen, sees = _images(earlier), _images(later)
    heard, hears = _sounds(earlier), _sounds(later)
    if not heard:
        return sees[: len(seen)] == seen
    *whole, last = heard
    if sees != seen or hears[: len(whole)] != whole or len(hears) < len(heard):
        return False
    goes_on = hears[len(whole)]
    return goes_on == last or (last.growing and goes_on.samples.startswith(last.samples))


def _images(percepts: Sequence[Percept]) -> list[Image]:
    return [percept.image for percept in percepts if isinstance(percept, ScreenPercept)]


def _sounds(percepts: Sequence[Percept]) -> list[Audio]:
    return [percept.audio for percept in percepts if isinstance(percept, SoundPercept)]
