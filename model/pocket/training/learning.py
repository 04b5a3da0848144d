"""One step of training, and how much of held-out turns is right: what the loop around it repeats."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it
from torch import Tensor

from deskhand.model.pocket.encoding import Encoded
from deskhand.model.pocket.training import hints
from deskhand.model.pocket.training.batches import Batch, batch, by_length
from deskhand.model.pocket.training.network import Target, Weights

SIDE_BY_SIDE = 8
"""Turns in one batch; a step adds up the gradients of several, each of turns of about one length."""


def parameters(*files: Weights) -> list[Tensor]:
    """Everything that is trained."""
    return [value for weights in files for value in weights.values() if value.requires_grad]


def optimizer(trained: Sequence[Tensor], rate: float) -> torch.optim.AdamW:
    """AdamW; matrices decay, vectors do not."""
    groups = [
        {"params": [value for value in trained if value.ndim > 1], "weight_decay": 0.05},
        {"params": [value for value in trained if value.ndim == 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), eps=1e-8, fused=True)


def turn_weights(made: Batch) -> Tensor:
    """Of each answer token's loss: turns count by the root of their answer's length, (answers,)."""
    lengths = torch.bincount(made.turn, minlength=made.ids.shape[0]).clamp(min=1)
    return lengths[made.turn].float().rsqrt()


def learn(
    target: Target, turns: Sequence[Encoded], media: tuple[int, int], hinted: Weights | None = None
) -> tuple[float, float]:
    """Add the gradients of some turns' mean loss, and of what hints add to it; nothing is updated.

    Args:
        target: the network.
        turns: of this step.
        media: ids that stand for a patch and a frame.
        hinted: `hints.heads`; None gives no hints.

    Returns:
        The weighted mean cross entropy of the answers' tokens, in nats, and the mean loss of the hints.
    """
    batches = [batch(group, *media) for group in by_length(turns, SIDE_BY_SIDE)]
    total = sum(float(turn_weights(made).sum()) for made in batches)
    loss = hint = 0.0
    for made in batches:
        states = target.states(made)
        logits = target.logits(states.final.flatten(0, 1)[made.asked])
        part = (F.cross_entropy(logits, made.labels, reduction="none") * turn_weights(made)).sum() / total
        loss += float(part.detach())
        if hinted:
            more = hints.loss(target, made, states, hinted) / len(turns)
            hint += float(more.detach())
            part = part + more
        part.backward()
    return loss, hint


@torch.inference_mode()
def right(target: Target, turns: Sequence[Encoded], media: tuple[int, int]) -> tuple[float, float]:
    """Shares of turns and of tokens that are right when every token is the likeliest after the right ones before it.

    A turn is right exactly if greedy decoding would write it.
    """
    turns_right = tokens_right = tokens = 0
    for group in by_length(turns, SIDE_BY_SIDE):
        made = batch(group, *media)
        hits = target.logits(target.states(made).final.flatten(0, 1)[made.asked]).argmax(-1) == made.labels
        missed = torch.bincount(made.turn, (~hits).double(), minlength=len(group))
        turns_right += int((missed == 0).sum())
        tokens_right += int(hits.sum())
        tokens += len(hits)
    return turns_right / len(turns), tokens_right / max(tokens, 1)
