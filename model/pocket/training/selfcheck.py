"""What has to hold before hours are spent: resuming, learning, and the drafter's learning, on a small scale."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import torch

from deskhand.model.pocket import curriculum
from deskhand.model.pocket.encoding import Encoder
from deskhand.model.pocket.spec import SMALLEST
from deskhand.model.pocket.training import drafting
from deskhand.model.pocket.training.batches import batch
from deskhand.model.pocket.training.drafting import DrafterRun
from deskhand.model.pocket.training.learning import learn, optimizer, parameters, right
from deskhand.model.pocket.training.network import Drafter, Target, Weights, fresh
from deskhand.model.pocket.training.run import Run
from deskhand.model.pocket.training.trainer import Plan, TargetRun

_SPEC = replace(SMALLEST, layers=8, pattern=4)
"""As deep as Pocket, which the hints need."""

_PLAN = Plan(_SPEC, turns=8, looks=50.0, looked_at=2, checkpoint_seconds=1e9)
_STEPS, _STOP = 14, 9


class CheckError(RuntimeError):
    """Something that has to hold does not."""


def _losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def _same(whole: Path, stopped: Path, weights: Weights, others: Weights) -> None:
    if _losses(whole) != _losses(stopped):
        raise CheckError(f"a run that was stopped has other losses than one that was not: {stopped}")
    for name, value in weights.items():
        if not torch.equal(value, others[name]):
            raise CheckError(f"a run that was stopped has other weights than one that was not: {name}")


def check_resuming(folder: Path) -> None:
    """A run that is stopped, even between two checkpoints, has the losses and weights of one that is not.

    So for the target, then for the drafter on it.

    Raises:
        CheckError: it has not.
    """
    whole = TargetRun(_PLAN, folder / "whole", steps=_STEPS)
    whole.go()
    _stop_between(TargetRun(_PLAN, folder / "stopped", steps=_STEPS))
    second = TargetRun(_PLAN, folder / "stopped", steps=_STEPS)
    second.go()
    for file, weights in whole.weights.items():
        _same(folder / "whole", folder / "stopped", weights, second.weights[file])

    def drafter(name: str) -> tuple[DrafterRun, Weights]:
        made = fresh(_SPEC, "drafter", 0)
        return DrafterRun(whole.target, made, folder / name, steps=_STEPS, turns=8, checkpoint_seconds=1e9), made

    unbroken, foreseeing = drafter("drafter whole")
    unbroken.go()
    _stop_between(drafter("drafter stopped")[0])
    resumed, others = drafter("drafter stopped")
    resumed.go()
    _same(folder / "drafter whole", folder / "drafter stopped", foreseeing, others)


def _stop_between(run: Run) -> None:
    """Take steps, a checkpoint, and steps that are lost, as when a run is killed between two checkpoints."""
    run.go(stop_at=_STOP - 4)
    run.save()
    run.go(stop_at=_STOP)


def check_learning(steps: int = 150, drafter_steps: int = 60) -> None:
    """A handful of turns of every kind is learnt by heart, and then the drafter learns to foresee them.

    Raises:
        CheckError: they are not.
    """
    turns = [turn for suite in curriculum.HELD_OUT for turn in curriculum.held_out_turns(suite, 1)]
    media = Encoder().media
    main, mmproj = fresh(_SPEC, "main", 0), fresh(_SPEC, "mmproj", 0)
    target = Target(_SPEC, main, mmproj)
    trained = parameters(main, mmproj)
    updating = optimizer(trained, 5e-3)
    for _ in range(steps):
        learn(target, turns, media)
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        updating.step()
        updating.zero_grad()
    share, tokens = right(target, turns, media)
    if share < 0.95:
        raise CheckError(f"of {len(turns)} turns only {share:.0%} were learnt by heart ({tokens:.0%} of their tokens)")
    weights = fresh(_SPEC, "drafter", 0)
    drafter = Drafter(_SPEC, weights, target)
    trained = parameters(weights)
    updating = optimizer(trained, 1e-2)
    made = batch(turns, *media)
    foreseen = torch.zeros(())
    for _ in range(drafter_steps):
        loss, foreseen = drafting.learn(drafter, target, made)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        updating.step()
        updating.zero_grad()
    if float(foreseen.min()) < 0.7:
        raise CheckError(f"of the tokens of {len(turns)} turns the drafter foresees only {foreseen.tolist()}")


def check(folder: Path) -> None:
    """Do all of it in an empty folder.

    Raises:
        CheckError: something does not hold.
    """
    shutil.rmtree(folder, ignore_errors=True)
    check_resuming(folder)
    check_learning()
    shutil.rmtree(folder)
