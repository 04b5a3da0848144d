"""How much of a model fits graphics cards: arithmetic on sizes alone, before llama.cpp asks a card for anything.

The order is llama.cpp's (`llama-model.cpp`, load_tensors): the output goes to a card first, then blocks from the last
one down, each with its keys and values; the input stays with the processor.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

MARGIN = 768 << 20
"""Bytes of a card left alone: the desktop draws with it, and the driver keeps tables of its own."""

_GIB = 1 << 30
_PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class Card:
    """A graphics card with memory of its own.

    Attributes:
        name: for the person.
        free: bytes that llama.cpp says are free.
    """

    name: str
    free: int


@dataclass(frozen=True, slots=True)
class Sizes:
    """What the parts of a bundle take on a card, in bytes.

    Attributes:
        blocks: each block's weights, keys and values, first block first.
        output: the output layer; a tied embedding is there a second time.
        compute: buffers of the graph, on each card that is used.
        drafter: weights and graph; 0 if there is none.
        projector: the mmproj file and its graph; 0 if there is none.
    """

    blocks: tuple[int, ...]
    output: int
    compute: int
    drafter: int = 0
    projector: int = 0


@dataclass(frozen=True, slots=True)
class Offload:
    """What goes to the cards.

    Attributes:
        layers: llama.cpp's n_gpu_layers: blocks and one for the output; 0 leaves the cards alone.
        split: layers by card, in the order of the cards.
        taken: bytes by card.
        drafter: whether the drafter lies on the last card that is used, beside the layers whose keys it reads.
        projector: whether the mmproj lies on the first card.
    """

    layers: int = 0
    split: tuple[int, ...] = ()
    taken: tuple[int, ...] = ()
    drafter: bool = False
    projector: bool = False

    @property
    def blocks(self) -> int:
        """Blocks among the layers."""
        return max(0, self.layers - 1)

    @property
    def last(self) -> int:
        """Index of the card that holds the output, and the drafter."""
        return max((index for index, layers in enumerate(self.split) if layers), default=0)


NOTHING = Offload()
"""All with the processor."""


def offload(sizes: Sizes, cards: Sequence[Card], most: int | None = None, margin: int = MARGIN) -> Offload:
    """The most layers that fit.

    Layers fill the last card first, so that more room on any card never means fewer of them. The drafter is read at
    each token and goes wherever layers go. A projector is one matrix product a picture: it takes what is left after the
    last layer and no layer makes way for it.

    Args:
        sizes: of the bundle at the context length and the type of keys and values that are wanted.
        cards: those that may be used; none, or too small ones, mean `NOTHING`.
        most: layers that are wanted at the most; None for all.
        margin: bytes of each card to leave alone.
    """
    wanted = len(sizes.blocks) + 1 if most is None else min(most, len(sizes.blocks) + 1)
    waiting = [sizes.output, *reversed(sizes.blocks)][:wanted]
    split, taken = [0] * len(cards), [0] * len(cards)
    for index in reversed(range(len(cards))):
        room, used = cards[index].free - margin, sizes.compute
        if not any(split):
            used += sizes.drafter
        while waiting and used + waiting[0] <= room:
            used += waiting.pop(0)
            split[index] += 1
        taken[index] = used if split[index] else 0
    layers = sum(split)
    if layers < 2:  # without a block the output alone is not worth what crosses to it
        return NOTHING
    projector = False
    if sizes.projector and layers == len(sizes.blocks) + 1:
        projector = taken[0] + sizes.projector <= cards[0].free - margin
        taken[0] += sizes.projector * projector
    return Offload(layers, tuple(split), tuple(taken), drafter=sizes.drafter > 0, projector=projector)


def told(plan: Offload, sizes: Sizes, cards: Sequence[Card]) -> str:
    """What goes to the cards, for the person; empty where there is none."""
    if not cards:
        return ""
    if not plan.layers:
        free = ", ".join(f"{card.free / _GIB:.1f} GiB free on {card.name}" for card in cards)
        return f"card: not used; {free}"
    parts = [f"{plan.blocks} of {len(sizes.blocks)} layers"]
    if sizes.drafter:
        parts.append("the drafter" if plan.drafter else "no drafter")
    if sizes.projector:
        parts.append("pictures and sound" if plan.projector else "pictures and sound stay with the processor")
    used = ", ".join(
        f"{taken / _GIB:.1f} of {card.free / _GIB:.1f} GiB on {card.name}"
        for card, taken in zip(cards, plan.taken, strict=True)
        if taken
    )
    return f"card: {', '.join(parts)}; {used}"


def cards_apart() -> tuple[Card, ...]:
    """The cards of this machine, asked in a process of its own: a driver that fails takes nothing else along."""
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "deskhand.model.llama.cards"],
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=True,
        )
        return tuple(Card(str(name), int(free)) for name, free in json.loads(done.stdout))
    except (OSError, ValueError, TypeError, subprocess.SubprocessError):
        return ()
