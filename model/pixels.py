"""Pixels as the reference sees them: every picture is stretched to whole 48×48 patches within its token budget."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture

from deskhand.model.types import Image

PATCH = 48
"""Pixels along one side of an image token: 16 px patches, pooled 3×3 (gemma4uv: `patch_size` × `n_merge`)."""

_BAND_PIXELS = 1 << 22
"""Pixels resized at a time. Pillow copies its input to 4 bytes a pixel: 16 MB so, 800 for 20,000×10,000 at once."""


def reference_size(width: int, height: int, budget: int) -> tuple[int, int]:
    """Width and height, both multiples of `PATCH`, to which the reference resizes a picture.

    The ideal size has as many pixels as the budget allows at the picture's own aspect ratio, so small pictures are
    enlarged; its sides are rounded down. A side that would round to nothing becomes one patch, and the other the
    whole aspect ratio in patches, at most the budget. Source: `get_aspect_ratio_preserving_size` of transformers
    5.23.0, `models/gemma4_unified/image_processing_gemma4_unified.py`.

    Args:
        width: in pixels, ≥ 1.
        height: in pixels, ≥ 1.
        budget: the most image tokens, ≥ 1.
    """
    factor = math.sqrt(budget * PATCH * PATCH / (width * height))
    columns = math.floor(factor * width / PATCH)
    rows = math.floor(factor * height / PATCH)
    if rows == 0:
        rows, columns = 1, min(width // height, budget)
    elif columns == 0:
        rows, columns = min(height // width, budget), 1
    return columns * PATCH, rows * PATCH


def image_tokens(width: int, height: int, budget: int) -> int:
    """Image tokens of a picture, without its begin and end markers; between 1 and ``budget``."""
    target_width, target_height = reference_size(width, height, budget)
    return (target_width // PATCH) * (target_height // PATCH)


def resize(image: Image) -> NDArray[np.uint8]:
    """Resample a picture to its reference size: bicubic, antialiased, stretched.

    Returns:
        RGB of shape (height, width, 3), C order. Pillow's filter in bands, so that memory is bounded by the result's
        width and the picture's height; the horizontal pass always first, as torchvision does for the reference.
    """
    width, height = reference_size(image.width, image.height, image.budget)
    pixels = np.frombuffer(image.pixels, np.uint8).reshape(image.height, image.width, 3)
    if (width, height) == (image.width, image.height):
        return pixels
    rows = max(1, _BAND_PIXELS // image.width)
    narrow = np.empty((image.height, width, 3), np.uint8)
    for top in range(0, image.height, rows):
        band = Picture.fromarray(pixels[top : top + rows])
        narrow[top : top + rows] = np.asarray(band.resize((width, band.height), Picture.Resampling.BICUBIC))
    columns = max(1, _BAND_PIXELS // image.height)
    result = np.empty((height, width, 3), np.uint8)
    for left in range(0, width, columns):
        band = Picture.fromarray(np.ascontiguousarray(narrow[:, left : left + columns]))
        result[:, left : left + columns] = np.asarray(band.resize((band.width, height), Picture.Resampling.BICUBIC))
    return result
