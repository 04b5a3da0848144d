"""`make bench`: our engine, llama-cpp-python's own handler and llama-server on the same tiny bundles, in the same run.

    python tests/measure/bench.py [--runs 5] [--only talking decoding …]

Writes docs/benchmarks.json, docs/benchmarks.md and the plots in docs/benchmarks/. With ``--only`` the others stay.
"""

from __future__ import annotations

import argparse
import os

# Before llama.cpp is loaded, as the worker's environment does it: three engines share the machine's cores.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GGML_NO_BACKTRACE", "1")

from collections.abc import Callable, Iterable

import cascade_rows
import decoding
import memory
import pixels_row
import report
import speaking
import talking
from rows import Row

GROUPS: dict[str, Callable[[int], Iterable[Row]]] = {
    "talking": talking.conversation_rows,
    "speaking": speaking.speech_rows,
    "memory": lambda _runs: [memory.warm_cold_delta(), *memory.kv_over_ideal()],
    "decoding": lambda runs: [decoding.cpu_per_token(min(runs, 3)), decoding.tokens_per_step()],
    "drafting": lambda runs: [decoding.adaptive(runs)],
    "grammar": lambda runs: [decoding.constrained(2 * runs + 1)],
    "pixels": lambda runs: [pixels_row.bitmap_over_png(4 * runs)],
    "cascade": cascade_rows.cascade,
}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", nargs="*", choices=GROUPS, default=list(GROUPS))
    options = parser.parse_args()
    for name in options.only:
        rows = list(GROUPS[name](options.runs))
        report.write(rows)
        for row in rows:
            print(row.name, row.ours, row.stock_handler, row.llama_server, row.detail, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
