import resource

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Picture

from deskhand.model import pixels
from deskhand.model.types import BUDGETS, Image


def noise(width: int, height: int, budget: int = 560, seed: int = 0) -> Image:
    data = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return Image(data.tobytes(), width, height, budget)


# The reference's own numbers (transformers 5.23.0, get_aspect_ratio_preserving_size, run on these sizes).
@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (1920, 1080, (66, 120, 264, 527, 1100)),
        (1080, 1920, (66, 120, 264, 527, 1100)),
        (1280, 800, (60, 126, 273, 522, 1092)),
        (100, 100, (64, 121, 256, 529, 1089)),
        (1, 1, (64, 121, 256, 529, 1089)),
    ],
)
def test_token_counts_are_the_references(width, height, expected):
    assert tuple(pixels.image_tokens(width, height, budget) for budget in BUDGETS) == expected


@given(st.integers(1, 30_000), st.integers(1, 30_000), st.sampled_from(BUDGETS))
def test_every_picture_gets_between_one_token_and_its_budget(width, height, budget):
    target_width, target_height = pixels.reference_size(width, height, budget)
    assert target_width % 48 == target_height % 48 == 0
    assert 1 <= pixels.image_tokens(width, height, budget) <= budget


def test_a_hair_becomes_a_row_of_patches():
    assert pixels.reference_size(20_000, 1, 70) == (70 * 48, 48)
    assert pixels.reference_size(1, 20_000, 70) == (48, 70 * 48)


@pytest.mark.parametrize("size", [(3000, 2500), (700, 6500), (5000, 41), (7, 5)])
def test_banded_resize_equals_pillows(size):
    image = noise(*size, budget=70)
    whole = Picture.frombytes("RGB", size, image.pixels)
    width, height = pixels.reference_size(*size, 70)
    narrow = whole.resize((width, size[1]), Picture.Resampling.BICUBIC)
    expected = narrow.resize((width, height), Picture.Resampling.BICUBIC)
    np.testing.assert_array_equal(pixels.resize(image), np.asarray(expected))


def test_a_picture_of_the_right_size_keeps_its_pixels():
    image = noise(480, 336, budget=70)
    assert pixels.resize(image).tobytes() == image.pixels


def test_one_pixel_becomes_its_colour():
    assert (pixels.resize(Image(bytes([9, 200, 31]), 1, 1, 70)) == [9, 200, 31]).all()


def test_a_200_megapixel_picture_needs_little_more_than_itself():
    image = Image(bytes([7]) * (20_000 * 10_000 * 3), 20_000, 10_000, 70)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = pixels.resize(image)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert (result == 7).all()
    assert grown < 200_000  # KiB; Pillow's own copy alone would be 800,000
