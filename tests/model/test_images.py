"""Grey pictures of more than 8 bits: scaled, never clipped (report 4)."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Picture

from deskhand.model.images import to_rgb

RAMP = np.tile(np.arange(256), (4, 1))
"""Each of 256 greys from black to white, four rows of them."""


def saved(picture: Picture.Image, kind: str, **options) -> Picture.Image:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    file.seek(0)
    return Picture.open(file)


def grey(picture: Picture.Image) -> np.ndarray:
    pixels = np.asarray(to_rgb(picture)).astype(int)
    assert (pixels == pixels[:, :, :1]).all()
    return pixels[:, :, 0]


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_a_grey_ramp_arrives_as_the_same_ramp(kind, bits):
    ramp = np.rint(RAMP * ((1 << bits) - 1) / 255).astype(np.uint16)
    assert np.abs(grey(saved(Picture.fromarray(ramp), kind)) - RAMP).max() <= 1


def test_the_values_of_the_report():
    """0 → 0, 32768 → 128, 65535 → 255."""
    pixels = grey(saved(Picture.fromarray(np.array([[0, 32768, 65535]], np.uint16)), "PNG"))
    assert np.abs(pixels - [0, 128, 255]).max() <= 1


@pytest.mark.parametrize(
    "values",
    [
        (RAMP / 255).astype(np.float32),
        (RAMP * 1.0).astype(np.float32),
        (RAMP * 10.0 - 1000).astype(np.float32),
        (RAMP * 257).astype(np.int32),
        (RAMP * 8_000_000).astype(np.int32),
        (RAMP * 1000 - 90_000).astype(np.int32),
    ],
    ids=["fractions", "floats to 255", "negative floats", "16 in 32 bits", "31 bits", "signed"],
)
def test_tiff_of_32_bits_is_neither_black_nor_white(values):
    assert np.abs(grey(saved(Picture.fromarray(values), "TIFF")) - RAMP).max() <= 1


def test_values_that_are_no_numbers_do_not_spoil_the_rest():
    values = (RAMP / 255).astype(np.float32)
    values[0, :3] = np.nan, np.inf, -np.inf
    pixels = grey(Picture.fromarray(values))
    assert list(pixels[0, :3]) == [0, 255, 0]
    assert np.abs(pixels[1:] - RAMP[1:]).max() <= 1


def test_a_tiff_whose_smallest_value_is_white_is_turned_round():
    ramp = (RAMP * 257).astype(np.uint16)
    assert np.abs(grey(saved(Picture.fromarray(ramp), "TIFF", tiffinfo={262: 0})) - (255 - RAMP)).max() <= 1


def test_one_grey_of_16_bits_that_means_transparent_is_white():
    opened = saved(Picture.fromarray((RAMP * 257).astype(np.uint16)), "PNG", transparency=0)
    assert opened.info["transparency"] == 0
    assert (grey(opened)[:, 0] == 255).all()


@pytest.mark.parametrize("value", [0, 7, 200])
def test_a_picture_of_one_grey_has_a_grey(value):
    assert set(grey(Picture.fromarray(np.full((3, 3), value, np.uint16))).flat) == {value}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 65535), min_size=2, max_size=40))
def test_brighter_stays_brighter(values):
    pixels = grey(Picture.fromarray(np.array([values], np.uint16)))[0]
    order = np.argsort(values, kind="stable")
    assert (np.diff(pixels[order]) >= 0).all()
