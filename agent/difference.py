"""Whether two pictures of one screen differ by more than a blinking cursor or a clock: costs no model."""

from __future__ import annotations

import numpy as np

from deskhand.agent.percept import ScreenPercept

BLOCK = 16
"""Logical pixels of the squares that are compared: a letter or two of ordinary text."""

LEAST_BLOCKS = 6
"""Squares that must differ: a text cursor changes one or two, a digit of a clock up to four, a short word more."""

LEAST_PIXELS = 4
"""Pixels that must differ within a square."""

LEAST_STEP = 24
"""By how much of 255 a colour must differ, in one channel: what smoothing and dithering change is less."""


def differs(before: ScreenPercept, after: ScreenPercept) -> bool:
    """Whether ``after`` shows something else. A screen of another size or place does."""
    size = (after.image.height, after.image.width)
    if (before.image.height, before.image.width) != size or (before.left, before.top) != (after.left, after.top):
        return True
    if before.image.pixels == after.image.pixels:
        return False
    old, new = (np.frombuffer(seen.image.pixels, np.uint8).reshape(*size, 3) for seen in (before, after))
    # Of unsigned bytes: the larger minus the smaller, without a copy in a wider type.
    changed = ((np.maximum(old, new) - np.minimum(old, new)) >= LEAST_STEP).any(axis=2)
    block = max(1, round(BLOCK * after.scale))
    counts = np.add.reduceat(
        np.add.reduceat(changed, range(0, size[0], block), axis=0, dtype=np.uint32),
        range(0, size[1], block),
        axis=1,
        dtype=np.uint32,
    )
    return int((counts >= LEAST_PIXELS).sum()) >= LEAST_BLOCKS
