"""What sound and pixels begin with: filters that find tones and letters before anything is trained."""

from __future__ import annotations

import numpy as np

from deskhand.model.pocket import beginnings
from deskhand.model.pocket.spec import SMALLEST, PocketSpec
from deskhand.model.pocket.world.glyphs import glyph
from deskhand.model.types import SAMPLE_RATE

SPEC = PocketSpec()


def _energies(wave: np.ndarray) -> np.ndarray:
    """What the first feed-forward layer adds to the numbers behind the filters, for one frame."""
    layer = beginnings.squaring(SPEC, np.random.default_rng(0))
    given = beginnings.band_filters(SPEC) @ (wave / np.sqrt(np.square(wave).mean()))
    given /= np.sqrt(np.square(given).mean())
    gate, up = layer["ffn_gate"] @ given, layer["ffn_up"] @ given
    inner = gate * 0.5 * (1 + np.tanh(np.sqrt(2 / np.pi) * (gate + 0.044715 * gate**3))) * up
    count = beginnings.bands(SPEC)
    squared = 4 * count
    return (layer["ffn_down"][:, :squared] @ inner[:squared])[2 * count : 3 * count]


def test_a_tone_has_its_energy_in_its_band_wherever_it_begins():
    time = np.arange(640) / SAMPLE_RATE
    loudest = [
        {int(np.argmax(_energies(np.sin(2 * np.pi * hertz * time + phase)))) for phase in (0.0, 0.7, 1.6, 2.9)}
        for hertz in (200, 600, 1500, 4000)
    ]
    assert all(len(bands) == 1 for bands in loudest)
    found = [bands.pop() for bands in loudest]
    assert found == sorted(set(found))


def test_letters_of_a_cell_stay_apart_behind_the_filters():
    filters = beginnings.letter_filters(SPEC, np.random.default_rng(0)).reshape(SPEC.vision, 3, 48, 48)
    kept = SPEC.vision // 6
    seen = []
    for letter in "Il1|O0QCGceoBE8S5":
        patch = np.zeros((3, 48, 48))
        patch[:, 24:48, 16:32] = glyph(letter)
        seen.append(np.tensordot(filters[4 * kept : 5 * kept], patch, 3))
    apart = np.linalg.norm(np.array(seen)[:, None] - np.array(seen)[None], axis=-1)
    assert np.all(apart[~np.eye(len(seen), dtype=bool)] > 0.2 * apart.max())


def test_the_smallest_shape_has_room_for_them():
    assert beginnings.band_filters(SMALLEST).shape == (SMALLEST.hidden, 640)
    assert beginnings.letter_filters(SMALLEST, np.random.default_rng(0)).shape == (SMALLEST.vision, 6912)
    assert beginnings.squaring(SMALLEST, np.random.default_rng(0))["ffn_down"].shape == (SMALLEST.hidden, SMALLEST.ffn)
