"""One turn in the making, and the words with which it ends: never none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from deskhand.agent.events import CallRecord, Event, Notice, Outcome, TextAdded
from deskhand.agent.limits import Stop
from deskhand.agent.safety import taint
from deskhand.agent.safety.audit import Audit, AuditError
from deskhand.agent.safety.taint import Taint, Traced
from deskhand.agent.tools.disclosure import ACTIVATE
from deskhand.model.types import FinishReason, Usage

Emit = Callable[[Event], None]


@dataclass
class Turn:
    """What a turn carries from step to step.

    Attributes:
        conversation: of the store.
        id: of the turn.
        emit: receives events.
        stop: the person's stop or the time that is up.
        screen_shared: the person attached a screenshot taken just now.
        texts: what each generation said.
        calls: with what became of them.
        made: name and arguments of every call that was let in, to see repetitions.
        repeated: how many calls in a row were refused because they had been made before.
        offered: names of the tools that the last request declared; no other may run.
        usage: of all generations together.
        spent: the limit of tokens that was reached, 0 if none was.
        closing: the next generation is the last one and may not call.
        room: the part of the engine's context that was not too much for it.
        alone: the engine could not read what was said before this turn, so it is left out.
        traced: the messages of the conversation so far, each with what of it nobody vouches for.
        audit: the log, if there is one.
        unlogged: a line could not be written into it.
        streamed: is told text and thought of the running generation whenever they have grown.
    """

    conversation: int
    id: str
    emit: Emit
    stop: Stop
    screen_shared: bool = False
    texts: list[str] = field(default_factory=list[str])
    calls: list[CallRecord] = field(default_factory=list[CallRecord])
    made: list[str] = field(default_factory=list[str])
    repeated: int = 0
    offered: frozenset[str] = frozenset()
    usage: Usage = field(default_factory=Usage)
    spent: int = 0
    closing: bool = False
    room: float = 1.0
    alone: bool = False
    traced: list[Traced] = field(default_factory=list[Traced])
    audit: Audit | None = None
    unlogged: bool = False
    streamed: Callable[[str, str], None] = lambda _text, _thought: None

    def note(self, kind: str, **fields: Any) -> str:  # noqa: ANN401 - JSON values
        """Write a line into the log; returns why it could not be written, which the person is told once a turn."""
        if self.audit is None:
            return ""
        try:
            self.audit.note(kind, turn=self.id, **fields)
        except AuditError as error:
            if not self.unlogged:
                self.unlogged = True
                self.emit(Notice("audit", str(error)))
            return str(error)
        return ""

    @property
    def taint(self) -> Taint:
        """What of the conversation nobody vouches for: also what was left out, as answers may repeat it."""
        return taint.of(self.traced)

    def outcome(self, finish: FinishReason, error: str = "") -> Outcome:
        """End the turn: with the last thing that the model said, else with a sentence of ours."""
        answer = self.texts[-1].strip() if self.texts and not self.spent else ""
        worked = any(not record.error for record in self.calls)
        if finish == "stop" and not answer and not worked:
            finish, error = "error", self._silence()
        if not answer and not error:
            answer = self._closing(finish)
            self.emit(TextAdded(answer))
        return Outcome(answer or error, tuple(self.calls), finish, self.usage, error)

    def stopped(self) -> Outcome:
        """End a turn whose generation or tool was stopped."""
        if self.stop.cancelled:
            return self.outcome("cancelled")
        if self.stop.timed_out:
            return self.outcome("length")
        return self.outcome("error", "The engine stopped without saying why: ask again.")

    def _silence(self) -> str:
        reason = f"{self.calls[-1].error} " if self.calls else ""
        return f"{reason}The model gave no answer: ask again in other words."

    def _closing(self, finish: FinishReason) -> str:
        done = ", ".join(dict.fromkeys(record.call.name for record in self.calls if not record.error))
        if finish == "cancelled":
            return f"Stopped. Done so far: {done}." if done else "Stopped."
        if finish == "stop":
            opened = [str(record.call.arguments.get("name")) for record in self.calls if record.call.name == ACTIVATE]
            return f"I'm ready to use “{opened[-1]}”. What should I do?" if done == ACTIVATE else f"Done: {done}."
        if self.stop.timed_out:
            return "I stopped because the time for one turn was up: say “go on”, or ask for less at a time."
        if self.spent:
            return f"I stopped because one turn may write {self.spent:,} tokens. Say “go on” and I will."
        if self.calls:
            return f"I stopped after {len(self.texts)} steps without an answer: say “go on”, or ask for less at a time."
        return "The answer was cut off before it began: allow more tokens, or switch thinking off."
