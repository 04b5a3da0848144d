"""Train Pocket and its drafter and write their files: ``python -m deskhand.model.pocket.training --minutes 114``.

A run that was stopped goes on where its last checkpoint was when the same command is given again, in the drafter's
minutes too, which come last.
"""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path

import torch

from deskhand.model.pocket.shapes import Array, File
from deskhand.model.pocket.spec import PocketSpec
from deskhand.model.pocket.training import drafting
from deskhand.model.pocket.training.network import fresh
from deskhand.model.pocket.training.plots import draw_run
from deskhand.model.pocket.training.selfcheck import check
from deskhand.model.pocket.training.trainer import Plan, TargetRun
from deskhand.model.pocket.writing import write

DRAFTER_SHARE = 0.12
"""Of the minutes that the drafter gets."""

_say = logging.getLogger("pocket").info


def main() -> None:
    """Train, then write ``main.gguf``, ``mmproj.gguf`` and ``drafter.gguf``."""
    usual = Plan(PocketSpec())
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=114.0, help="of training; what comes after takes a few more")
    parser.add_argument("--steps", type=int, default=0, help="of the target, instead of its share of the minutes")
    parser.add_argument("--folder", type=Path, default=Path("build/pocket"), help="of the run and its files")
    threads = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
    parser.add_argument("--threads", type=int, default=threads)
    parser.add_argument("--rate", type=float, default=usual.rate, help="the highest learning rate")
    parser.add_argument("--turns", type=int, default=usual.turns, help="of a step")
    parser.add_argument(
        "--no-check", action="store_true", help="do not try resuming and learning on a small scale first"
    )
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    torch.set_num_threads(options.threads)
    folder: Path = options.folder
    if not options.no_check and not (folder / "run" / "checkpoint.pt").exists():
        _say("trying on a small scale: a run that is stopped goes on as if it had not been")
        check(folder / "check")
    plan = Plan(PocketSpec(), rate=options.rate, turns=options.turns)
    run = TargetRun(plan, folder / "run", 0 if options.steps else options.minutes * (1 - DRAFTER_SHARE), options.steps)
    _say("training from step %d; the log is %s", run.step, folder / "run" / "log.jsonl")
    run.go()
    draw_run(folder / "run", folder)
    weights: dict[File, dict[str, Array]] = run.arrays()
    write(folder / "model", plan.spec, weights)
    _say("the target is in %s after %d steps; now the drafter", folder / "model", run.step)
    drafter = fresh(plan.spec, "drafter", plan.seed)
    drafting.DrafterRun(run.target, drafter, folder / "run" / "drafter", options.minutes * DRAFTER_SHARE).go()
    weights["drafter"] = {name: value.detach().numpy() for name, value in drafter.items()}
    bundle = write(folder / "model", plan.spec, weights)
    _say("three files of %.1f MB", sum(path.stat().st_size for path in bundle.files) / 1e6)


if __name__ == "__main__":
    main()
