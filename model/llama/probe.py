"""Threads and their waiting, measured on the model that is loaded: a guess from the number of cores is often wrong.

Decoding is bound by memory on most machines and gains nothing from a second thread on a core; a virtual machine's cores
may be half as many as it says; a busy machine has fewer. So a few steps are timed, once for each model and machine.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import psutil

from deskhand.model.files.tuning import ENVIRONMENTS, Tuning, TuningCache, Waiting, candidates, fastest, waiting
from deskhand.model.llama.context import CancelledError, Context
from deskhand.model.llama.native import Model

SECONDS = 1.5
"""After which no further round of steps is begun; a round is one step for each number of threads."""

PATIENCE = 4.0
"""Seconds that each of the two probes may take; a step that is still computed then is given up."""

ROUNDS = 5

WORTH_BYTES = 64 << 20
"""Weights below which nothing is measured: such a model answers at once whatever it is given."""

_STEPS = 60


def tune(
    context: Context, fingerprint: str, cache: TuningCache, clock: Callable[[], float] = time.perf_counter
) -> Tuning:
    """The number of threads for a context that is empty, remembered or measured; it is set.

    Prompts are computed with all physical cores: they are bound by computing. Where not every number was measured in
    time the fastest of those that were is taken, or all physical cores, and not remembered: the next start tries again.
    """
    known = cache.model(fingerprint)
    if known is None:
        tried = candidates()
        steps = _steps(context, tried, clock)
        threads = fastest(steps) if steps else psutil.cpu_count(logical=False) or 1
        known = Tuning(threads, {str(number): round(1000 * seconds, 3) for number, seconds in steps.items()})
        if len(steps) == len(tried):
            cache.keep(fingerprint, known)
    context.use_threads(known.threads)
    return known


def tune_waiting(threads: int, cache: TuningCache) -> Waiting:
    """How this machine's threads shall wait from the next start of a worker on, remembered or measured.

    OpenMP reads that from the environment when it is loaded, so it takes processes of their own. They run the tiny
    model, whose graph has operations as the large one has, and little else. Where they do not end in time
    threads sleep, and the next start tries again.
    """
    known = cache.waiting()
    if known is None:
        known = _waiting(threads) if threads > 1 and sys.platform == "linux" else "passive"
        if known:
            cache.keep_waiting(known)
    return known or "passive"


def _waiting(threads: int) -> Waiting | None:
    """What won; None where a process failed or the time was up."""
    times: dict[Waiting, list[float]] = {"passive": [], "brief": []}
    order: tuple[Waiting, ...] = ("passive", "brief", "brief", "passive")
    ends = time.monotonic() + PATIENCE
    for way in order:
        taken = _in_a_process(threads, way, ends - time.monotonic())
        if not taken:
            return None
        times[way] += taken
    return waiting(times["passive"], times["brief"])


class _Late:
    """Set once the time is up."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._ends = clock, clock() + PATIENCE

    def is_set(self) -> bool:
        return self._clock() >= self._ends


def _steps(context: Context, numbers: Sequence[int], clock: Callable[[], float]) -> dict[int, float]:
    """Seconds of a decode step by number of threads, the least of some interleaved rounds.

    The most threads come first: with them a step is over soonest on most machines, so what does not end in time is
    what would not have been chosen.
    """
    found: dict[int, float] = {}
    late, began = _Late(clock), clock()
    with suppress(CancelledError), context.cancellable(late):
        _step(context, numbers[-1], clock)  # reads the weights from where they lie
        for _ in range(ROUNDS):
            for threads in reversed(numbers):
                taken = _step(context, threads, clock)
                found[threads] = min(taken, found.get(threads, taken))
            if clock() - began > SECONDS:
                break
    context.clear()
    return found


def _step(context: Context, threads: int, clock: Callable[[], float]) -> float:
    """Seconds of one step of an empty context, which is empty afterwards."""
    context.use_threads(threads)
    before = clock()
    context.decode([1], 0, outputs=1)
    taken = clock() - before
    context.clear()
    return taken


def _in_a_process(threads: int, way: Waiting, seconds: float) -> list[float]:
    """Seconds of a step of the tiny model whose threads wait so, twice; nothing where that can't be told in time."""
    clean = {key: value for key, value in os.environ.items() if key not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "deskhand.model.llama.probe", str(threads)],
            env={**clean, **ENVIRONMENTS[way]},
            capture_output=True,
            text=True,
            timeout=max(0.0, seconds),
            check=True,
        )
        return [float(line) for line in done.stdout.splitlines()]
    except (OSError, ValueError, subprocess.SubprocessError):
        return []


def main() -> None:
    """Print the middle one of the tiny model's step times, twice, with as many threads as the first argument says."""
    from deskhand.model.tiny.bundle import cached_bundle  # noqa: PLC0415 - for this process alone

    threads = int(sys.argv[1])
    model = Model(cached_bundle().main)
    context = Context(model, length=256, batch=8, outputs=1, kv_type="f16", flash_attention=None, threads=threads)
    times: list[float] = []
    for _ in range(_STEPS):
        began = time.perf_counter()
        context.decode([1], 0, outputs=1)
        times.append(time.perf_counter() - began)
        context.clear()
    for half in (times[::2], times[1::2]):
        sys.stdout.write(f"{statistics.median(half)}\n")
    context.close()
    model.close()


if __name__ == "__main__":
    main()
