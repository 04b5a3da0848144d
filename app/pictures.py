"""Pictures from files as the engine takes them."""

from __future__ import annotations

from pathlib import Path

from PIL import Image as Picture
from PIL import ImageOps, UnidentifiedImageError

from deskhand.model.images import DAMAGED, to_rgb
from deskhand.model.types import Image

MOST_PIXELS = 256_000_000
"""Larger files are refused before they are decoded: 256 megapixels take 768 MB as RGB."""

KEPT_PIXELS = 32_000_000
"""Larger pictures are reduced by a whole number after decoding; the largest budget shows the model 2.6 megapixels."""

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm"})
"""File names that are taken for pictures when they are dropped on the window."""

_ORIENTATION = 0x0112
"""EXIF tag."""

Picture.MAX_IMAGE_PIXELS = MOST_PIXELS


class PictureError(Exception):
    """A picture can't be read; the message says why."""


def read_image(path: Path, budget: int = 560) -> Image:
    """Read a picture, upright, over white where it is transparent.

    Args:
        path: PNG, JPEG, WebP, GIF (its first frame), BMP, TIFF.
        budget: image tokens.

    Raises:
        PictureError: with a sentence.
    """
    try:
        with Picture.open(path) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise PictureError(_too_large(path))
            picture = opened
            if opened.mode.startswith(("I", "F")):
                picture = to_rgb(
                    opened
                )  # Pillow reduces no 16-bit grey, and what is turned forgets what its values mean
                picture.getexif()[_ORIENTATION] = opened.getexif().get(_ORIENTATION, 1)
            picture = ImageOps.exif_transpose(picture)
            factor = 1
            while picture.width * picture.height > KEPT_PIXELS * factor * factor:
                factor += 1
            if factor > 1 and min(picture.size) >= factor:
                picture = picture.reduce(factor)
            rgb = to_rgb(picture)
    except (Picture.DecompressionBombError, Picture.DecompressionBombWarning) as error:
        raise PictureError(_too_large(path)) from error
    except UnidentifiedImageError as error:
        raise PictureError(
            f"{path.name} is not a picture that can be read. PNG, JPEG, WebP, GIF and TIFF work."
        ) from error
    except FileNotFoundError as error:
        raise PictureError(f"There is no picture {path}.") from error
    except DAMAGED as error:
        raise PictureError(f"The picture {path.name} is damaged or can't be read ({error}).") from error
    return Image(rgb.tobytes(), rgb.width, rgb.height, budget)


def _too_large(path: Path) -> str:
    return (
        f"The picture {path.name} has more than {MOST_PIXELS // 1_000_000} megapixels. Please cut or shrink it first."
    )
