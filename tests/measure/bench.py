"""`make bench`: our engine, llama-cpp-python's own handler and llama-server on the same tiny bundles, in the same run.

    python tests/measure/bench.py [--runs 5] [--only talking decoding …] [--afresh]

Writes docs/benchmarks.json, docs/benchmarks.md and the plots in docs/benchmarks/ after each group of figures. Every
group has a process of its own, so that one that fails, aborts or hangs costs no other's figures; what it said is in
build/bench/GROUP.log. A run that did not end goes on with the groups that are missing when the same command is given
again on the same commit; ``--afresh`` begins anew. With ``--only`` these are measured and the others' figures stay.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys

# Before llama.cpp is loaded, as the worker's environment does it: three engines share the machine's cores.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GGML_NO_BACKTRACE", "1")

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from course import Course, Outcome
from rows import Row

EXPECTED = {
    "talking": 130, "speaking": 200, "memory": 130, "decoding": 130, "drafting": 160, "grammar": 70, "pixels": 20,
    "cascade": 100,
}  # fmt: skip
"""Seconds of each group with five runs on two quiet cores, reckoned from the times in its figures."""


GROUPS: dict[str, tuple[str, Callable[[Any, int], list[Row]]]] = {
    "talking": ("talking", lambda talking, runs: talking.conversation_rows(runs)),
    "speaking": ("speaking", lambda speaking, runs: speaking.speech_rows(runs)),
    "memory": ("memory", lambda memory, _runs: [memory.warm_cold_delta(), *memory.kv_over_ideal()]),
    "decoding": ("decoding", lambda decoding, runs: [decoding.cpu_per_token(min(runs, 3)), decoding.tokens_per_step()]),
    "drafting": ("decoding", lambda decoding, runs: [decoding.adaptive(runs), decoding.learned(runs)]),
    "grammar": ("decoding", lambda decoding, runs: [decoding.constrained(2 * runs + 1)]),
    "pixels": ("pixels_row", lambda pixels_row, runs: [pixels_row.bitmap_over_png(4 * runs)]),
    # A run of it takes half a minute, and its ratios are far below 1.
    "cascade": ("cascade_rows", lambda cascade_rows, runs: cascade_rows.cascade(min(runs, 3))),
}
"""The file of each group, imported in its process alone, and what is asked of it."""


def keep(path: Path) -> None:
    """Put a group's rows, as its process has written them, into the documents."""
    import report

    rows = [Row(**row) for row in json.loads(path.read_text("utf-8"))]
    report.write(rows)
    for row in rows:
        print(f"    {row.name}: ours {row.ours}, stock {row.stock_handler}, server {row.llama_server}", flush=True)  # noqa: T201


def main() -> int:
    """Measure and write; 1 if a group failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", nargs="*", choices=GROUPS)
    parser.add_argument("--afresh", action="store_true", help="measure again what an unfinished run has measured")
    parser.add_argument("--into", type=Path, help="measure the one group here, for the processes that it starts")
    options = parser.parse_args()
    if options.into:
        (group,) = options.only
        file, rows = GROUPS[group]
        found = [asdict(row) for row in rows(importlib.import_module(file), options.runs)]
        options.into.write_text(json.dumps(found), "utf-8")
        return 0

    def command(group: str, into: Path) -> list[str]:
        return [sys.executable, __file__, "--runs", str(options.runs), "--only", group, "--into", str(into)]

    course = Course(Path("build/bench"), EXPECTED, command, keep)
    outcomes = course.run(options.only or list(GROUPS), options.runs, afresh=options.afresh, part=bool(options.only))
    return int(Outcome.FAILED in outcomes.values())


if __name__ == "__main__":
    sys.exit(main())
