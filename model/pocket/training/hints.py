"""What the middle layers are told besides the answers: what is where on a picture, what was said and meant.

An answer says little about the hundred embeddings that it was read from. So matrices that are thrown away after
training read each patch's six letters from its state after two layers, the letters of what is spoken from the frames'
states after five (connectionist temporal classification: Graves et al. 2006), and the place of the letter that is to be
written next from the state of the token before it after three. The layer behind that is told to look there: its first
head, at the patch that holds the letter. So is the layer behind the fifth, at the letter of the person's words that an
answer repeats; of spoken ones, at the frame in which the letter is most likely spoken. Of buttons, one matrix reads
which label begins on a patch and, where an answer begins or a number of it is to be written, which label is meant; the
layer behind looks at the patch where it begins, or at itself if that is nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it
from numpy.typing import NDArray
from torch import Tensor

from deskhand.model.pocket.encoding import ACROSS, CELLS, CLASSES, DOWN, LABELS, NOWHERE
from deskhand.model.pocket.spec import COLUMNS, ROWS, PocketSpec
from deskhand.model.pocket.training.aligning import align
from deskhand.model.pocket.training.batches import Batch
from deskhand.model.pocket.training.elementwise import norm
from deskhand.model.pocket.training.network import States, Target, Weights

SEEN_AFTER, FOUND_AFTER, HEARD_AFTER, MEANT_AFTER = 2, 3, 5, 6
"""Layers after which patches, places of letters, frames and the button that is meant are read.

