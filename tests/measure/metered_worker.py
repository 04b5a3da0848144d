"""The engine's own worker, with a meter on `llama_decode` and the samplers, which `decoding.py` reads."""

from __future__ import annotations

import mmap
import os
import time
from typing import Any

import numpy as np

from deskhand.model.llama.context import Context
from deskhand.model.llama.native import C
from deskhand.model.process import worker

METER = "DESKHAND_BENCH_METER"
METERED = ((C, "llama_decode"), (C, "llama_sampler_sample"), (Context, "likeliest"))
"""What is not our own: llama.cpp, and the drafter's sampler, for which an argmax in numpy's C stands."""


def install(path: str) -> None:
    """Count the CPU time inside llama.cpp in the first of two doubles in a file, and calls in the second."""
    with open(path, "r+b") as file:  # noqa: PTH123 - a plain file for mmap
        shown = np.frombuffer(mmap.mmap(file.fileno(), 16), np.float64)

    def metered(inner: Any) -> Any:
        def call(*arguments: Any) -> Any:
            began = time.thread_time()
            result = inner(*arguments)
            shown[0] += time.thread_time() - began
            shown[1] += 1
            return result

        return call

    for place, name in METERED:
        setattr(place, name, metered(getattr(place, name)))


if __name__ == "__main__":
    install(os.environ[METER])
    worker.main()
