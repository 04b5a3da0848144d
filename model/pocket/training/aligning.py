"""When each letter of a sentence is spoken: the likeliest path of CTC through the scores of its frames (Viterbi)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def align(scores: Floats, frames: Sequence[int], said: Sequence[Ints]) -> list[Ints]:
    """The frame in which each letter begins, -1 for all of a sentence that has more letters than its frames can hold.

    Args:
        scores: logarithms of the classes' shares, (frames, sentences, classes); class 0 is the blank between letters.
        frames: of each sentence; later ones fill up.
        said: classes of the letters of each sentence.
    """
    count, rows = scores.shape[0], np.arange(scores.shape[1])
    sizes = np.array([len(letters) for letters in said])
    states = 2 * int(sizes.max()) + 1
    classes = np.zeros((len(rows), states), np.int64)
    for row, letters in enumerate(said):
        classes[row, 1 : 2 * len(letters) : 2] = letters
    # From letter to letter without a blank, unless it is the same one twice.
    jumps = np.zeros(classes.shape, bool)
    jumps[:, 2:] = (classes[:, 2:] != 0) & (classes[:, 2:] != classes[:, :-2])
    best = np.full(classes.shape, -np.inf)
    best[:, :2] = scores[0][rows[:, None], classes[:, :2]]
    came, ends = np.zeros((count, *classes.shape), np.int8), best.copy()
    for frame in range(1, count):
        ways = np.full((3, *classes.shape), -np.inf)
        ways[0] = best
        ways[1, :, 1:] = best[:, :-1]
        ways[2, :, 2:] = np.where(jumps[:, 2:], best[:, :-2], -np.inf)
        came[frame] = ways.argmax(0)
        best = ways.max(0) + scores[frame][rows[:, None], classes]
        ends = np.where((np.array(frames) - 1 == frame)[:, None], best, ends)
    return [_begins(came[: frames[row], row], ends[row], int(sizes[row])) for row in rows]


def _begins(came: NDArray[np.int8], ends: NDArray[np.float64], size: int) -> Ints:
    found = np.full(size, -1, np.int64)
    if size == 0:
        return found
    state = 2 * size - int(ends[2 * size - 1] >= ends[2 * size])
    if not np.isfinite(ends[state]):
        return found
    for frame in range(len(came) - 1, -1, -1):
        if state % 2:
            found[state // 2] = frame
        state -= int(came[frame, state])
    return found
