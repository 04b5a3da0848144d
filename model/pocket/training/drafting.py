"""Train the drafter on the trained target's own states and memory, for the tokens that the target would write."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it
from torch import Tensor

from deskhand.model.pocket import curriculum
from deskhand.model.pocket.encoding import Encoded, Encoder
from deskhand.model.pocket.training.batches import Batch, batch, by_length
from deskhand.model.pocket.training.learning import SIDE_BY_SIDE
from deskhand.model.pocket.training.network import Drafter, Target, Weights, drafter_masks
from deskhand.model.pocket.training.run import Run

STEPS_WEIGHTS = (1.0, 0.7, 0.5)
"""Of the losses of the first, second and third drafted token: a later one is only used if those before it are right."""

_RATE = 3e-3
_WARM_UP = 50
_MIXED_AS_AT = 75.0
"""Per cent of the curriculum."""

_FIRST_SEED = 2_000_003
"""Turns of the drafter's training begin with another number than the target's."""


def learn(drafter: Drafter, target: Target, made: Batch) -> tuple[Tensor, Tensor]:
    """Loss of a batch, and the share of right tokens at each step of drafting, (3,).

    At a token of the answer the drafter is given that token and the target's state before it. At the second and third
    step it is given the answer's next tokens and its own state, at the same position and over the same memory, as the
    engine does it.
    """
    with torch.no_grad():
        states = target.states(made)
        hidden, memory = states.final, states.memory
        written = target.logits(hidden).argmax(-1)  # at each position: what comes next
    tokens = made.ids.shape[1]
    at = torch.arange(1, tokens)
    masks = drafter_masks(at, tokens, target.spec.window)
    answered = torch.zeros_like(made.ids, dtype=torch.bool)
    answered.view(-1)[made.asked + 1] = True
    ids, state, wanted, asked = made.ids[:, 1:], hidden[:, :-1], written[:, 1:], answered[:, 1:]
    loss, right = torch.zeros(()), []
    for weight in STEPS_WEIGHTS:
        logits, state = drafter.step(ids, state, memory, masks, at)
        rows = asked.nonzero(as_tuple=True)
        chosen = logits[rows]
        loss = loss + weight * F.cross_entropy(chosen, wanted[rows])
        right.append((chosen.detach().argmax(-1) == wanted[rows]).float().mean())
        # On to the next token; what has none any more drops out at the end of the row.
        ids, wanted, asked = (_shifted(each) for each in (ids, wanted, asked))
    return loss / sum(STEPS_WEIGHTS), torch.stack(right)


def _shifted(x: Tensor) -> Tensor:
    return F.pad(x[:, 1:], (0, 1))


class DrafterRun(Run):
    """A run of the drafter, continued as a target's is.

    Args:
        target: trained; it is not changed. A checkpoint belongs to its weights.
        weights: of the drafter, changed in place.
        folder: made if missing; a run in it is continued.
        minutes: how long; 0 counts steps.
        steps: how many, if the time does not limit it.
        turns: of a step.
        checkpoint_seconds: between checkpoints.
    """

    def __init__(
        self,
        target: Target,
        weights: Weights,
        folder: Path,
        minutes: float = 0,
        steps: int = 0,
        *,
        turns: int = 32,
        checkpoint_seconds: float = 180.0,
    ) -> None:
        self._target = target
        self._drafter = Drafter(target.spec, weights, target, target.dtype)
        self._media = Encoder().media
        super().__init__(
            folder,
            {"drafter": weights},
            rate=_RATE,
            turns=turns,
            seed=_FIRST_SEED,
            plan={"target": _fingerprint(target), "turns": turns},
            minutes=minutes,
            steps=steps,
            checkpoint_seconds=checkpoint_seconds,
        )

    def learn(self, turns: Sequence[Encoded]) -> dict[str, Any]:
        """Of the drafted tokens, and how many of the first, second and third are right."""
        losses, rights = [], []
        groups = by_length(turns, SIDE_BY_SIDE)
        for group in groups:
            loss, right = learn(self._drafter, self._target, batch(group, *self._media))
            (loss / len(groups)).backward()
            losses.append(float(loss.detach()))
            rights.append(right)
        return {"loss": sum(losses) / len(losses), "right": torch.stack(rights).mean(0).tolist()}

    def rate(self, percent: float) -> float:
        """Rising at first, then falling evenly over the second half."""
        return self.highest * min(1, (self.step + 1) / _WARM_UP) * (1 - curriculum.ramp(percent, 50, 100, 0.98))

    def mixed_as_at(self, percent: float) -> float:
        """Turns as the target saw them late, all the time."""
        del percent
        return _MIXED_AS_AT


def _fingerprint(target: Target) -> str:
    found = hashlib.sha256()
    for name in sorted(target.main):
        found.update(target.main[name].detach().numpy().tobytes())
    return found.hexdigest()
