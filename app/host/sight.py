"""What the screen shows where a call would act, for the person who is asked about it."""

from __future__ import annotations

import threading

import numpy as np

from deskhand.agent.events import Aim
from deskhand.agent.percept import ScreenPercept
from deskhand.agent.safety.painting import Painter, UncheckedError
from deskhand.agent.safety.windows import Area, strikes
from deskhand.agent.tools.host import HostError
from deskhand.app import capture
from deskhand.app.capture import own
from deskhand.app.host import pointer
from deskhand.app.host.eyes import Eyes
from deskhand.app.host.way import Way
from deskhand.model.types import Image

CROP = (560, 300)
"""Pixels across and down that are shown around a place."""

AROUND = (1300, 800)
"""Likewise, that are looked through for secrets: a label may stand outside of what is shown."""


COVERED = "A window of Deskhand's covers this place, and skills can't click there. Move it away, then ask again."


class Sight:
    """Takes a picture of the place of a click, or of the window that has the keyboard, as it is now.

    Args:
        eyes: know which screen was looked at last, to which places refer.
        painter: paints over secrets.
        way: keeps our windows away from the place, as it will for the click.
    """

    def __init__(self, eyes: Eyes, painter: Painter | None = None, way: Way | None = None) -> None:
        self._eyes = eyes
        self._way = way or Way()
        self._painter = painter

    def aim(self, place: tuple[int, int] | None, cancel: threading.Event) -> Aim:
        """What is there.

        Args:
            place: thousandths of the screen across and down; None for the window that has the keyboard.
            cancel: ends the look.
        """
        try:
            if place is None:
                window, title = pointer.keyboard_window()
                seen = _screen(window)
                x, y, mark = window.left + window.width // 2, window.top + window.height // 2, False
            else:
                area, title, mark = self._eyes.area(), "", True
                x = area.left + min(area.width - 1, round(area.width * place[0] / 1000))
                y = area.top + min(area.height - 1, round(area.height * place[1] / 1000))
                with self._way.clear(x, y, cancel):
                    seen, covered = _screen(area), strikes(x, y, own.areas())
                if covered:
                    return Aim(note=COVERED)
            return self._shown(seen, x - seen.left, y - seen.top, title, cancel, mark=mark)
        except (HostError, UncheckedError) as error:
            return Aim(note=str(error))

    def _shown(self, seen: ScreenPercept, x: int, y: int, title: str, cancel: threading.Event, *, mark: bool) -> Aim:
        """The crop, looked through with what is around it; ``x`` and ``y`` are pixels of the screenshot."""
        left, top, wide = _cut(seen.image, x, y, AROUND)
        if self._painter is not None:
            wide = self._painter.painted(wide, cancel).image
        inner_left, inner_top, crop = _cut(wide, x - left, y - top, CROP)
        at = (x - left - inner_left, y - top - inner_top) if mark else None
        return Aim(crop, at, title)


def _screen(area: Area) -> ScreenPercept:
    """A picture of the screen that holds an area's middle; of the one in use if none does."""
    x, y = area.left + area.width // 2, area.top + area.height // 2
    for screen in capture.screens():
        if screen.left <= x < screen.left + screen.width and screen.top <= y < screen.top + screen.height:
            return capture.grab(screen)
    return capture.grab()


def _cut(image: Image, x: int, y: int, size: tuple[int, int]) -> tuple[int, int, Image]:
    """A piece around a place, moved inwards at the edges; with its left and top."""
    width, height = min(size[0], image.width), min(size[1], image.height)
    left = max(0, min(image.width - width, x - width // 2))
    top = max(0, min(image.height - height, y - height // 2))
    pixels = np.frombuffer(image.pixels, np.uint8).reshape(image.height, image.width, 3)
    piece = np.ascontiguousarray(pixels[top : top + height, left : left + width])
    return left, top, Image(piece.tobytes(), width, height, image.budget)
