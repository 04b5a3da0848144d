"""Small line and bar plots with Pillow, which is here anyway."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

_SIZE, _LEFT, _RIGHT, _TOP, _BOTTOM = (760, 380), 70, 170, 50, 40
_INK, _FAINT = (30, 34, 40), (215, 219, 225)
_COLOURS = {
    "ours": (22, 120, 92),
    "stock_handler": (196, 90, 40),
    "llama_server": (60, 96, 180),
    "new": (120, 120, 120),
    "ideal": (120, 120, 120),
}


def lines(path: Path, title: str, series: Mapping[str, Sequence[float]]) -> None:
    """A line for each of ``series`` over its index; those that end lower cover those that end higher."""
    picture, draw, font = _canvas(title)
    most = _axis(draw, font, max(max(values) for values in series.values()))
    count = max(len(values) for values in series.values())
    wide = (_SIZE[0] - _LEFT - _RIGHT) / max(count - 1, 1)
    taken: list[float] = []
    for name, values in sorted(series.items(), key=lambda item: -item[1][-1]):
        points = [(_LEFT + wide * index, _height(value, most)) for index, value in enumerate(values)]
        draw.line(points, fill=_COLOURS[name], width=3, joint="curve")
        for x, y in points:
            draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=_COLOURS[name])
        place = points[-1][1]
        while any(abs(place - other) < 18 for other in taken):
            place += 1
        taken.append(place)
        draw.text((points[-1][0] + 12, place), _label(name), _COLOURS[name], font, anchor="lm")
    first = 11 - count
    for index in range(count):
        draw.text((_LEFT + wide * index, _SIZE[1] - _BOTTOM + 8), f"{index + first}", _INK, font, anchor="ma")
    picture.save(path, optimize=True)


def bars(path: Path, title: str, values: Mapping[str, float]) -> None:
    """A bar for each value."""
    picture, draw, font = _canvas(title)
    most = _axis(draw, font, max(values.values()))
    wide = (_SIZE[0] - _LEFT - 40) / len(values)
    for index, (name, value) in enumerate(values.items()):
        left, top = _LEFT + wide * (index + 0.2), _height(value, most)
        draw.rectangle((left, top, left + wide * 0.6, _SIZE[1] - _BOTTOM), fill=_COLOURS[name])
        draw.text((left + wide * 0.3, top - 6), f"{value:g}", _INK, font, anchor="md")
        draw.text((left + wide * 0.3, _SIZE[1] - _BOTTOM + 8), _label(name), _INK, font, anchor="ma")
    picture.save(path, optimize=True)


def _canvas(title: str) -> tuple[Image.Image, ImageDraw.ImageDraw, ImageFont.FreeTypeFont | ImageFont.ImageFont]:
    picture = Image.new("RGB", _SIZE, (255, 255, 255))
    draw = ImageDraw.Draw(picture)
    draw.text((_LEFT, 18), title, _INK, ImageFont.load_default(16))
    return picture, draw, ImageFont.load_default(13)


def _axis(draw: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, largest: float) -> float:
    """Some five faint lines at round values; the value at the top."""
    power = 10 ** math.floor(math.log10(largest / 4))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if largest / (power * factor) <= 5)
    count = math.ceil(largest / step * 1.02)
    for number in range(count + 1):
        y = _height(step * number, step * count)
        draw.line((_LEFT, y, _SIZE[0] - 40, y), fill=_FAINT)
        draw.text((_LEFT - 8, y), f"{step * number:.4g}", _INK, font, anchor="rm")
    return step * count


def _height(value: float, most: float) -> float:
    return _SIZE[1] - _BOTTOM - (_SIZE[1] - _BOTTOM - _TOP) * value / most


def _label(name: str) -> str:
    return name.replace("_", " ").replace("llama server", "llama-server")
