"""Secrets in pictures, painted over before anybody gets the picture: the model, the history, a file.

A picture that can't be read is refused; none passes unread. What has been looked at is remembered by its digest: the
window looks first and shows the person what it found, the agent lets nothing else pass, and the work is done once.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deskhand.agent.safety import covering
from deskhand.agent.safety.covering import Place
from deskhand.agent.safety.redaction import Redaction
from deskhand.model.cascade import dots
from deskhand.model.cascade.ocr import Reader, ReadingStoppedError, reduced
from deskhand.model.types import Image

LEAST = 0.2
"""Confidence of reading from which a line counts: a row of bullets is read with 0.3."""

PAINT = (58, 42, 92)
EDGE = (150, 120, 220)
"""RGB of a box that covers a secret and of its edge, seen on light and on dark."""

KEPT = 4
"""Pictures whose painted form is kept; the window and the agent ask for the same one shortly after each other."""

Progress = Callable[[int, int], None]


class UncheckedError(Exception):
    """A picture could not be looked through for secrets, so it is not used; the message says why and what to do."""


@dataclass(frozen=True)
class Painted:
    """A picture that was looked through.

    Attributes:
        image: with every secret that was found painted over; the very same one if there was none.
        count: secrets that were found.
    """

    image: Image
    count: int = 0


class Painter:
    """Paints over secrets, if that is what the person chose; may be used from any thread.

    Args:
        mode: their choice; may be changed at any time.
        reader: reads the pictures.
    """

    def __init__(self, mode: Redaction, reader: Reader) -> None:
        self.mode: Redaction = mode
        self.reader = reader
        self._lock = threading.Lock()
        self._painted: OrderedDict[str, Painted] = OrderedDict()
        self._settled: set[str] = set()

    @property
    def paints(self) -> bool:
        """Whether pictures are looked through."""
        return self.mode == "pixels"

    def logs(self) -> bool:
        """Whether secrets are kept out of the log."""
        return self.mode != "off"

    def allow(self, image: Image) -> None:
        """The person has looked at this very picture and wants it used as it is."""
        with self._lock:
            self._settled.add(image.digest)

    def forbid(self, image: Image) -> None:
        """They changed their mind."""
        with self._lock:
            self._settled.discard(image.digest)

    def painted(
        self,
        image: Image,
        cancel: threading.Event | None = None,
        progress: Progress = lambda _done, _total: None,
    ) -> Painted:
        """The picture as it may be used; the same one at once if it has been looked through or the person allowed it.

        Blocks for as long as reading takes: seconds for a full screen.

        Raises:
            UncheckedError: it could not be read, or ``cancel`` was set.
        """
        if not self.paints:
            return Painted(image)
        with self._lock:
            if image.digest in self._settled:
                return Painted(image)
            if image.digest in self._painted:
                return self._painted[image.digest]
        made = self._look_through(image, cancel, progress)
        with self._lock:
            self._settled.add(made.image.digest)
            self._painted[image.digest] = made
            while len(self._painted) > KEPT:
                self._painted.popitem(last=False)
        return made

    def _look_through(self, image: Image, cancel: threading.Event | None, progress: Progress) -> Painted:
        try:
            lines = self.reader.lines(image, LEAST, cancel, progress)
            found = covering.places(lines, bullets(image))
        except ReadingStoppedError as error:
            raise UncheckedError(
                "Looking for secrets in the picture was stopped, so the picture is not used."
            ) from error
        except Exception as error:  # whatever fails in there, the picture was not looked through
            raise UncheckedError(
                f"The picture could not be looked through for secrets ({error or type(error).__name__}), so it is not "
                "used. “deskhand doctor” checks what is missing; the setting “redaction” switches this off."
            ) from error
        return Painted(over(image, found), covering.count(found)) if found else Painted(image)


def bullets(image: Image) -> list[dots.Box]:
    """Rows of bullets in a picture, in its own pixels."""
    pixels = reduced(image)
    across, down = image.width / pixels.shape[1], image.height / pixels.shape[0]
    found = dots.rows(np.ascontiguousarray(pixels))
    return [(left * across, top * down, right * across, bottom * down) for left, top, right, bottom in found]


def over(image: Image, places: Sequence[Place]) -> Image:
    """A picture with boxes painted over; nothing of what was below is left."""
    pixels: NDArray[np.uint8] = np.frombuffer(image.pixels, np.uint8).reshape(image.height, image.width, 3).copy()
    for place in places:
        left, top = max(0, int(place.left)), max(0, int(place.top))
        right, bottom = min(image.width, int(place.right) + 1), min(image.height, int(place.bottom) + 1)
        pixels[top:bottom, left:right] = EDGE
        pixels[top + 1 : bottom - 1, left + 1 : right - 1] = PAINT
    return Image(pixels.tobytes(), image.width, image.height, image.budget)
