"""What skills may see of the screen: a look for the model, its text, and the place of a text."""

from __future__ import annotations

import difflib
import threading
from collections.abc import Sequence
from dataclasses import replace

from deskhand.agent.percept import ScreenPercept
from deskhand.agent.safety.painting import Painter, UncheckedError
from deskhand.agent.safety.windows import Area
from deskhand.agent.tools.host import Asked, HostError, Told, picture
from deskhand.app import capture
from deskhand.app.host import voice
from deskhand.app.host.mark import LastingMark
from deskhand.app.host.way import Way
from deskhand.app.x11.connection import NoServerError, present
from deskhand.model.cascade.ocr import Reader, Word, rows

MOST_FOUND = 10
_ROOM = 8
"""Pixels between the text and the mark."""
LEAST_LIKE = 0.75
"""How much alike (`difflib`'s ratio) what was read must be to what is looked for, where nothing is equal."""


class Eyes:
    """Looks at the screen in use.

    Args:
        budget: the most image tokens of a look.
        painter: paints over secrets, so that none is read either.
        language: in which it reads aloud, an ISO 639-1 code.
        way: keeps our windows away from what is looked at.

    Attributes:
        mark: at what was found last.
    """

    def __init__(
        self, budget: int, painter: Painter | None = None, language: str = "en", way: Way | None = None
    ) -> None:
        self._way = way or Way()
        self.mark = LastingMark()
        self._budget = budget
        self._language = language
        self._painter = painter
        self._reader = painter.reader if painter else Reader()
        self._area: Area | None = None

    def saw(self, seen: ScreenPercept) -> None:
        """The person attached a screenshot: places that the model names from now on are in it."""
        self._area = Area(seen.left, seen.top, seen.image.width, seen.image.height)

    def look(self, asked: Asked) -> Told:
        """A screenshot, for the model."""
        return picture(self._seen(asked.cancel))

    def read(self, asked: Asked) -> Told:
        """All text on the screen, in rows."""
        seen = self._seen(asked.cancel)
        text = "\n".join(rows(self._reader.words(seen.image)))
        told = {"text": text, "source": seen.source}
        if not asked.arguments.get("aloud"):
            return Told(told)
        spoken = voice.speak(text, asked.cancel, self._language)
        return Told({**told, "spoken": f"the first {spoken} characters" if spoken else voice.MISSING})

    def find(self, asked: Asked) -> Told:
        """Where a text stands, as places in thousandths of the screen, the best first."""
        wanted = " ".join(asked.arguments["text"].split())
        if not wanted:
            raise HostError("Give the text to look for.")
        seen = self._seen(asked.cancel)
        found = matches(wanted, self._reader.words(seen.image))
        if not found:
            raise HostError(f"I can't see “{wanted[:60]}” on the screen.")
        wide, high = seen.image.width / 1000, seen.image.height / 1000
        places = [
            {
                "text": word.text[:100],
                "x": round((word.left + word.right) / 2 / wide),
                "y": round((word.top + word.bottom) / 2 / high),
                "box": [
                    round(word.left / wide),
                    round(word.top / high),
                    round(word.right / wide),
                    round(word.bottom / high),
                ],
            }
            for word in found
        ]
        shown = self._mark(found[0], seen)
        return Told({"found": places, "unit": "thousandths of the screen", "marked": shown})

    def area(self) -> Area:
        """Of the screen that was looked at last, in physical pixels; of the one in use if none was."""
        if self._area is None:
            self.saw(self.glance())
        assert self._area is not None  # noqa: S101 - `saw` sets it
        return self._area

    def glance(self) -> ScreenPercept:
        """The screen in use, for a look that nobody clicks after: `area` and our windows stay as they were.

        Raises:
            HostError: it can't be captured.
        """
        return capture.grab(budget=self._budget)

    def _seen(self, cancel: threading.Event) -> ScreenPercept:
        """What skills may see of it: without our windows, and without secrets where the person chose that."""
        self.mark.remove()
        screen = capture.in_use(self._budget)
        with self._way.clear(Area(screen.left, screen.top, screen.width, screen.height), cancel):
            seen = capture.grab(screen, budget=self._budget)
        self.saw(seen)
        if self._painter is None:
            return seen
        try:
            return replace(seen, image=self._painter.painted(seen.image, cancel).image)
        except UncheckedError as error:
            raise HostError(str(error)) from error

    def _mark(self, word: Word, seen: ScreenPercept) -> bool:
        """Mark a text on the screen until the answer has been read; False where that can't be done (Wayland)."""
        left, top = round(seen.left + word.left) - _ROOM, round(seen.top + word.top) - _ROOM
        wide, high = round(word.right - word.left) + 2 * _ROOM, round(word.bottom - word.top) + 2 * _ROOM
        if not present():
            return False
        try:
            self.mark.show(Area(left, top, wide, high))
        except NoServerError:
            return False
        return True


def matches(wanted: str, words: Sequence[Word]) -> list[Word]:
    """The pieces that hold a text, best first: equal, then part of a line (boxed alone), then much alike.

    White space makes no difference, as recognition loses it between words that stand close.
    """
    want = "".join(wanted.casefold().split())
    scored: list[tuple[float, Word]] = []
    for word in words:
        text = "".join(word.text.casefold().split())
        at = text.find(want)
        if text == want:
            scored.append((2, word))
        elif at >= 0:
            wide = (word.right - word.left) / len(text)
            left, right = word.left + wide * at, word.left + wide * (at + len(want))
            scored.append((1 + len(want) / len(text), Word(word.text, left, word.top, right, word.bottom)))
        else:
            like = difflib.SequenceMatcher(None, want, text).ratio()
            if like >= LEAST_LIKE:
                scored.append((like, word))
    scored.sort(key=lambda each: -each[0])
    return [word for _, word in scored[:MOST_FOUND]]
