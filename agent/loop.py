"""The loop: step = act(query()). One turn, from the person's words to an outcome that is on disk."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace

from deskhand.agent import beyond, claims, prompt, scopes, screening
from deskhand.agent.acting import Actor, Sight
from deskhand.agent.asking import Asker, Said
from deskhand.agent.background import Background
from deskhand.agent.events import (
    CallEnded,
    CallProposed,
    CallRecord,
    Decision,
    Notice,
    Outcome,
    Progressed,
    TextAdded,
    TurnEnded,
    TurnStarted,
)
from deskhand.agent.hearing import Hearing
from deskhand.agent.history import HistoryError, Store
from deskhand.agent.limits import Limits, Stop
from deskhand.agent.percept import Percept, ScreenPercept
from deskhand.agent.safety import taint
from deskhand.agent.safety.audit import Audit
from deskhand.agent.safety.painting import Painter, UncheckedError
from deskhand.agent.safety.permissions import Permissions
from deskhand.agent.task import Settled, Woken
from deskhand.agent.tools import disclosure
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.agent.turn import Emit, Turn
from deskhand.agent.waking import Waker
from deskhand.model.engine import Engine
from deskhand.model.errors import ModelError
from deskhand.model.types import (
    BrokenCall,
    FinishReason,
    Message,
    Progress,
    Request,
    Sampling,
    Text,
    ToolCall,
    ToolChoice,
)

__all__ = ["Agent", "Limits"]

PARTIAL_SECONDS = 1.0
"""Between two times that what streams is written; a write waits for the disk."""


class Agent:
    """Runs turns, one at a time.

    Args:
        engine: what answers.
        store: where everything is written first.
        toolbox: what the model may call.
        permissions: what may run without asking.
        limits: of one turn.
        audit: the log of what is asked, decided and done.
        background: keeps what calls let go on behind the conversation; None where nothing can.
        painter: paints over secrets in every picture; None lets them pass as they are.
        sight: shows where on the screen a call would act.
    """

    def __init__(
        self,
        engine: Engine,
        store: Store,
        toolbox: Toolbox,
        permissions: Permissions,
        limits: Limits | None = None,
        *,
        audit: Audit | None = None,
        background: Background | None = None,
        painter: Painter | None = None,
        sight: Sight | None = None,
    ) -> None:
        self._engine = engine
        self._asker = Asker(engine, toolbox)
        self._store = store
        self._toolbox = toolbox
        self._limits = limits or Limits()
        self._audit = audit
        self._waker = Waker(engine, self._asker, store, self.turn, painter)
        self._actor = Actor(
            toolbox,
            permissions,
            store,
            self._limits,
            background,
            painter=painter,
            hearing=Hearing(engine),
            sight=sight,
        )
        self._painter = painter

    def turn(
        self,
        conversation: int,
        text: str,
        percepts: Sequence[Percept],
        emit: Emit,
        cancel: threading.Event,
        *,
        tool_choice: ToolChoice = "auto",
        max_tokens: int = 1024,
        sampling: Sampling | None = None,
        thinking: bool = False,
        woken: Woken | None = None,
    ) -> Outcome:
        """Answer the person; blocks until the outcome is on disk, and emits `TurnEnded` only then.

        Args:
            conversation: of `Store.new_conversation`.
            text: what they typed; may be empty when there are percepts.
            percepts: what they attached.
            emit: receives every event, in this thread.
            cancel: ends the generation, a running tool and a pending approval.
            tool_choice: ``required`` forces a call in the first step only, else the turn could not end.
            max_tokens: of one generation.
            sampling: how tokens are chosen.
            thinking: whether the model may think before it answers.
            woken: the task that came back, if ``text`` and ``percepts`` are not the person's but of `wake`.
        """
        shared = woken is None and any(isinstance(p, ScreenPercept) and p.live for p in percepts)
        turn = Turn(conversation, uuid.uuid4().hex, emit, Stop(cancel, self._limits.seconds), shared, audit=self._audit)
        turn.streamed = self._keeper(turn)
        ask = Request((), (), tool_choice, sampling or Sampling(), max_tokens, thinking, end_loops=True)
        try:
            percepts = self._screened(percepts, emit, cancel)
            question = prompt.user_message(text, percepts)
            if not question.parts and cancel.is_set():
                return self._end(turn, "cancelled")
            if not question.parts:
                return self._end(
                    turn, "error", error="Nothing was asked: type a question, or attach a picture or sound."
                )
            origins = (*(woken.task.origins if woken else ()), *taint.of_percepts(percepts))
            question = replace(question, name=woken.task.kind if woken else "")
            self._store.append(conversation, turn.id, question, origins=origins)
            turn.note(
                "turn", conversation=conversation, text=text, percepts=[_heard_or_seen(each) for each in percepts]
            )
            emit(TurnStarted(conversation, turn.id, question.parts, question.name))
            info = self._engine.info
            if refusal := beyond.refusal(question.parts, info):
                return self._end(turn, "error", error=refusal)
            if doubt := beyond.doubt(question.parts, info):
                emit(Notice("engine", doubt))
            for sentence in self._toolbox.refresh():
                emit(Notice("skill", sentence))
            self._activate(turn, disclosure.named(text) if woken is None else "")
            outcome = self._steps(turn, ask)
            if not outcome.error and turn.texts[-1].strip() != outcome.answer:
                # Words of ours are part of the conversation, so that the model's next turn follows an answer.
                self._store.append(conversation, turn.id, Message("assistant", (Text(outcome.answer),)))
            self._store.finish(turn.id, outcome)
        except (ModelError, HistoryError, UncheckedError) as error:
            return self._end(turn, "error", error=str(error))
        emit(TurnEnded(outcome))
        return outcome

    def wake(self, woken: Woken, emit: Emit, patience: threading.Event) -> Settled:
        """Let a task come back: as a turn of its own in its conversation, if what it waits for is so. Blocks.

        Args:
            woken: the task; its ``cancel`` ends all of it.
            emit: receives the events of the turn, in this thread.
            patience: ends the look whether it is so, which can be had again, but no turn that has begun.
        """
        return self._waker.wake(woken, emit, patience)

    def prepare(
        self, conversation: int | None, percepts: Sequence[Percept], emit: Emit, cancel: threading.Event
    ) -> None:
        """Let the engine read what the next turn begins with, while the person is still typing or speaking.

        Nothing is answered or kept; the turn then evaluates only what is new. Blocks; may be cancelled at any
        time, and what has been read until then still helps.

        Args:
            conversation: that the turn will belong to; None for a new one.
            percepts: what is attached so far; the last recording may be growing.
            emit: receives how far it is, in this thread.
            cancel: ends it.
        """
        history = self._store.messages(conversation) if conversation is not None else []
        active = disclosure.activated(history)
        if percepts:
            try:
                percepts = screening.percepts(percepts, self._painter, emit, cancel)
            except UncheckedError:
                return  # what is wrong is told when it is sent
            history = [*history, prompt.user_message("", percepts)]
            if beyond.refusal(history[-1].parts, self._engine.info):
                return  # likewise
        # As much room for the answer as the turn will want, so that both leave out the same of a long conversation.
        request = replace(self._asker.filled(Request(()), history, active)[0], max_tokens=0, unfinished=True)
        for delta in self._engine.generate(request, cancel):
            if isinstance(delta, Progress):
                emit(Progressed(delta.stage, delta.done, delta.total))

    def _screened(self, given: Sequence[Percept], emit: Emit, cancel: threading.Event) -> Sequence[Percept]:
        """What was attached, as it may be used; without its pictures if looking through them was stopped."""
        try:
            return screening.percepts(given, self._painter, emit, cancel)
        except UncheckedError:
            if not cancel.is_set():
                raise
            return [each for each in given if not isinstance(each, ScreenPercept)]

    def _steps(self, turn: Turn, ask: Request) -> Outcome:
        """Query and act until there is nothing left to act on."""
        reask: tuple[Message, ...] = ()
        wanted = ask.tool_choice
        for step in range(1, self._limits.steps + 1):
            turn.closing = turn.closing or 1 < step == self._limits.steps
            choice = "none" if turn.closing else wanted
            room = min(ask.max_tokens, self._limits.tokens - turn.usage.completion_tokens)
            if room <= 0:
                turn.spent = self._limits.tokens
                break
            said = self._query(turn, replace(ask, tool_choice=choice, max_tokens=room), reask)
            turn.closing = turn.closing or said.finish in {"cancelled", "error"}
            for broken in said.broken:
                self._failed(turn, broken)
            self._act(turn, said.calls)  # refused if the turn was stopped or closes: every call is answered
            if turn.stop.is_set() or said.finish in {"cancelled", "error"}:
                return turn.stopped()
            if said.calls:
                if choice == "none":
                    break
                reask, wanted = (), "auto"
            elif said.echoed and wanted == "auto" and not turn.closing:
                wanted = "required"  # it was told what to do: to say it again is no answer
            elif not said.broken:
                return turn.outcome(said.finish)
            elif reask:
                return turn.outcome("error", "The model wrote a tool call that can't be read, twice: ask again.")
            else:
                reask = said.reask()
        return turn.outcome("length")

    def _query(self, turn: Turn, ask: Request, reask: tuple[Message, ...]) -> Said:
        """One generation, streamed; what it said is on disk when this returns or raises."""
        turn.traced = self._store.traced(turn.conversation)
        said = Said()
        try:
            self._asker.ask(turn, said, ask, [message for message, _ in turn.traced], reask)
        except ModelError:
            turn.closing = True
            self._keep(turn, said)
            for broken in said.broken:
                self._failed(turn, broken)
            self._act(turn, said.calls)
            raise
        self._correct(turn, said)
        self._keep(turn, said)
        return said

    def _correct(self, turn: Turn, said: Said) -> None:
        """Put a sentence of ours behind an answer that claims what no call of this turn has done."""
        if said.calls or said.broken or said.finish not in {"stop", "length"}:
            return
        person = next((message.text for message, _ in reversed(turn.traced) if message.role == "user"), "")
        ran = [(record, self._toolbox.find(record.call.name)) for record in turn.calls if not record.error]
        worked = [(record, tool) for record, tool in ran if tool and set(tool.scopes) != {"screen"}]
        acted = [record for record, tool in worked if scopes.changes(tool.scopes, quiet=tool.quiet)]
        wrong = claims.correction(said.text, person, turn.calls, worked=[record for record, _ in worked], acted=acted)
        if wrong:
            said.text += f"\n\n{wrong}"
            turn.emit(TextAdded(f"\n\n{wrong}"))
            turn.note("correction", answer=said.text)

    def _activate(self, turn: Turn, name: str) -> None:
        """Activate what the person named with ``/name``, as if the model had; what is no skill's name is left alone."""
        group = next((group for group in self._toolbox.groups if group.name == name and not group.core), None)
        if group is None:
            return
        call = ToolCall(f"{turn.id[:8]}-0", disclosure.ACTIVATE, {"name": name})
        turn.offered = frozenset({disclosure.ACTIVATE})
        self._store.append(turn.conversation, turn.id, Message("assistant", calls=(call,)))
        turn.emit(CallProposed(call))
        self._act(turn, [call])

    def _keeper(self, turn: Turn) -> Callable[[str, str], None]:
        """What writes a generation that goes on, so that whoever kills the program does not take its words."""
        written = time.monotonic()

        def keep(text: str, thought: str) -> None:
            nonlocal written
            if text.strip() and time.monotonic() - written > PARTIAL_SECONDS:
                written = time.monotonic()
                with contextlib.suppress(HistoryError):  # the whole answer is written as well, and says what is wrong
                    self._store.keep_partial(turn.id, Message("assistant", (Text(text),), thought=thought))

        return keep

    def _keep(self, turn: Turn, said: Said) -> None:
        """Write what a generation said; also of one that failed."""
        turn.texts.append(said.text)
        if said.text.strip() or said.calls:
            parts = (Text(said.text),) if said.text else ()
            message = Message("assistant", parts, tuple(said.calls), said.thought)
            self._store.append(turn.conversation, turn.id, message)

    def _act(self, turn: Turn, calls: Sequence[ToolCall]) -> None:
        """Let calls become what they may, and write what each was before anybody is told."""
        for call, (record, result, origins) in zip(calls, self._actor.act(turn, calls), strict=True):
            turn.calls.append(record)
            message = prompt.tool_message(call, result)
            self._store.append(turn.conversation, turn.id, message, record, origins)
            turn.traced.append((message, origins))
            turn.emit(CallEnded(record, result.images))

    def _failed(self, turn: Turn, broken: BrokenCall) -> None:
        """Show a call that could not be parsed."""
        call = ToolCall(f"{turn.id[:8]}-broken-{len(turn.calls)}", "unreadable", {"text": broken.raw[:2000]})
        record = CallRecord(call, Decision.REFUSED, error=broken.problem)
        turn.calls.append(record)
        self._store.note_call(turn.conversation, turn.id, record)
        turn.emit(CallProposed(call))
        turn.emit(CallEnded(record))

    def _end(self, turn: Turn, finish: FinishReason, error: str = "") -> Outcome:
        """End a turn that failed or was stopped before it began; what was streamed is its answer."""
        outcome = turn.outcome(finish, error)
        try:
            self._store.finish(turn.id, outcome)
        except HistoryError as second:
            # The disk is still full: the person is told, and the turn shows as interrupted when it is read again.
            if str(second) not in outcome.error:
                outcome = replace(outcome, error=f"{outcome.error} {second}")
        turn.emit(TurnEnded(outcome))
        return outcome


def _heard_or_seen(percept: Percept) -> dict[str, str]:
    """A percept as the log names it: where it came from, when, and the digest of its pixels or samples."""
    media = percept.image if isinstance(percept, ScreenPercept) else percept.audio
    return {"source": percept.source, "taken": percept.taken.isoformat(), "sha256": media.digest}
