"""What the middle layers are told in training besides the answers: letters of a patch, words of a sound, where to read.

An answer says little about the hundred embeddings that it was read from. So three matrices, which are thrown away after
training, read each patch's six letters from its state after two layers, the letters of what is spoken from the frames'
states after four (connectionist temporal classification: Graves et al. 2006), and the place of the letter that is to be
written next from the state of the token before it after three. The layer behind that is told to look there: its first
head, at the patch that holds the letter.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it
from torch import Tensor

from deskhand.model.pocket.encoding import CELLS, CLASSES
from deskhand.model.pocket.spec import COLUMNS, ROWS, PocketSpec
from deskhand.model.pocket.training.batches import Batch
from deskhand.model.pocket.training.elementwise import norm
from deskhand.model.pocket.training.network import States, Target, Weights

SEEN_AFTER, FOUND_AFTER, HEARD_AFTER = 2, 3, 4
"""Layers after which patches, places and frames are read."""

_SEEN, _FOUND, _LOOKED, _HEARD = 1.0, 0.5, 0.5, 0.5
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
        total = total + _FOUND * turns * both + _LOOKED * turns * _looked(target, made, states, reads)
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
    return total


def _looked(target: Target, made: Batch, states: States, reads: Tensor) -> Tensor:
    """Cross entropy of where the first head of the layer after `FOUND_AFTER` looks, against the patch of the letter."""
    asked, tokens = made.asked[reads], made.ids.shape[1]
    row, at = made.turn[reads], made.asked[reads] % tokens
    query = target.looks(FOUND_AFTER, states.after[FOUND_AFTER - 1].flatten(0, 1)[asked], at)
    scores = torch.einsum("nd,ntd->nt", query.float(), states.keys[FOUND_AFTER][row, 0].float())
    scores = scores.masked_fill(torch.arange(tokens) > at[:, None], float("-inf"))
    first = torch.full((made.ids.shape[0],), tokens).scatter_reduce(0, made.patch_row, made.patch_at % tokens, "amin")
    cell_row, cell_column = made.found[reads].unbind(1)
    patch = (cell_row // _DOWN) * (COLUMNS // _ACROSS) + cell_column // _ACROSS
    return F.cross_entropy(scores, first[row] + patch)
