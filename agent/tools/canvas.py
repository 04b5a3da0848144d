"""Pictures that a skill's script returns: PNG and the like, or what it drew on a canvas of `page.js`, as pixels."""

from __future__ import annotations

import base64
import binascii
import io
import json
import math
from typing import Any

from PIL import Image as Pillow
from PIL import ImageColor, ImageDraw, ImageFont

from deskhand.model.images import DAMAGED, to_rgb
from deskhand.model.types import Image

CANVAS = "data:application/x-deskhand-canvas;base64,"
MOST_BYTES = 16 * 1024**2
MOST_SIDE = 4096
"""Pixels of width and of height."""
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")


class PictureError(Exception):
    """What was returned as a picture is none; the message is a sentence."""


def picture(text: str) -> Image:
    """The picture that ``text`` encodes: base64, with ``data:…;base64,`` before it or not.

    Raises:
        PictureError: it is no picture, or too large.
    """
    head, comma, data = text.partition(",")
    raw = _decoded(data if comma and head.startswith("data:") else text)
    try:
        drawn = _draw(json.loads(raw)) if text.startswith(CANVAS) else Pillow.open(io.BytesIO(raw), formats=FORMATS)
        if drawn.width > MOST_SIDE or drawn.height > MOST_SIDE:
            raise PictureError(f"The picture is larger than {MOST_SIDE}×{MOST_SIDE} pixels.")
        rgb = to_rgb(drawn)
    except (Pillow.DecompressionBombError, *DAMAGED) as error:
        raise PictureError(f"What the script returned as a picture is none: {error}.") from error
    return Image(rgb.tobytes(), rgb.width, rgb.height)


def _decoded(text: str) -> bytes:
    if len(text) > MOST_BYTES * 4 // 3:
        raise PictureError(f"The picture is larger than {MOST_BYTES >> 20} MB.")
    try:
        return base64.b64decode(text, validate=False)
    except (binascii.Error, ValueError) as error:
        raise PictureError("What the script returned as a picture is not base64.") from error


def _draw(drawn: dict[str, Any]) -> Pillow.Image:
    width, height = (max(1, min(MOST_SIDE, int(drawn[side]))) for side in ("width", "height"))
    image = Pillow.new("RGBA", (width, height), (255, 255, 255, 0))
    for operation in drawn["operations"][:20_000]:
        _operate(ImageDraw.Draw(image, "RGBA"), operation)
    return image


def _operate(draw: ImageDraw.ImageDraw, operation: dict[str, Any]) -> None:
    kind = operation["kind"]
    colour = (255, 255, 255, 255) if kind == "clear" else _colour(str(operation["colour"]), float(operation["alpha"]))
    if kind == "text":
        _write(draw, operation, colour)
        return
    points = [(_finite(x), _finite(y)) for x, y in operation["points"]]
    if kind == "line" and len(points) > 1:
        draw.line(points, fill=colour, width=max(1, min(MOST_SIDE, round(_finite(operation["width"])))), joint="curve")
    elif kind in {"fill", "clear"} and len(points) > 2:
        draw.polygon(points, fill=colour)


def _write(draw: ImageDraw.ImageDraw, operation: dict[str, Any], colour: tuple[int, int, int, int]) -> None:
    across = {"center": "m", "right": "r", "end": "r"}.get(operation["align"], "l")
    down = {"top": "a", "hanging": "a", "middle": "m", "bottom": "d", "ideographic": "d"}.get(
        operation["baseline"], "s"
    )
    size = max(4.0, min(400.0, _finite(operation["size"])))
    where = (_finite(operation["left"]), _finite(operation["top"]))
    text = str(operation["text"]).replace("\n", " ")
    draw.text(where, text, fill=colour, font=ImageFont.load_default(size), anchor=across + down)


def _finite(value: object) -> float:
    number = float(value) if isinstance(value, int | float) else 0.0
    return max(-1e5, min(1e5, number)) if math.isfinite(number) else 0.0


def _colour(text: str, alpha: float) -> tuple[int, int, int, int]:
    """A CSS colour; one that is not understood is grey."""
    name, _, inner = text.strip().lower().partition("(")
    if name == "rgba" and inner:
        parts = inner.rstrip(") ").replace("/", ",").split(",")
        if len(parts) == 4:
            text, alpha = f"rgb({','.join(parts[:3])})", alpha * _share(parts[3])
    try:
        found = ImageColor.getrgb(text.strip())
    except ValueError:
        found = (128, 128, 128)
    opaque = found[3] if len(found) == 4 else 255
    return (found[0], found[1], found[2], max(0, min(255, round(opaque * alpha))))


def _share(text: str) -> float:
    try:
        return float(text.strip().rstrip("%")) / (100 if "%" in text else 1)
    except ValueError:
        return 1.0
