"""When letters are spoken: the likeliest path, found by trying every path of a small case."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from deskhand.model.pocket.training.aligning import align


def tried(scores, letters):
    """The frames in which the letters of the likeliest of all paths begin."""
    best, begins = -np.inf, None
    for path in itertools.product(range(scores.shape[1]), repeat=len(scores)):
        heard = [(frame, each) for frame, each in enumerate(path) if each and (frame == 0 or path[frame - 1] != each)]
        score = sum(scores[frame, each] for frame, each in enumerate(path))
        if [each for _, each in heard] == list(letters) and score > best:
            best, begins = score, [frame for frame, _ in heard]
    return begins


@pytest.mark.parametrize("letters", [(1,), (1, 2), (1, 1), (2, 1, 2), (1, 1, 2)])
def test_it_is_the_likeliest_of_all_paths(letters):
    rng = np.random.default_rng(len(letters))
    for _ in range(5):
        scores = np.log(rng.dirichlet(np.ones(3), 6)).astype(np.float32)
        (found,) = align(scores[:, None], [6], [np.array(letters)])
        assert list(found) == tried(scores, letters)


def test_sentences_of_several_lengths_are_aligned_side_by_side():
    rng = np.random.default_rng(7)
    scores = np.log(rng.dirichlet(np.ones(4), (9, 3))).astype(np.float32)
    said = [np.array([1, 2, 3]), np.array([2]), np.array([3, 3])]
    together = align(scores, [9, 4, 6], said)
    for row, (length, letters) in enumerate(zip([9, 4, 6], said, strict=True)):
        (alone,) = align(scores[:length, row : row + 1], [length], [letters])
        assert list(together[row]) == list(alone) == tried(scores[:length, row], letters)


def test_more_letters_than_frames_have_no_times():
    scores = np.zeros((2, 2, 3), np.float32)
    short, fits = align(scores, [2, 2], [np.array([1, 1, 2]), np.array([1])])
    assert list(short) == [-1, -1, -1]
    assert fits[0] >= 0
