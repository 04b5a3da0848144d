"""Turns as tensors: several of about one length side by side, filled up at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from deskhand.model.pocket.encoding import Encoded

_NO_PICTURE = -1


@dataclass
class Batch:
    """Turns side by side.

    Attributes:
        ids: (batch, tokens); what fills a row up is 0 and comes last, where nothing sees it.
        block: which picture a token is a patch of, -1 for none; (batch, tokens).
        patches: of all pictures, uint8 (n, 6912).
        places: column and row of each, (n, 2).
        patch_at: where each stands in the flattened ids, (n,).
        frames: of all sounds, (n, 640).
        frame_at: where each stands in the flattened ids, (n,).
        asked: where in the flattened ids the next token is to be learnt, (answers,).
        labels: those tokens, (answers,).
        turn: the row that each of them belongs to, (answers,).
        letters: classes of the letters on each patch, or -1, (n, 6).
        said: classes of the letters that are spoken in each row.
        found: row and column of the cell where each label is read off, or -1 or `NOWHERE`, (answers, 2).
        copied: place in its row of the letter that each label repeats, or -1, (answers,).
        uttered: place in ``said`` of the letter that it repeats, or -1, (answers,).
        begun: which button's label begins on each patch, 0 for none, or -1, (n,).
        meant: which button's label each label of an answer depends on, or 0, (answers,).
    """

    ids: Tensor
    block: Tensor
    patches: Tensor
    places: Tensor
    patch_at: Tensor
    frames: Tensor
    frame_at: Tensor
    asked: Tensor
    labels: Tensor
    turn: Tensor
    letters: Tensor
    said: list[Tensor]
    found: Tensor
    copied: Tensor
    uttered: Tensor
    begun: Tensor
    meant: Tensor

    @property
    def patch_row(self) -> Tensor:
        """The row that each patch belongs to, (n,)."""
        return self.patch_at // self.ids.shape[1]

    @property
    def frame_row(self) -> Tensor:
        """The row that each frame belongs to, (n,)."""
        return self.frame_at // self.ids.shape[1]

    def full(self) -> Tensor:
        """True where a token (rows) sees another (columns) in full layers; (tokens, tokens)."""
        return self._behind() >= 0

    def _behind(self) -> Tensor:
        at = torch.arange(self.ids.shape[1])
        return at[:, None] - at[None, :]

    def sliding(self, window: int) -> Tensor:
        """The same in sliding layers, where patches of a picture see each other; (batch, 1, tokens, tokens)."""
        behind = self._behind()
        same = (self.block[:, :, None] == self.block[:, None, :]) & (self.block[:, :, None] >= 0)
        return (((behind >= 0) | same) & (behind < window))[:, None]


def unseen(seen: Tensor) -> Tensor:
    """What is added to attention scores: 0 where something is seen, -infinity elsewhere."""
    return torch.zeros(seen.shape).masked_fill_(~seen, float("-inf"))


def batch(turns: Sequence[Encoded], image: int, audio: int) -> Batch:
    """Turns as one batch.

    Args:
        turns: with their answers, or without.
        image: id that stands for a patch.
        audio: id that stands for a frame.
    """
    longest = max(len(turn.ids) for turn in turns)
    ids = np.zeros((len(turns), longest), np.int64)
    block = np.full((len(turns), longest), -1, np.int64)
    asked: list[np.ndarray] = []
    for row, turn in enumerate(turns):
        ids[row, : len(turn.ids)] = turn.ids
        pictured = turn.ids == image
        # A picture follows another after markers, so a new one begins wherever the token before is no patch.
        begins = pictured & ~np.concatenate([[False], pictured[:-1]])
        block[row, : len(turn.ids)] = np.where(pictured, np.cumsum(begins), _NO_PICTURE)
        asked.append(row * longest + np.arange(turn.start - 1, len(turn.ids) - 1))
    flat, where = ids.reshape(-1), np.concatenate(asked)
    return Batch(
        ids=torch.from_numpy(ids),
        block=torch.from_numpy(block),
        patches=torch.from_numpy(np.concatenate([turn.patches for turn in turns])),
        places=torch.from_numpy(np.concatenate([turn.places for turn in turns])),
        patch_at=torch.from_numpy(np.flatnonzero(flat == image)),
        frames=torch.from_numpy(np.concatenate([turn.frames for turn in turns])),
        frame_at=torch.from_numpy(np.flatnonzero(flat == audio)),
        asked=torch.from_numpy(where),
        labels=torch.from_numpy(flat[where + 1] if len(where) else where),
        turn=torch.from_numpy(where // longest),
        letters=torch.from_numpy(np.concatenate([turn.letters for turn in turns])),
        said=[torch.from_numpy(turn.said) for turn in turns],
        found=torch.from_numpy(np.concatenate([turn.found for turn in turns])),
        copied=torch.from_numpy(np.concatenate([turn.copied for turn in turns])),
        uttered=torch.from_numpy(np.concatenate([turn.uttered for turn in turns])),
        begun=torch.from_numpy(np.concatenate([turn.labels for turn in turns])),
        meant=torch.from_numpy(np.concatenate([turn.meant for turn in turns])),
    )


def by_length(turns: Sequence[Encoded], size: int) -> list[list[Encoded]]:
    """The turns in groups of at most ``size`` that differ little in length."""
    ordered = sorted(turns, key=lambda turn: len(turn.ids))
    return [list(ordered[at : at + size]) for at in range(0, len(ordered), size)]
