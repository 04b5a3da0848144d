"""What skills may let go on behind the conversation: watches of the screen, and what is to be done later."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from deskhand.agent.background import LEAST_EVERY, LONGEST_WAIT, LONGEST_WATCH, Background
from deskhand.agent.percept import ScreenPercept
from deskhand.agent.task import Task, TaskError
from deskhand.agent.tools.host import Asked, HostError, Told


class Behind:
    """Begins tasks, lists and ends them.

    Args:
        background: that keeps them; None where there is none.
        look: takes a picture of the screen in use; raises HostError.
    """

    def __init__(self, background: Background | None, look: Callable[[], ScreenPercept]) -> None:
        self._background = background
        self._look = look

    def watch(self, asked: Asked) -> Told:
        """Look at the screen again and again, and come back when something is so, or at any change."""
        given = asked.arguments
        seconds, every = float(given.get("seconds", 3600)), float(given.get("every", 10))
        if not LEAST_EVERY <= every <= 3600:
            raise HostError(f"Between two looks there must be {LEAST_EVERY:g} to 3600 seconds.")
        if not every <= seconds <= LONGEST_WATCH:
            raise HostError(f"A watch may go on for at most {LONGEST_WATCH / 3600:g} hours, and has to look once.")
        until = time.time() + seconds
        task = Task(_free(), "watch", _line(given.get("what", "")), until, every=every, look=self._glance)
        return self._begun(task, {"until": _clock(until), "every": every})

    def later(self, asked: Asked) -> Told:
        """Come back with something to do after some seconds, also after a restart."""
        what, seconds = _line(asked.arguments["what"]), float(asked.arguments["seconds"])
        if not what:
            raise HostError("Say what is to be done then.")
        if not 1 <= seconds <= LONGEST_WAIT:
            raise HostError("Something can be done in at least one second and at most a year.")
        due = time.time() + seconds
        return self._begun(Task(_free(), "later", what, due), {"due": _clock(due)})

    def tasks(self, _asked: Asked) -> Told:
        """Everything that goes on."""
        return Told(
            {"tasks": [{"id": t.id, "kind": t.kind, "what": t.what, "due": _clock(t.due)} for t in self._all()]}
        )

    def end_task(self, asked: Asked) -> Told:
        """End one that goes on, by its id."""
        try:
            ended = self._kept().withdraw(asked.arguments["id"])
        except TaskError as error:
            raise HostError(str(error)) from error
        return Told({"ended": ended.id, "what": ended.what})

    def _begun(self, task: Task, more: dict[str, Any]) -> Told:
        try:
            self._kept().check(task.kind)
        except TaskError as error:
            raise HostError(str(error)) from error
        return Told({"id": task.id, "what": task.what, **more}, begins=task)

    def _all(self) -> tuple[Task, ...]:
        return self._kept().all()

    def _kept(self) -> Background:
        if self._background is None:
            raise HostError("Nothing can go on behind this program.")
        return self._background

    def _glance(self) -> ScreenPercept:
        try:
            return self._look()
        except HostError as error:
            raise TaskError(str(error)) from error


def _free() -> str:
    return secrets.token_hex(3)


def _line(text: str) -> str:
    return " ".join(text.split())[:300]


def _clock(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment).astimezone():%Y-%m-%d %H:%M:%S}"
