"""The question before a tool runs, in the terminal: what the window's sheet shows, as far as words can tell it."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence

from deskhand.agent.events import Aim, ApprovalRequest
from deskhand.app.visible import line, one_line
from deskhand.model.cascade.ocr import Word
from deskhand.model.types import Image

_WIDE = 72
"""Characters of a line of others' text: one that the terminal wrapped would stand there as if it were ours."""

Words = Callable[[Image], Sequence[Word]]


def lines(request: ApprovalRequest, words: Words) -> Iterator[str]:
    """What the person has to know, a line each, safe to print.

    Every field is one line, whatever is in it: a newline in an argument, a name or a path is written as ⏎, and blanks
    in rows as ␣, with which a terminal's own wrapping could be used to make a piece of it look like a line of ours.

    Args:
        request: the question.
        words: reads the picture of the place where it would act.
    """
    yield ""
    yield _field(f"{request.skill} wants to run {request.call.name}: {request.summary}")
    for key, value in request.call.arguments.items():
        yield f"    {_field(f'{key} = {json.dumps(value, ensure_ascii=False, default=str)}')}"
    if request.command:
        yield f"    {_field(f'runs {request.command}')}"
    yield from _quoted(request.diff)
    more = [request.lasting] if request.lasting else []
    more += [f"touches {place}" for place in request.touches]
    for text in (*more, *_place(request.aim, words), *_origins(request)):
        yield f"    {_field(text)}"
    if request.origins and request.read:
        yield "    it had read:"
        yield from _quoted(request.read)


def _field(text: str) -> str:
    return re.sub(r" {3,}", lambda blanks: "␣" * len(blanks[0]), line(text))


def _quoted(text: str) -> Iterator[str]:
    """A text of several lines behind a bar, none wider than a terminal."""
    for each in text.splitlines():
        for piece in textwrap.wrap(line(each), _WIDE, drop_whitespace=False) or [""]:
            yield f"    │ {piece}"


def _origins(request: ApprovalRequest) -> Iterator[str]:
    """Where the request may come from, if the model has read what others wrote."""
    if not request.origins:
        return
    only = "" if request.session else ", so only this one call can be allowed"
    yield f"asked after reading {', '.join(origin.words for origin in request.origins[-3:])}{only}"
    for piece in request.carried:
        yield f"{piece.argument} repeats “{one_line(piece.text[:200])}” from {piece.origin.words}"
    if request.picture:
        yield "it had seen a picture, which only the window can show"


def _place(aim: Aim | None, words: Words) -> Iterator[str]:
    """Where on the screen it would act, as it is now."""
    if aim is None:
        return
    if aim.image is None:
        yield f"where it would act can't be told: {aim.note}"
    elif aim.at is None:
        yield f"in the window {f'“{one_line(aim.title)}”' if aim.title else 'that has the keyboard'}"
    else:
        place = f"in the window “{one_line(aim.title)}”" if aim.title else "on the screen"
        yield f"{place}, as it is now: {_standing(aim.at, words(aim.image))}"


def _standing(at: tuple[int, int], words: Sequence[Word]) -> str:
    """Which text a place is on, or else is nearest to."""
    if not words:
        return "no text can be read near that place"
    across, down, word = min(((*_away(at, word), word) for word in words), key=lambda each: each[0] ** 2 + each[1] ** 2)
    said = f"“{one_line(word.text[:100])}”"
    if not across and not down:
        return f"the place is on the text {said}"
    side = ("to the right" if across > 0 else "to the left") if abs(across) >= abs(down) else ""
    side = side or ("below" if down > 0 else "above")
    return f"the place is on no text; the nearest is {said}, {max(abs(across), abs(down)):.0f} pixels {side}"


def _away(at: tuple[int, int], word: Word) -> tuple[float, float]:
    """Pixels from a place to a box, to the right and down; 0 and 0 within it."""
    (x, y) = at
    return max(0.0, word.left - x) or min(0.0, word.right - x), max(0.0, word.top - y) or min(0.0, word.bottom - y)
