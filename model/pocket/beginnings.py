"""The first values of what turns sound and pixels into embeddings: filters that a small model would need hours to find.

A frame of sound is multiplied by one matrix and a patch of a picture by another, with nothing before them. Trained from
noise they cost most of a run. So sound begins with band filters, whose outputs the first feed-forward layer squares:
energies by band, as every recogniser of speech begins with them; and patches begin with the principal components of
the letters of a cell. All of it is trained on.
"""

from __future__ import annotations

import string

import numpy as np
from numpy.typing import NDArray

from deskhand.model.pocket.spec import CELL, PocketSpec
from deskhand.model.pocket.world.glyphs import glyph
from deskhand.model.tiny.keys import FRAME
from deskhand.model.types import SAMPLE_RATE

Array = NDArray[np.float64]

_LOWEST, _HIGHEST = 70.0, 7600.0
"""Hz; evenly spaced between them on the mel scale."""


def bands(spec: PocketSpec) -> int:
    """How many bands there are: each takes two numbers of an embedding, and one for its energy."""
    return spec.hidden * 5 // 16


def band_filters(spec: PocketSpec) -> Array:
    """Two filters a band, a quarter of a period apart, the higher the louder; (hidden, 640), the last rows 0."""
    lowest, highest = (2595 * float(np.log10(1 + hertz / 700)) for hertz in (_LOWEST, _HIGHEST))
    mel = np.linspace(lowest, highest, bands(spec))
    frequency = 700 * (10 ** (mel / 2595) - 1)
    angle = 2 * np.pi * frequency[:, None] / SAMPLE_RATE * np.arange(FRAME)
    waves = np.stack([np.cos(angle), np.sin(angle)], axis=1).reshape(-1, FRAME) * np.hanning(FRAME)
    waves /= np.sqrt(np.square(waves).sum(1, keepdims=True))
    # Speech falls by some 6 dB an octave; what it loses is given back.
    waves *= np.repeat((frequency / 1000) ** 0.7, 2)[:, None]
    found = np.zeros((spec.hidden, FRAME))
    found[: len(waves)] = 0.7 * waves
    return found


def squaring(spec: PocketSpec, rng: np.random.Generator) -> dict[str, Array]:
    """A feed-forward layer that adds each band's energy to a number of its own; ``ffn_gate``, ``ffn_up``, ``ffn_down``.

    ``gelu(x)·x + gelu(-x)·(-x)`` is ``x·erf(x/√2)·x``: nearly x² where x is large. What the bands leave is random.
    """
    count = bands(spec)
    gate = rng.standard_normal((spec.ffn, spec.hidden)) * spec.hidden**-0.5
    up = rng.standard_normal((spec.ffn, spec.hidden)) * spec.hidden**-0.5
    down = rng.standard_normal((spec.hidden, spec.ffn)) * spec.ffn**-0.5
    signed = np.repeat(np.eye(2 * count, spec.hidden), 2, axis=0) * np.tile([1, -1], 2 * count)[:, None]
    signed = signed[: spec.ffn]
    gate[: len(signed)], up[: len(signed)] = signed, signed
    into = np.zeros((spec.hidden, len(signed)))
    into[2 * count + np.arange(len(signed)) // 4, np.arange(len(signed))] = 1.0
    down[:, : len(signed)] = into
    return {"ffn_gate": gate, "ffn_up": up, "ffn_down": down}


def letter_filters(spec: PocketSpec, rng: np.random.Generator) -> Array:
    """For each cell of a patch the principal components of the letters, of one variance; (vision, 6912)."""
    across, down = 48 // CELL[0], 48 // CELL[1]
    letters = np.stack([glyph(each) for each in string.printable[:94]]).reshape(94, -1).astype(np.float64)
    _, sizes, components = np.linalg.svd(letters, full_matrices=False)
    kept = spec.vision // (across * down)
    shapes = components[:kept] / (sizes[:kept, None] + 0.1 * sizes[0]) * sizes[0]
    found = rng.standard_normal((spec.vision, 3 * 48 * 48)) * (3 * 48 * 48) ** -0.5
    for cell in range(across * down):
        row, column = divmod(cell, across)
        planes = np.zeros((kept, 3, 48, 48))
        top, left = row * CELL[1], column * CELL[0]
        planes[:, :, top : top + CELL[1], left : left + CELL[0]] = shapes.reshape(kept, 1, CELL[1], CELL[0])
        found[cell * kept : (cell + 1) * kept] = planes.reshape(kept, -1) * 3**-0.5 * 0.3
    return found
