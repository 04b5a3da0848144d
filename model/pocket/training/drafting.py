"""Train the drafter on the trained target's own states and memory, for the tokens that the target would write."""

from __future__ import annotations

import json
import time
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it
from torch import Tensor

from deskhand.model.pocket import curriculum
from deskhand.model.pocket.encoding import Encoder
from deskhand.model.pocket.training.batches import Batch, batch, by_length
from deskhand.model.pocket.training.learning import SIDE_BY_SIDE, optimizer, parameters
from deskhand.model.pocket.training.network import Drafter, Target, Weights, drafter_masks

STEPS_WEIGHTS = (1.0, 0.7, 0.5)
"""Of the losses of the first, second and third drafted token: a later one is only used if those before it are right."""

_RATE = 3e-3
_WARM_UP = 50
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


def train(target: Target, weights: Weights, minutes: float, log: Path, *, steps: int = 0, turns: int = 32) -> Drafter:
    """Train for a time or a number of steps.

    Args:
        target: trained; it is not changed.
        weights: of the drafter, changed in place.
        minutes: how long; 0 counts steps.
        log: JSON lines, written anew.
        steps: how many, if the time does not limit it.
        turns: of a step.
    """
    drafter = Drafter(target.spec, weights, target, target.dtype)
    trained = parameters(weights)
    updating = optimizer(trained, _RATE)
    vocab = Encoder().tokenizer.vocabulary
    image, audio = vocab.ids("<|image|>", "<|audio|>")
    began, step = time.monotonic(), 0
    log.unlink(missing_ok=True)
    while (part := step / steps if steps else (time.monotonic() - began) / (minutes * 60)) < 1:
        rate = _RATE * min(1, (step + 1) / _WARM_UP) * (1 - curriculum.ramp(100 * part, 50, 100, 0.98))
        for group in updating.param_groups:
            group["lr"] = rate
        groups = by_length(curriculum.turns(_FIRST_SEED, step, 75.0, turns), SIDE_BY_SIDE)
        losses, rights = [], []
        for group in groups:
            loss, right = learn(drafter, target, batch(group, image, audio))
            (loss / len(groups)).backward()
            losses.append(float(loss.detach()))
            rights.append(right)
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        updating.step()
        updating.zero_grad()
        entry = {"step": step, "loss": sum(losses) / len(losses), "right": torch.stack(rights).mean(0).tolist()}
        with log.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry) + "\n")
        step += 1
    return drafter
