"""Pictures of any pixel format as 8-bit RGB: what a file holds is scaled, never clipped."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture

DAMAGED = (
    *(OSError, ValueError, SyntaxError, TypeError, LookupError, EOFError, RuntimeError, ArithmeticError, MemoryError),
    *(AttributeError, struct.error, zlib.error),
)
"""All that Pillow raises while it opens and decodes a file that is damaged, whatever its documentation says."""

_DEPTHS = (8, 10, 12, 14, 16)
"""Bits that scanners and sensors deliver in 16-bit files."""

_PHOTOMETRIC = 262
"""TIFF tag; 0 means that the smallest value is white (TIFF 6.0, section 8)."""

_SAMPLE_FORMAT = 339
"""TIFF tag; 1, which is also meant where there is none, says that integers have no sign (TIFF 6.0, section 19)."""

_BAND_PIXELS = 1 << 22


def to_rgb(picture: Picture.Image) -> Picture.Image:
    """Convert a picture to 8-bit RGB, over white where it is transparent.

    Grey pictures of more than 8 bits (Pillow's modes ``I;16``, ``I`` and ``F``), which Pillow's own conversion clips,
    are scaled from black to white: integers by the fewest usual bits that hold the largest (8, 10, 12, 14, 16),
    fractions from 0 to 1, anything else from its least to its largest value.

    Raises:
        OSError: the data is cut short or damaged.
        ValueError: its pixels make no picture.
    """
    picture.load()
    if picture.mode.startswith(("I", "F")):
        return _grey(picture).convert("RGB")
    if picture.has_transparency_data:
        front = picture.convert("RGBA")
        ground = Picture.new("RGBA", front.size, "white")
        ground.alpha_composite(front)
        picture = ground
    return picture.convert("RGB")


def _grey(picture: Picture.Image) -> Picture.Image:
    """Scale a grey picture of more than 8 bits to 8, in bands of rows so that memory stays near its own."""
    values = np.asarray(picture)
    tags = getattr(picture, "tag_v2", {})
    if tags and values.dtype == np.int32 and tags.get(_SAMPLE_FORMAT, 1) in (1, (1,)):
        values = values.view(np.uint32)  # Pillow has no mode for them
    low, high = _range(values)
    white = float(high - low) or 1.0
    out = np.empty(values.shape, np.uint8)
    rows = max(1, _BAND_PIXELS // max(1, picture.width))
    for top in range(0, len(values), rows):
        band = np.nan_to_num(values[top : top + rows].astype(np.float64), nan=low, posinf=high, neginf=low)
        out[top : top + rows] = np.clip(np.rint((band - low) * (255 / white)), 0, 255)
    if tags.get(_PHOTOMETRIC) == 0:
        np.subtract(255, out, out=out)
    clear = picture.info.get("transparency")
    if isinstance(clear, int):
        out[values == clear] = 255
    return Picture.fromarray(out)


def _range(values: NDArray[np.generic]) -> tuple[float, float]:
    """Which values are black and white."""
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    if not finite.size:
        return 0.0, 1.0
    least, most = float(finite.min()), float(finite.max())
    if least < 0:
        return least, most
    if values.dtype.kind == "f" and most <= 1:
        return 0.0, 1.0
    bits = next((bits for bits in _DEPTHS if most < 1 << bits), None)
    return (0.0, float((1 << bits) - 1)) if bits else (least, most)
