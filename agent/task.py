"""What goes on behind the conversation, and the moment at which it comes back as a turn of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from deskhand.agent.origin import Origin
from deskhand.agent.percept import ScreenPercept

Kind = Literal["timer", "later", "watch"]
"""All come back as turns: ``later`` and ``watch`` as the model's, ``timer`` in our words, at once and for nothing."""


Settled = Literal["done", "not yet", "put off"]
"""What became of a task that came back: it has ended; what it waits for is not so; nobody had time for it."""


class TaskError(Exception):
    """A task can't be begun or found; the message is a sentence for the person."""


@dataclass(frozen=True)
class Task:
    """One task that has not ended.

    Attributes:
        id: names it for the person, unique among all.
        kind: of `Kind`.
        what: in the person's words: what to do, or what to watch for; of a watch it may be empty, for any change. Of a
            timer that came back, the sentence that was told.
        due: seconds since the epoch: of a watch when it ends, else when it comes back.
        repeat: of a timer, as in `deskhand.agent.timers`.
        every: of a watch: seconds between two looks.
        conversation: that it comes back in; 0 for a timer, whose conversation is the one in which it was set.
        origins: what of ``what`` nobody vouches for: where the conversation's content came from when it was begun.
        look: of a watch: takes a picture; raises `TaskError` where it can't.
    """

    id: str
    kind: Kind
    what: str
    due: float
    repeat: str = ""
    every: float = 0.0
    conversation: int = 0
    origins: tuple[Origin, ...] = ()
    look: Callable[[], ScreenPercept] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Woken:
    """A task that wants a turn now.

    Attributes:
        task: which.
        percept: what a watch saw.
        late: seconds since it was due; the program was closed or the machine asleep.
        cancel: set when the task is withdrawn: its turn ends, or does not begin.
        settle: called once with what became of it; a watch that is not done goes on.
    """

    task: Task
    percept: ScreenPercept | None
    late: float
    cancel: threading.Event
    settle: Callable[[Settled], None] = field(compare=False, repr=False)
