"""All that a front end may learn about a turn: frozen events, and requests that carry their own reply."""

from __future__ import annotations

import queue
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from deskhand.agent.origin import Carried, Origin
from deskhand.agent.percept import SoundPercept
from deskhand.agent.task import Task
from deskhand.model.types import FinishReason, Image, Part, ToolCall, Usage


class Answer(StrEnum):
    """What a person says to an approval request."""

    ONCE = "once"
    SPOKEN = "spoken"
    """once, by saying what would be done: a voice grants nothing further (docs/adr/0029)"""
    SESSION = "session"
    ALWAYS = "always"
    NO = "no"


class Decision(StrEnum):
    """How it was decided whether a call runs."""

    ALLOWED = "allowed"
    """by rule: the tool only reads what the person gave, or was granted before"""
    APPROVED = "approved"
    """by the person, for this call or this session"""
    DENIED = "denied"
    """by the person, or because nobody was there to ask"""
    REFUSED = "refused"
    """by code: no such tool, or arguments that do not fit its schema"""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One tool call of a turn, with what became of it.

    Attributes:
        call: as the model wrote it.
        decision: whether it ran and who said so.
        result: what the tool returned (a JSON value), None if it did not.
        error: one sentence if it failed or did not run, else empty.
        seconds: wall time of the tool.
    """

    call: ToolCall
    decision: Decision
    result: Any = None
    error: str = ""
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The form of `deskhand ask --json`."""
        return {
            "name": self.call.name,
            "arguments": dict(self.call.arguments),
            "decision": self.decision.value,
            "result": self.result,
            "error": self.error,
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a turn ended.

    Attributes:
        answer: the text; never empty: an answer, a question, or the error in words.
        calls: every tool call, in order.
        finish: why it ended.
        usage: of all generations of the turn together.
        error: the sentence for the person when ``finish`` is ``error``.
    """

    answer: str
    calls: tuple[CallRecord, ...]
    finish: FinishReason
    usage: Usage
    error: str = ""


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """The person's message is in the history, or that of a task that came back.

    Attributes:
        conversation: of the store.
        turn: its id.
        parts: of the message.
        task: the kind of task that came back (`deskhand.agent.task.Kind`); empty for a message of the person's.
    """

    conversation: int
    turn: str
    parts: tuple[Part, ...]
    task: str = ""


@dataclass(frozen=True, slots=True)
class Progressed:
    """A stage of the engine's work moved on; ``done`` of ``total``."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class TextAdded:
    """The answer grew by ``text``."""

    text: str


@dataclass(frozen=True, slots=True)
class ThoughtAdded:
    """The thought grew by ``text``."""

    text: str


@dataclass(frozen=True, slots=True)
class CallProposed:
    """The model asks for a tool."""

    call: ToolCall


@dataclass(frozen=True, slots=True)
class Aim:
    """What the screen shows where a call would act.

    Attributes:
        image: a piece of it, as it is now; None if it could not be taken.
        at: the place in it, pixels across and down; None if all of it is meant.
        title: of the window, where one is meant.
        note: why there is no picture, a sentence.
    """

    image: Image | None = None
    at: tuple[int, int] | None = None
    title: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """A call that waits for the person. Whoever shows it sets ``reply``; nothing else routes the answer back.

    Attributes:
        call: exactly what would run.
        skill: the skill the tool belongs to.
        summary: one sentence: what the tool does, in its author's words.
        question: the call as a question, whose arguments are anybody's text; empty: only the tool's name is known.
        note: a sentence more about it; may be empty.
        told: names of the arguments of which the question says everything.
        touches: what it may touch, a line each, in plain words: "files: …/notes", "applications".
        origins: what the model had read that nobody vouches for, the newest last; empty if nothing.
        carried: pieces of the arguments that stand in what it had read.
        picture: what it had seen last, if that is among the origins.
        aim: where on the screen it would act, if it would.
        read: a piece of the text it had read last, or from which a piece was taken; secrets are painted over.
        command: the command line that would run, where the arguments alone do not say it.
        diff: unified, of the file that would change.
        lasting: whether the person can take that back afterwards.
        session: what ``session`` would allow from now on, in words; empty: that answer is not offered.
        always: likewise.
        phrase: what allows it once when it is said; empty if a voice can't allow it.
        why_not: a sentence then.
        asked: when, in UTC.
        reply: set once; cancelled when the turn is stopped.
        said: recordings of the person saying the phrase; each is answered by an `ApprovalHeard`.
    """

    call: ToolCall
    skill: str
    summary: str
    touches: tuple[str, ...]
    origins: tuple[Origin, ...] = ()
    carried: tuple[Carried, ...] = ()
    picture: Image | None = None
    aim: Aim | None = None
    read: str = ""
    command: str = ""
    diff: str = ""
    lasting: str = ""
    session: str = ""
    always: str = ""
    phrase: str = ""
    why_not: str = ""
    question: str = ""
    note: str = ""
    told: tuple[str, ...] = ()
    asked: datetime = field(default_factory=lambda: datetime.now(UTC), compare=False)
    reply: Future[Answer] = field(default_factory=Future[Answer], compare=False, repr=False)
    said: queue.SimpleQueue[SoundPercept] = field(
        default_factory=queue.SimpleQueue[SoundPercept], compare=False, repr=False
    )


@dataclass(frozen=True, slots=True)
class ApprovalRequested:
    """The turn waits until ``request.reply`` is set."""

    request: ApprovalRequest


@dataclass(frozen=True, slots=True)
class ApprovalHeard:
    """What was understood of a recording in `ApprovalRequest.said`.

    Attributes:
        call: id of the call that is asked about.
        text: the words; may be empty.
        objection: why they do not allow it; empty: they did.
    """

    call: str
    text: str
    objection: str


@dataclass(frozen=True, slots=True)
class CallEnded:
    """A call ran, failed, or was denied.

    Attributes:
        record: what became of it.
        images: pictures of its result, as the model gets them.
    """

    record: CallRecord
    images: tuple[Image, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """Something outside the turn's text that the person should know: a timer, an engine that was restarted.

    Attributes:
        kind: ``timer``, ``watch``, ``engine``, ``skill``.
        text: one sentence.
        task: id of the timer that it is about; empty where there is none.
        conversation: that it comes from, if that is not the one on the screen; 0 where that does not matter.
    """

    kind: str
    text: str
    task: str = ""
    conversation: int = 0


@dataclass(frozen=True, slots=True)
class TasksChanged:
    """What goes on behind the conversation is this from now on."""

    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The turn is over and on disk."""

    outcome: Outcome


Event = (
    TurnStarted
    | Progressed
    | TextAdded
    | ThoughtAdded
    | CallProposed
    | ApprovalRequested
    | ApprovalHeard
    | CallEnded
    | Notice
    | TasksChanged
    | TurnEnded
)
