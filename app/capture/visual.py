"""Pixels of X11 screens whose values are not 8 bits a colour: 8, 15, 16 or 30 bits, and those that go through a map.

mss reads the usual ones faster (24 bits, no map) and refuses the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from Xlib import X, display
from Xlib.ext import randr

from deskhand.app.capture.models import CaptureError, Screen

_BAND = 4_000_000
"""Bytes that the X server is asked for at a time."""
_USUAL = (0xFF0000, 0xFF00, 0xFF)
_TYPES = {8: "u1", 16: "u2", 32: "u4"}


@dataclass(frozen=True)
class Visual:
    """How pixels of a screen become colours (X11 protocol, connection setup, VISUALTYPE).

    Attributes:
        kind: ``X.TrueColor`` and the like.
        masks: of red, green and blue in a pixel, where it has them.
        entries: how many colours a map holds.
        depth: bits of a pixel that count.
        bits: that a pixel takes.
        pad: bits to which a row is filled up.
        big: whether the first byte of a pixel is the highest.
    """

    kind: int
    masks: tuple[int, int, int]
    entries: int
    depth: int
    bits: int
    pad: int
    big: bool

    @property
    def usual(self) -> bool:
        """Whether every other program can read it."""
        return self.kind == X.TrueColor and self.bits == 32 and self.masks == _USUAL and not self.big


def visual(connection: display.Display) -> Visual:
    """That of the whole screen."""
    screen, info = connection.screen(), connection.display.info
    every = [each for depth in screen.allowed_depths for each in depth.visuals]
    found = next(each for each in every if each.visual_id == screen.root_visual)
    layout = next(each for each in info.pixmap_formats if each.depth == screen.root_depth)
    masks = (int(found.red_mask), int(found.green_mask), int(found.blue_mask))
    big = bool(info.image_byte_order)
    entries = int(found.colormap_entries)
    return Visual(
        int(found.visual_class), masks, entries, screen.root_depth, layout.bits_per_pixel, layout.scanline_pad, big
    )


def screens(connection: display.Display, handler: str) -> list[Screen]:
    """All monitors (RandR 1.5), or the whole screen where nobody tells of monitors."""
    root = connection.screen().root
    if connection.has_extension(randr.extname):
        found = randr.get_monitors(root).monitors
        named = [(str(connection.get_atom_name(each.name)), each) for each in found]
        made = [
            Screen(name, m.x, m.y, m.width_in_pixels, m.height_in_pixels, bool(m.primary), handler, str(number))
            for number, (name, m) in enumerate(named, 1)
        ]
        if made:
            return made
    size = root.get_geometry()
    return [Screen("Screen 1", 0, 0, size.width, size.height, primary=True, handler=handler, key="1")]


def pixels(connection: display.Display, left: int, top: int, width: int, height: int) -> bytes:
    """The pixels of an area of the screen: ``height * width * 3`` bytes, red, green, blue.

    Raises:
        CaptureError: pixels of this kind can't be read.
    """
    how = visual(connection)
    if how.bits not in _TYPES:
        raise CaptureError(
            f"The screen can't be captured: its colours have {how.depth} bits, and 8, 15, 16, 24 and 30 can be read. "
            "Set the display to 24 bits."
        )
    kind = np.dtype(_TYPES[how.bits]).newbyteorder(">" if how.big else "<")
    row = -(-width * how.bits // how.pad) * how.pad // 8
    band = max(1, _BAND // row)
    tables = _tables(connection, how)
    made: list[bytes] = []
    for first in range(0, height, band):
        high = min(band, height - first)
        image: Any = connection.screen().root.get_image(left, top + first, width, high, X.ZPixmap, 0xFFFFFFFF)
        lines = np.frombuffer(image.data, np.uint8, row * high).reshape(high, row)
        values = np.ascontiguousarray(lines[:, : width * how.bits // 8]).view(kind)
        made.append(_colours(values, how, tables).tobytes())
    return b"".join(made)


def _colours(values: NDArray[Any], how: Visual, tables: tuple[NDArray[np.uint8], ...]) -> NDArray[np.uint8]:
    if how.kind not in {X.TrueColor, X.DirectColor}:
        return np.stack([table[values] for table in tables], axis=-1)
    parts = (values & mask for mask in how.masks)
    shifts = (_shift(mask) for mask in how.masks)
    return np.stack([table[part >> shift] for table, part, shift in zip(tables, parts, shifts, strict=True)], axis=-1)


def _tables(connection: display.Display, how: Visual) -> tuple[NDArray[np.uint8], ...]:
    """For red, green and blue: the byte that each value stands for."""
    if how.kind == X.TrueColor:
        tops = [mask >> _shift(mask) for mask in how.masks]
        return tuple(np.rint(np.arange(top + 1) * (255 / top)).astype(np.uint8) for top in tops)
    if how.kind == X.DirectColor:
        tops = [mask >> _shift(mask) for mask in how.masks]
        asked = [
            sum(min(at, top) << _shift(mask) for top, mask in zip(tops, how.masks, strict=True))
            for at in range(max(tops) + 1)
        ]
        red, green, blue = _mapped(connection, asked)
        return red, green, blue
    table = np.zeros((3, 1 << how.bits), np.uint8)
    table[:, : how.entries] = _mapped(connection, list(range(how.entries)))
    return table[0], table[1], table[2]


def _mapped(connection: display.Display, asked: list[int]) -> NDArray[np.uint8]:
    """What values stand for in the map that the screen shows now; red, green and blue by value."""
    screen = connection.screen()
    shown = list(screen.root.list_installed_colormaps())
    used = screen.default_colormap if not shown or screen.default_colormap in shown else shown[0]
    colours = used.query_colors(asked)
    return np.array([[each.red >> 8, each.green >> 8, each.blue >> 8] for each in colours], np.uint8).T


def _shift(mask: int) -> int:
    return (mask & -mask).bit_length() - 1