The layer behind each of the last three looks where it is told; on patches, a label's beginning is read a layer after
its letters, and the place of the button that is meant a layer after that is known.
"""

_SEEN, _FOUND, _LOOKED, _HEARD, _COPIED, _MEANT = 1.0, 0.5, 0.5, 0.5, 0.5, 0.5
_EMPTY = 0.05
"""Of a cell without a letter, and of a patch without a label; most have none."""


def heads(spec: PocketSpec, seed: int) -> Weights:
    """The matrices, and the weights of the norms before them."""
    random = torch.Generator().manual_seed(seed)
    found: Weights = {}
    sizes = {"letters": CELLS * CLASSES, "words": CLASSES, "place": ROWS + COLUMNS, "labels": len(LABELS)}
    for name, rows in sizes.items():
        matrix = torch.randn(rows, spec.hidden, generator=random) * 0.5 * spec.hidden**-0.5
        found[f"{name}.weight"] = matrix.requires_grad_()
        found[f"{name}.norm"] = torch.ones(spec.hidden, requires_grad=True)
    return found


def loss(target: Target, made: Batch, states: States, weights: Weights) -> Tensor:
    """Of all hints, summed over the turns.

    Args:
        target: the network.
        made: the turns.
        states: what it computes for them.
        weights: `heads`.
    """
    reading = _Reading(target, made, states, weights)
    speech, copied = reading.speech()
    return reading.letters() + reading.places() + speech + reading.copies(copied) + reading.buttons()


class _Reading:
    """What the hints are told, each summed over the turns that it is for."""

    def __init__(self, target: Target, made: Batch, states: States, weights: Weights) -> None:
        self._target, self._made, self._states, self._weights = target, made, states, weights

    def letters(self) -> Tensor:
        """The letters of each patch."""
        made = self._made
        known = made.letters[:, 0] >= 0
        if not bool(known.any()):
            return torch.zeros(())
        scores = self._read("letters", self._after(SEEN_AFTER)[made.patch_at[known]]).view(-1, CELLS, CLASSES)
        missed = F.cross_entropy(scores.flatten(0, 1), made.letters[known].flatten(), _scarce(CLASSES))
        return _SEEN * len(torch.unique(made.patch_row[known])) * missed

    def places(self) -> Tensor:
        """Where each letter of an answer is read off."""
        made = self._made
        reads = (made.found[:, 0] >= 0) & (made.meant == 0)
        if not bool(reads.any()):
            return torch.zeros(())
        looked = F.cross_entropy(self._looks(FOUND_AFTER, reads), _patch(made, reads))
        return self._turns(reads) * (_FOUND * self._place(FOUND_AFTER, reads) + _LOOKED * looked)

    def speech(self) -> tuple[Tensor, Tensor]:
        """What is said; and `Batch.copied` also of spoken letters, now that it is known when they are."""
        made = self._made
        spoken = [row for row, said in enumerate(made.said) if len(said)]
        if not spoken:
            return torch.zeros(()), made.copied
        flat = self._after(HEARD_AFTER)
        sounds = [flat[made.frame_at[made.frame_row == row]] for row in spoken]
        lengths, said = torch.tensor([len(sound) for sound in sounds]), [made.said[row] for row in spoken]
        sizes = torch.tensor([len(each) for each in said])
        shares = F.log_softmax(self._read("words", torch.nn.utils.rnn.pad_sequence(sounds)), -1)
        missed = F.ctc_loss(shares, torch.cat(said), lengths, sizes, reduction="none", zero_infinity=True) / sizes
        times = align(shares.detach().numpy(), lengths.tolist(), [each.numpy() for each in said])
        return _HEARD * missed.sum(), _copied(made, dict(zip(spoken, times, strict=True)))

    def copies(self, copied: Tensor) -> Tensor:
        """Which letter of the person's words is repeated."""
        copies = copied >= 0
        if not bool(copies.any()):
            return torch.zeros(())
        missed = F.cross_entropy(self._looks(HEARD_AFTER, copies), copied[copies])
        return _COPIED * self._turns(copies) * missed

    def buttons(self) -> Tensor:
        """Which label begins on a patch, which one is meant, and where it is."""
        made, total = self._made, torch.zeros(())
        known = made.begun >= 0
        if bool(known.any()):
            scores = self._read("labels", self._after(SEEN_AFTER + 1)[made.patch_at[known]])
            missed = F.cross_entropy(scores, made.begun[known], _scarce(len(LABELS)))
            total = total + _MEANT * len(torch.unique(made.patch_row[known])) * missed
        meant = made.meant > 0
        if bool(meant.any()):
            scores = self._read("labels", self._after(MEANT_AFTER)[made.asked[meant]])
            total = total + _MEANT * self._turns(meant) * F.cross_entropy(scores, made.meant[meant])
        missing = meant & (made.found[:, 0] == NOWHERE)
        if bool(missing.any()):
            itself = made.asked[missing] % made.ids.shape[1]
            missed = F.cross_entropy(self._looks(MEANT_AFTER, missing), itself)
            total = total + _LOOKED * self._turns(missing) * missed
        placed = meant & (made.found[:, 0] >= 0)
        if bool(placed.any()):
            looked = F.cross_entropy(self._looks(MEANT_AFTER, placed), _patch(made, placed))
            total = total + self._turns(placed) * (_FOUND * self._place(MEANT_AFTER + 1, placed) + _LOOKED * looked)
        return total

    def _after(self, layers: int) -> Tensor:
        return self._states.after[layers - 1].flatten(0, 1)

    def _read(self, name: str, x: Tensor) -> Tensor:
        weights, dtype = self._weights, self._target.dtype
        return F.linear(norm(x, weights[f"{name}.norm"], dtype), weights[f"{name}.weight"].to(dtype)).float()

    def _turns(self, told: Tensor) -> int:
        return len(torch.unique(self._made.turn[told]))

    def _place(self, layers: int, told: Tensor) -> Tensor:
        scores = self._read("place", self._after(layers)[self._made.asked[told]])
        row, column = self._made.found[told].unbind(1)
        return F.cross_entropy(scores[:, :ROWS], row) + F.cross_entropy(scores[:, ROWS:], column)

    def _looks(self, layer: int, told: Tensor) -> Tensor:
        """Where the first head of the layer after ``layer`` looks, for some labels: scores, (labels, tokens)."""
        made, states = self._made, self._states
        asked, tokens = made.asked[told], made.ids.shape[1]
        row, at = made.turn[told], made.asked[told] % tokens
        query = self._target.looks(layer, self._after(layer)[asked], at)
        scores = torch.einsum("nd,ntd->nt", query.float(), states.keys[layer][row, 0].float())
        return scores.masked_fill(torch.arange(tokens) > at[:, None], float("-inf"))


def _scarce(classes: int) -> Tensor:
    """Weights of classes of which the first, nothing, is by far the most frequent."""
    share = torch.ones(classes)
    share[0] = _EMPTY
    return share


def _copied(made: Batch, times: Mapping[int, NDArray[np.int64]]) -> Tensor:
    """`Batch.copied`, and for each label that repeats a spoken letter in which token that is spoken."""
    copied = made.copied.clone()
    for row, begins in times.items():
        if begins[0] < 0:
            continue
        frames = made.frame_at[made.frame_row == row] % made.ids.shape[1]
        known = (made.turn == row) & (made.uttered >= 0)
        copied[known] = frames[torch.from_numpy(begins)[made.uttered[known]]]
    return copied


def _patch(made: Batch, reads: Tensor) -> Tensor:
    """Place in its row of the patch that each of these labels is read off, (labels,)."""
    tokens = made.ids.shape[1]
    first = torch.full((made.ids.shape[0],), tokens).scatter_reduce(0, made.patch_row, made.patch_at % tokens, "amin")
    row, column = made.found[reads].unbind(1)
    return first[made.turn[reads]] + (row // DOWN) * (COLUMNS // ACROSS) + column // ACROSS
