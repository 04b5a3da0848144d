"""The one gate that every picture passes on its way into a conversation: what is attached, and what tools looked at."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

from deskhand.agent.events import Progressed
from deskhand.agent.origin import Carried
from deskhand.agent.percept import Percept, ScreenPercept
from deskhand.agent.safety import redaction
from deskhand.agent.safety.painting import Painter, Progress, UncheckedError
from deskhand.agent.safety.taint import Taint
from deskhand.agent.task import Woken
from deskhand.agent.tool import ToolResult
from deskhand.agent.turn import Emit

EXCERPT = 600
"""Characters of a text that is shown."""

STAGE = "looking for secrets in the picture"


def percepts(
    given: Sequence[Percept], painter: Painter | None, emit: Emit, cancel: threading.Event
) -> tuple[Percept, ...]:
    """What was attached, with secrets painted over if the person chose that.

    Raises:
        UncheckedError: a picture could not be looked through.
    """
    if painter is None:
        return tuple(given)
    return tuple(_painted(each, painter, emit, cancel) if isinstance(each, ScreenPercept) else each for each in given)


def _painted(seen: ScreenPercept, painter: Painter, emit: Emit, cancel: threading.Event) -> ScreenPercept:
    return replace(seen, image=painter.painted(seen.image, cancel, _told(emit)).image)


def woken(came: Woken, painter: Painter | None, emit: Emit, cancel: threading.Event) -> Woken:
    """A task that comes back with what a watch saw, likewise; raises `UncheckedError`."""
    if painter is None or came.percept is None:
        return came
    return replace(came, percept=_painted(came.percept, painter, emit, cancel))


def result(made: ToolResult, painter: Painter | None, emit: Emit, cancel: threading.Event) -> ToolResult:
    """What a tool looked at, likewise; a result whose picture could not be looked through is an error."""
    if painter is None or not made.images:
        return made
    try:
        images = tuple(painter.painted(image, cancel, _told(emit)).image for image in made.images)
    except UncheckedError as error:
        return replace(made, value=None, error=str(error), images=())
    return replace(made, images=images)


def excerpt(read: Taint, carried: Sequence[Carried], painter: Painter | None) -> str:
    """A piece of the text that a call may come from, for the person who is asked; without secrets unless they chose so.

    Args:
        read: what the model had read.
        carried: pieces of the call that stand there; the first decides which text, and where in it.
        painter: says whether secrets are painted over.
    """
    wanted = carried[0].origin if carried else read.origins[-1] if read.origins else None
    text = next((text for origin, text in reversed(read.texts) if origin == wanted), "")
    at = max(0, text.casefold().find(carried[0].text.casefold())) if carried else 0
    first = max(0, at - EXCERPT // 3)
    piece = redaction.redact(text) if painter is None or painter.logs() else text
    piece = piece[first : first + EXCERPT]
    return f"{'…' if first else ''}{piece}{'…' if first + EXCERPT < len(text) else ''}" if piece else ""


def _told(emit: Emit) -> Progress:
    return lambda done, total: emit(Progressed(STAGE, done, total))
