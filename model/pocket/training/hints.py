"""What the middle layers are told in training besides the answers: letters of a patch, words of a sound, where to read.

An answer says little about the hundred embeddings that it was read from. So three matrices, which are thrown away after
training, read each patch's six letters from its state after two layers, the letters of what is spoken from the frames'
states after four (connectionist temporal classification: Graves et al. 2006), and the place of the letter that is to be
written next from the state of the token before it after three. The layer behind that is told to look there: its first
head, at the patch that holds the letter. So is the layer behind the fourth, at the letter of the person's words that an
answer repeats; of spoken ones, at the frame in which the letter is most likely spoken.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it
from numpy.typing import NDArray
from torch import Tensor

from deskhand.model.pocket.encoding import CELLS, CLASSES
from deskhand.model.pocket.spec import COLUMNS, ROWS, PocketSpec
from deskhand.model.pocket.training.aligning import align
from deskhand.model.pocket.training.batches import Batch
from deskhand.model.pocket.training.elementwise import norm
from deskhand.model.pocket.training.network import States, Target, Weights

SEEN_AFTER, FOUND_AFTER, HEARD_AFTER = 2, 3, 4
"""Layers after which patches, places and frames are read; the layer behind the last two looks where it is told."""

_SEEN, _FOUND, _LOOKED, _HEARD, _COPIED = 1.0, 0.5, 0.5, 0.5, 0.5
_ACROSS, _DOWN = 3, 2
"""Cells of a patch."""

_EMPTY = 0.05
"""Of a cell without a letter; most have none."""


def heads(spec: PocketSpec, seed: int) -> Weights:
    """The three matrices, and the weights of the norms before them."""
    random = torch.Generator().manual_seed(seed)
    found: Weights = {}
    for name, rows in (("letters", CELLS * CLASSES), ("words", CLASSES), ("place", ROWS + COLUMNS)):
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
    total, after, dtype = torch.zeros(()), states.after, target.dtype

    def read(name: str, x: Tensor) -> Tensor:
        return F.linear(norm(x, weights[f"{name}.norm"], dtype), weights[f"{name}.weight"].to(dtype)).float()

    if bool((made.letters >= 0).any()):
        known = made.letters[:, 0] >= 0
        patches = after[SEEN_AFTER - 1].flatten(0, 1)[made.patch_at[known]]
        scores = read("letters", patches).view(-1, CELLS, CLASSES)
        share = torch.ones(CLASSES)
        share[0] = _EMPTY
        pictures = len(torch.unique(made.patch_row[known]))
        total = total + _SEEN * pictures * F.cross_entropy(scores.flatten(0, 1), made.letters[known].flatten(), share)
    reads = made.found[:, 0] >= 0
    if bool(reads.any()):
        scores = read("place", after[FOUND_AFTER - 1].flatten(0, 1)[made.asked[reads]])
        row, column = made.found[reads].unbind(1)
        both = F.cross_entropy(scores[:, :ROWS], row) + F.cross_entropy(scores[:, ROWS:], column)
        turns = len(torch.unique(made.turn[reads]))
        total = (
            total
            + _FOUND * turns * both
            + _LOOKED * turns * F.cross_entropy(_looks(target, made, states, FOUND_AFTER, reads), _patch(made, reads))
        )
    spoken = [row for row, said in enumerate(made.said) if len(said)]
    if spoken:
        flat = after[HEARD_AFTER - 1].flatten(0, 1)
        sounds = [flat[made.frame_at[made.frame_row == row]] for row in spoken]
        lengths = torch.tensor([len(sound) for sound in sounds])
        scores = read("words", torch.nn.utils.rnn.pad_sequence(sounds))
        words = torch.cat([made.said[row] for row in spoken])
        sizes = torch.tensor([len(made.said[row]) for row in spoken])
        each = (
            F.ctc_loss(F.log_softmax(scores, -1), words, lengths, sizes, reduction="none", zero_infinity=True) / sizes
        )
        total = total + _HEARD * each.sum()
        times = align(
            F.log_softmax(scores.detach(), -1).numpy(), lengths.tolist(), [made.said[row].numpy() for row in spoken]
        )
        _tell(made, dict(zip(spoken, times, strict=True)))
    copies = made.copied >= 0
    if bool(copies.any()):
        turns = len(torch.unique(made.turn[copies]))
        total = total + _COPIED * turns * F.cross_entropy(
            _looks(target, made, states, HEARD_AFTER, copies), made.copied[copies]
        )
    return total


def _tell(made: Batch, times: Mapping[int, NDArray[np.int64]]) -> None:
    """Say of each label that repeats a spoken letter in which token that is spoken, as for one that was written."""
    for row, begins in times.items():
        if begins[0] < 0:
            continue
        frames = made.frame_at[made.frame_row == row] % made.ids.shape[1]
        known = (made.turn == row) & (made.uttered >= 0)
        made.copied[known] = frames[torch.from_numpy(begins)[made.uttered[known]]]


def _patch(made: Batch, reads: Tensor) -> Tensor:
    """Place in its row of the patch that each of these labels is read off, (labels,)."""
    tokens = made.ids.shape[1]
    first = torch.full((made.ids.shape[0],), tokens).scatter_reduce(0, made.patch_row, made.patch_at % tokens, "amin")
    row, column = made.found[reads].unbind(1)
    return first[made.turn[reads]] + (row // _DOWN) * (COLUMNS // _ACROSS) + column // _ACROSS


def _looks(target: Target, made: Batch, states: States, layer: int, told: Tensor) -> Tensor:
    """Where the first head of the layer after ``layer`` looks from some labels' places: scores, (labels, tokens)."""
    asked, tokens = made.asked[told], made.ids.shape[1]
    row, at = made.turn[told], made.asked[told] % tokens
    query = target.looks(layer, states.after[layer - 1].flatten(0, 1)[asked], at)
    scores = torch.einsum("nd,ntd->nt", query.float(), states.keys[layer][row, 0].float())
    return scores.masked_fill(torch.arange(tokens) > at[:, None], float("-inf"))
