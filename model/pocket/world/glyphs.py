"""Characters as grey masks, drawn once with pillow and then copied by numpy."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from deskhand.model.errors import ModelError
from deskhand.model.pocket.spec import CELL

Face = Literal["mono", "sans"]

_FILES = {"mono": ("DejaVuSansMono.ttf", 24), "sans": ("DejaVuSans.ttf", 20)}
"""Name and size of each face: the canonical one fills its cell, the second one is proportional."""

_FOLDERS = ("/usr/share/fonts/truetype/dejavu", "/usr/share/fonts/TTF", "/usr/share/fonts/dejavu-sans-fonts")


class FontError(ModelError):
    """A font is missing."""


@cache
def _font(face: Face) -> ImageFont.FreeTypeFont:
    name, size = _FILES[face]
    for folder in _FOLDERS:
        if (path := Path(folder, name)).is_file():
            return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)
    raise FontError(f"Windows are drawn with {name}, which is missing: apt-get install fonts-dejavu-core")


@cache
def glyph(character: str, face: Face = "mono") -> NDArray[np.float32]:
    """How much of the ink each pixel takes, 0 to 1; shape (24, width), the width being 16 for ``mono``.

    Raises:
        FontError: the font is missing.
    """
    font = _font(face)
    width = CELL[0] if face == "mono" else max(1, round(font.getlength(character)))
    canvas = Image.new("L", (width, CELL[1]))
    ImageDraw.Draw(canvas).text((0, CELL[1] - 5), character, fill=255, font=font, anchor="ls")
    return np.asarray(canvas, np.float32) / np.float32(255)


def write(pixels: NDArray[np.uint8], text: str, at: tuple[int, int], ink: tuple[int, int, int], face: Face) -> None:
    """Write a line of text into a picture; what lies outside is cut off.

    Args:
        pixels: RGB, shape (height, width, 3).
        text: one line.
        at: left and top of its first cell, pixels.
        ink: colour.
        face: of the letters.
    """
    colour = np.array(ink, np.float32)
    left, top = at
    for character in text:
        mask = glyph(character, face)
        width = mask.shape[1]
        into = pixels[max(top, 0) : top + CELL[1], max(left, 0) : left + width]
        if into.size and left >= 0 and top >= 0:
            part = mask[: into.shape[0], : into.shape[1], None]
            into[...] = np.rint(into + (colour - into) * part).astype(np.uint8)
        left += width
