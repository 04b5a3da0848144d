"""What the screen shows where a call would act, for the person who is asked about it."""

from __future__ import annotations

import threading

import numpy as np

from deskhand.agent.events import Aim
from deskhand.agent.percept import ScreenPercept
from deskhand.agent.safety.painting import Painter, UncheckedError
from deskhand.agent.safety.windows import Area
from deskhand.agent.tool import Tool
from deskhand.agent.tools.host import HostError
from deskhand.app import capture
from deskhand.app.host.eyes import Eyes
from deskhand.app.host.pointer import physical, usable
from deskhand.app.host.selection import selected
from deskhand.app.host.target import ShownTarget, Targets
from deskhand.app.host.way import Way
from deskhand.app.x11 import recipient
from deskhand.app.x11.recipient import Recipient
from deskhand.model.types import Image, ToolCall

CROP = (560, 300)
"""Pixels across and down that are shown around a place."""

AROUND = (1300, 800)
"""Likewise, that are looked through for secrets: a label may stand outside of what is shown."""


COVERED = "A window of Deskhand's covers this place, and skills can't click there. Move it away, then ask again."


class Sight:
    """Takes a picture of where a call would act, as it is now, and remembers it for the call.

    Args:
        eyes: know which screen was looked at last, to which places refer.
        painter: paints over secrets.
        way: keeps our windows away from the place, as it will for the click.
        targets: remember what was shown.
    """

    def __init__(
        self, eyes: Eyes, painter: Painter | None = None, way: Way | None = None, targets: Targets | None = None
    ) -> None:
        self._eyes = eyes
        self._way = way or Way()
        self._painter = painter
        self._targets = targets or Targets()

    def aim(self, tool: Tool, call: ToolCall, cancel: threading.Event) -> Aim | None:
        """What is there; None where a call acts at no place of the screen.

        Args:
            tool: that is called.
            call: with the arguments that would run.
            cancel: ends the look.
        """
        given = call.arguments
        if tool.name in {"selection_read", "selection_replace"}:
            find = None if given.get("copied") else self._selection
        elif "input" not in tool.scopes:
            find = None
        else:
            find = (
                self._place if isinstance(given.get("x"), int) and isinstance(given.get("y"), int) else self._keyboard
            )
        if find is None:
            return None
        self._targets.show(call.id, ShownTarget(0))
        try:
            return find(call, cancel)
        except (HostError, UncheckedError) as error:
            return Aim(note=str(error))

    def _place(self, call: ToolCall, cancel: threading.Event) -> Aim:
        area = self._eyes.area()
        x, y = physical(area, call.arguments)
        with self._way.clear(Area(x - CROP[0] // 2, y - CROP[1] // 2, *CROP), cancel):
            seen = _screen(area)
            with usable() as windows:
                found = recipient.at(windows, x, y)
        if found.ours:
            return Aim(note=COVERED)
        self._targets.show(call.id, ShownTarget(found.number, (x, y), found.area))
        return self._shown(seen, x - seen.left, y - seen.top, found.title, cancel, mark=True)

    def _keyboard(self, call: ToolCall, cancel: threading.Event) -> Aim:
        with usable() as windows:
            found = recipient.writable(windows, self._targets.last)
        return self._window(found, call, cancel)

    def _selection(self, call: ToolCall, cancel: threading.Event) -> Aim:
        with usable() as windows:
            found = selected(windows)
        return self._window(found, call, cancel)

    def _window(self, found: Recipient, call: ToolCall, cancel: threading.Event) -> Aim:
        self._targets.show(call.id, ShownTarget(found.number))
        with self._way.clear(found.area, cancel):
            seen = _screen(found.area)
        area = found.area.cut(Area(seen.left, seen.top, seen.image.width, seen.image.height))
        x, y = area.left + area.width // 2, area.top + area.height // 2
        return self._shown(seen, x - seen.left, y - seen.top, found.title, cancel, mark=False)

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
