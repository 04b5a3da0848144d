"""What was measured of this machine once: how many threads a model runs best with, and how they wait for each other.

Both are measured (`llama/probe.py`) at a model's first load and kept in the person's cache; here they are chosen.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import platformdirs
import psutil

TIE = 0.05
"""Share of a step by which more threads, or spinning ones, must be faster to be taken: less is noise."""

Waiting = Literal["passive", "brief"]

ENVIRONMENTS: Mapping[Waiting, Mapping[str, str]] = {
    "passive": {"OMP_WAIT_POLICY": "passive"},
    "brief": {"GOMP_SPINCOUNT": "20000"},
}
"""What tells OpenMP how a thread waits at the end of each operation of a graph: asleep, or some ten microseconds awake
before. Never awake for good: on a busy machine that costs up to a hundred times (ENGINE.md §8)."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """What is known of one model on one machine.

    Attributes:
        threads: that decode fastest.
        steps: milliseconds of one decode step by number of threads.
    """

    threads: int
    steps: dict[str, float]

    def __str__(self) -> str:
        """For the person."""
        if not self.steps:
            return f"threads: {self.threads} (not measured: the machine was too busy)"
        measured = ", ".join(f"{self.steps[key]:.1f} ms with {key}" for key in sorted(self.steps, key=int))
        return f"threads: {self.threads} (a token took {measured})"


def candidates() -> tuple[int, ...]:
    """Numbers of threads that are worth a try: one, the physical cores, the logical ones."""
    physical, logical = psutil.cpu_count(logical=False) or 1, psutil.cpu_count() or 1
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else logical
    return tuple(sorted({1, min(physical, usable), min(logical, usable)}))


def fastest(steps: Mapping[int, float]) -> int:
    """The number of threads with the shortest step; of several that tie the fewest, which leave the most to others."""
    least = min(steps.values())
    return min(threads for threads, seconds in steps.items() if seconds <= least * (1 + TIE))


def waiting(passive: Sequence[float], brief: Sequence[float]) -> Waiting:
    """How threads shall wait, from interleaved pairs of step times.

    ``brief`` only if it is faster in three pairs of four and in the middle by more than a tie: where the machine is
    busy the pairs scatter, and sleeping is right.
    """
    wins = sum(one > other * (1 + TIE) for one, other in zip(passive, brief, strict=True))
    better = statistics.median(passive) > statistics.median(brief) * (1 + TIE)
    return "brief" if better and wins * 4 >= len(passive) * 3 else "passive"


class TuningCache:
    """A JSON file in the person's cache; what can't be read or written is measured again.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or Path(platformdirs.user_cache_dir("deskhand"), "tuning.json")

    def model(self, fingerprint: str) -> Tuning | None:
        """What is known of a model on this machine."""
        match self._read().get(f"{machine()} {fingerprint}"):
            case {"threads": int(threads), "steps": dict(steps)} if threads > 0:
                return Tuning(threads, {str(key): float(value) for key, value in steps.items()})
            case _:
                return None

    def waiting(self) -> Waiting | None:
        """How threads shall wait on this machine; None if that has not been measured."""
        found = self._read().get(machine())
        return found if found in ("passive", "brief") else None

    def keep(self, fingerprint: str, tuning: Tuning) -> None:
        """Remember a model's."""
        self._write(f"{machine()} {fingerprint}", asdict(tuning))

    def keep_waiting(self, chosen: Waiting) -> None:
        """Remember the machine's."""
        self._write(machine(), chosen)

    def environment(self) -> Mapping[str, str]:
        """What a worker's environment has to say for its threads to wait as chosen; asleep until it is known."""
        return ENVIRONMENTS[self.waiting() or "passive"]

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _write(self, key: str, value: object) -> None:
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self._path.parent, delete=False, encoding="utf-8") as file:
                json.dump({**self._read(), key: value}, file)
            Path(file.name).replace(self._path)


def machine() -> str:
    """Names what the measurements depend on: processor, cores that may be used, llama.cpp's build."""
    cores = "/".join(map(str, candidates()))
    return f"{platform.machine()} {_processor()} {cores} {version('llama-cpp-python')}"


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
