"""Train the target: the language model with its patches and frames, with a look at held-out turns now and then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from deskhand.model.pocket import curriculum
from deskhand.model.pocket.encoding import Encoded, Encoder
from deskhand.model.pocket.shapes import Array, File
from deskhand.model.pocket.spec import PocketSpec
from deskhand.model.pocket.training import hints
from deskhand.model.pocket.training.learning import learn, right
from deskhand.model.pocket.training.network import Target, Weights, fresh
from deskhand.model.pocket.training.plots import read
from deskhand.model.pocket.training.run import Run, append, forget
from deskhand.model.pocket.training.schedule import learning_rate


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does; a checkpoint belongs to one plan.

    Attributes:
        spec: sizes.
        seed: of weights and turns.
        turns: of a step.
        rate: the highest learning rate.
        half: whether matrices are bfloat16.
        checkpoint_seconds: between checkpoints.
        looks: per cent between looks at held-out turns.
        looked_at: turns of each suite that are looked at.
    """

    spec: PocketSpec
    seed: int = 1
    turns: int = 32
    rate: float = 2.5e-3
    half: bool = True
    checkpoint_seconds: float = 180.0
    looks: float = 5.0
    looked_at: int = 32


class TargetRun(Run):
    """A run of the target; its folder has ``looks.jsonl`` too.

    Args:
        plan: what to do.
        folder: made if missing; a run in it is continued.
        minutes: how long; 0 counts steps.
        steps: how many, if it is not limited by time.
    """

    def __init__(self, plan: Plan, folder: Path, minutes: float = 0, steps: int = 0) -> None:
        self._looking = plan
        self.weights: dict[File, Weights] = {
            "main": fresh(plan.spec, "main", plan.seed),
            "mmproj": fresh(plan.spec, "mmproj", plan.seed),
        }
        self._hinted = hints.heads(plan.spec, plan.seed)
        self._media = Encoder().media
        dtype = torch.bfloat16 if plan.half else torch.float32
        self.target = Target(plan.spec, self.weights["main"], self.weights["mmproj"], dtype)
        super().__init__(
            folder,
            {**self.weights, "hints": self._hinted},
            rate=plan.rate,
            turns=plan.turns,
            seed=plan.seed,
            plan=asdict(plan),
            minutes=minutes,
            steps=steps,
            checkpoint_seconds=plan.checkpoint_seconds,
        )
        self._looked = max((look["percent"] for look in read(folder / "looks.jsonl")), default=0.0)

    def arrays(self) -> dict[File, dict[str, Array]]:
        """The weights, for the files."""
        return {
            file: {name: value.detach().numpy() for name, value in weights.items()}
            for file, weights in self.weights.items()
        }

    def learn(self, turns: Sequence[Encoded]) -> dict[str, float]:
        """Of the answers and of the hints."""
        loss, hint = learn(self.target, turns, self._media, self._hinted)
        return {"loss": loss, "hint": hint}

    def rate(self, percent: float) -> float:
        """By the schedule."""
        return learning_rate(self.step, percent, self.highest)

    def after(self, percent: float) -> None:
        """Say now and then how much of the held-out suites is right."""
        if percent < min(100.0, self._looked + self._looking.looks) or self._looked >= 100:
            return
        found: dict[str, float] = {}
        for suite in curriculum.HELD_OUT:
            turns = curriculum.held_out_turns(suite, self._looking.looked_at)
            found[suite], found[f"{suite}: tokens"] = right(self.target, turns, self._media)
        append(self.folder / "looks.jsonl", step=self.step, percent=percent, **found)
        self._looked = percent

    def forget_from(self, step: int) -> None:
        """Its looks too."""
        super().forget_from(step)
        forget(self.folder / "looks.jsonl", step + bool(step))  # a look is after the steps that it counts
