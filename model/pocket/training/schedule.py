"""How far a run is: by the clock when it runs for the first time, by its journal when it is repeated.

The learning rate and the mixture of turns follow the percentage of a run's time that is over. A run that was killed
repeats the steps after its last checkpoint, and must see the percentages that it saw then: so each step's is written
down before the step is taken.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from deskhand.model.pocket.curriculum import ramp

WARM_UP = 100
"""Steps in which the learning rate rises."""

COOLING = 20
"""Per cent from which it falls, evenly, to a hundredth: at the highest rate the first full run learnt little."""


def learning_rate(step: int, percent: float, highest: float) -> float:
    """Of a step, from 0 on."""
    warm = min(1.0, (step + 1) / WARM_UP)
    return highest * warm * (1 - ramp(percent, COOLING, 100, 0.99))


class Journal:
    """The percentage of each step.

    Args:
        path: of the journal, JSON lines; an earlier run's is continued.
        minutes: of the run; 0 counts steps.
        steps: of the run, if it is not limited by time.
    """

    def __init__(self, path: Path, minutes: float, steps: int = 0) -> None:
        if not minutes and not steps:
            raise ValueError("a run needs a number of minutes or of steps")
        self._path, self._seconds, self._steps = path, minutes * 60, steps
        self._known: dict[int, float] = {}
        if path.exists():
            text = path.read_text(encoding="utf-8")
            whole = text[: text.rfind("\n") + 1]
            if whole != text:  # the last line of a killed run may be half written
                path.write_text(whole, encoding="utf-8")
            for entry in map(json.loads, whole.splitlines()):
                self._known[entry["step"]] = entry["percent"]
        self._spent = 0.0
        self._began = time.monotonic()

    def resume(self, seconds: float) -> None:
        """Begin to count, with what the run had taken at its checkpoint."""
        self._spent, self._began = seconds, time.monotonic()

    @property
    def seconds(self) -> float:
        """What the run has taken."""
        return self._spent + time.monotonic() - self._began

    def percent(self, step: int) -> float:
        """How far the run is at ``step``; 100 or more: it is over."""
        if step not in self._known:
            now = 100 * (step / self._steps if self._steps else self.seconds / self._seconds)
            self._known[step] = round(max(now, self._known.get(step - 1, 0.0)), 2)
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps({"step": step, "percent": self._known[step]}) + "\n")
        return self._known[step]
