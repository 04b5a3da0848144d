"""Rows of round dots, as password fields show them: text recognition leaves them out or takes them for zeros."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SMALLEST, LARGEST = 4, 26
"""Diameters in pixels."""

FEWEST = 5
"""Dots of a row."""

ALIKE = 0.12
"""By how much the areas of a row's dots may differ: they are one glyph, again and again, and letters are not."""

OFFSETS = (24, 70)
"""How much darker or lighter than what is around it ink is, of 255: the larger one parts dots that touch."""

WIDEST_PITCH = 2.4
"""Diameters from one dot to the next: 1.8 for ``•`` in DejaVu Sans, 1.2 for ``●``, 2.6 for leaders of points."""

_ROUND = (0.62, 0.92)
"""The part of its box that a disc takes: π/4, less and more where it is small. A ring takes less, a square all."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in pixels."""


_Disc = tuple[float, float, float, float, float]
"""A box, and the pixels in it that are ink."""


def rows(pixels: NDArray[np.uint8]) -> list[Box]:
    """Boxes of all rows of at least `FEWEST` equal, evenly spaced discs.

    Args:
        pixels: RGB of shape (height, width, 3).
    """
    import cv2  # noqa: PLC0415 - as `ocr._open` says

    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    found: list[Box] = []
    for offset in OFFSETS:
        # Darker than what is around them, or lighter.
        for kind, by in ((cv2.THRESH_BINARY_INV, offset), (cv2.THRESH_BINARY, -offset)):
            ink = cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, kind, 2 * LARGEST + 1, by)
            _, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=4)
            lines = _in_rows(_discs(stats[1:].astype(np.float64)))
            found += [row for row in lines if not any(_meet(row, other) for other in found)]
    return found


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _discs(stats: NDArray[np.float64]) -> list[_Disc]:
    """Boxes of the components that may be discs; OpenCV's columns are left, top, width, height and area."""
    wide, high, area = stats[:, 2], stats[:, 3], stats[:, 4]
    sized = (np.minimum(wide, high) >= SMALLEST) & (np.maximum(wide, high) <= LARGEST)
    even = np.abs(wide - high) <= np.maximum(1, 0.15 * np.maximum(wide, high))
    share = area / np.maximum(wide * high, 1)
    kept = stats[sized & even & (share >= _ROUND[0]) & (share <= np.where(wide <= 6, 1.0, _ROUND[1]))]
    return [(left, top, left + across, top + down, ink) for left, top, across, down, ink in kept.tolist()]


def _in_rows(discs: Sequence[_Disc]) -> list[Box]:
    found: list[Box] = []
    waiting = sorted(discs)
    while waiting:
        row = [waiting.pop(0)]
        for disc in tuple(waiting):
            if _follows(row, disc):
                row.append(disc)
                waiting.remove(disc)
        if len(row) >= FEWEST:
            found.append((row[0][0], min(box[1] for box in row), row[-1][2], max(box[3] for box in row)))
    return found


def _follows(row: Sequence[_Disc], disc: _Disc) -> bool:
    """Whether a disc goes on a row: as much ink, as high, and as far from the last as that was from the one before."""
    last = row[-1]
    size = last[2] - last[0]
    pitch = disc[0] - last[0]
    if abs(disc[1] - last[1]) > 1.5 or abs(disc[4] - last[4]) > ALIKE * last[4]:
        return False
    if not size < pitch <= max(WIDEST_PITCH * size, size + 2):
        return False
    return len(row) < 2 or abs(pitch - (last[0] - row[-2][0])) <= max(1.5, 0.1 * size)
