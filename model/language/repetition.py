"""Whether a completion has begun to say one passage over and over, as the 12B is known to do up to the last token."""

from __future__ import annotations

TIMES = 5
"""So often a passage is said before it counts, and"""
LEAST = 1000
"""so many characters all that together has at least: a table's ruled line or a list of zeros is shorter."""
LONGEST = 2000
"""Characters of the longest passage that is looked for."""
_EVERY = 64
_NEEDLE = 48


class Repetition:
    """Watches the text of one completion."""

    def __init__(self) -> None:
        self._tail = ""
        self._new = 0

    def feed(self, text: str) -> bool:
        """Take what was written; True once its end is one passage, said over and over."""
        self._tail = (self._tail + text)[-TIMES * LONGEST :]
        self._new += len(text)
        if self._new < _EVERY:
            return False
        self._new = 0
        before = self._tail.rfind(self._tail[-_NEEDLE:], 0, len(self._tail) - 1)
        if before < 0:
            return False
        period = len(self._tail) - _NEEDLE - before
        end = self._tail[-max(TIMES * period, LEAST) :]
        return len(end) >= max(TIMES * period, LEAST) and end[period:] == end[:-period]
