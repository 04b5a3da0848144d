"""One generation of a turn: the request that fits the engine, streamed; and what is tried when it does not fit."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from deskhand.agent import prompt, records
from deskhand.agent.echo import Echo
from deskhand.agent.events import CallProposed, Notice, Progressed, TextAdded, ThoughtAdded
from deskhand.agent.fitting import LeftOut
from deskhand.agent.tools import disclosure
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.agent.turn import Turn
from deskhand.model.engine import RESTARTING, Engine
from deskhand.model.errors import PromptError, PromptTooLongError
from deskhand.model.types import (
    BrokenCall,
    CallDelta,
    Delta,
    Finish,
    FinishReason,
    Message,
    Progress,
    Request,
    Text,
    TextDelta,
    ThoughtDelta,
    ToolCall,
    ToolSpec,
)

LEAST_ROOM = 1 / 8
"""Of what the context is thought to hold. Where a token is a byte (a small vocabulary, a rare script) estimates are
three to four times too low."""

REASK = "Your last tool call could not be read: {problem} Write the call again, correctly, or answer without it."
RESTARTED = "The engine had ended and is started again; it reads this conversation anew."


@dataclass
class Said:
    """What one generation said."""

    text: str = ""
    thought: str = ""
    calls: list[ToolCall] = field(default_factory=list[ToolCall])
    broken: list[BrokenCall] = field(default_factory=list[BrokenCall])
    finish: FinishReason = "stop"
    echoed: bool = False
    """It repeated the instructions of a skill; that was not shown."""

    def reask(self) -> tuple[Message, ...]:
        """What follows the history once, so that the model writes its call again; it is not kept."""
        wrong = self.broken[0]
        problem = wrong.problem if wrong.problem.endswith(".") else f"{wrong.problem}."
        # What it said is in the history already if it said any text; two messages of one role would not be well-formed.
        before = () if self.text.strip() else (Message("assistant", (Text(wrong.raw[:2000]),)),)
        return (*before, Message("user", (Text(REASK.format(problem=problem)),)))


class Asker:
    """Puts requests together and streams what the engine makes of them.

    Args:
        engine: what answers.
        toolbox: what it may call.
    """

    def __init__(self, engine: Engine, toolbox: Toolbox) -> None:
        self._engine = engine
        self._toolbox = toolbox
        self._told: dict[int, LeftOut] = {}

    def filled(
        self, ask: Request, history: Sequence[Message], active: Sequence[str], room: float = 1.0
    ) -> tuple[Request, LeftOut]:
        """The request with the system text, as much of the history as fits, and the tools; and what did not fit.

        Args:
            ask: everything else of it.
            history: of the conversation.
            active: skills and servers whose tools are declared.
            room: the part of the context that the request may take.
        """
        specs = tuple(ToolSpec(tool.name, tool.description, tool.parameters) for tool in self._toolbox.declared(active))
        system, shown = prompt.system_text(self._toolbox.groups, datetime.now().astimezone().date()), specs
        info = self._engine.info
        if info.alone:
            history, system, shown = prompt.last_turn(history), "", ()
        length = int(info.context_length * room)
        messages, left_out = prompt.build(system, history, shown, length, min(ask.max_tokens, length // 4))
        return replace(ask, messages=messages, tools=specs), left_out

    def ask(self, turn: Turn, said: Said, ask: Request, history: list[Message], reask: tuple[Message, ...]) -> None:
        """Stream one generation into ``said``.

        Raises:
            ModelError: the engine can't answer; what it said until then is in ``said``.
        """
        this = prompt.last_turn(history)
        active = disclosure.activated(history)
        while True:
            request, left_out = self.filled(ask, this if turn.alone else history, active, turn.room)
            turn.offered = frozenset(spec.name for spec in request.tools)
            try:
                self._stream(turn, said, replace(request, messages=(*request.messages, *reask)), left_out)
            except PromptError as error:
                # One picture that this engine can't read, or one wrong estimate, must not end every later turn too.
                if said.text or said.calls:
                    raise
                if isinstance(error, PromptTooLongError) and turn.room > LEAST_ROOM:
                    turn.room /= 2
                elif not (turn.alone or self._engine.info.alone) and len(this) < len(history):
                    turn.alone = True
                    turn.emit(Notice("engine", f"Answering without what was said before: {error}"))
                else:
                    raise
            else:
                return

    def _stream(self, turn: Turn, said: Said, request: Request, left_out: LeftOut) -> None:
        turn.note("prompt", sha256=records.digest(request), messages=len(request.messages), tools=len(request.tools))
        read = [found.instructions for message in request.messages if (found := disclosure.activation(message))]
        echo = Echo([*read, *(group.body for group in self._toolbox.groups if group.core)])
        deltas = self._engine.generate(request, turn.stop)
        try:
            for delta in deltas:
                if left_out and left_out != self._told.get(turn.conversation) and not turn.alone:
                    self._told[turn.conversation] = left_out
                    turn.emit(Notice("engine", left_out.sentence))
                if isinstance(delta, TextDelta):
                    delta = TextDelta(echo.show(delta.text))  # noqa: PLW2901 - what of it may be shown
                else:
                    _take(turn, said, TextDelta(echo.rest()))
                _take(turn, said, delta)
                turn.streamed(said.text, said.thought)
                if echo.found:
                    said.echoed = True
                    break
        finally:
            if isinstance(deltas, Generator):
                deltas.close()  # what it still writes would only cost time
            _take(turn, said, TextDelta(echo.rest()))


def _take(turn: Turn, said: Said, delta: Delta) -> None:
    match delta:
        case TextDelta(""):
            pass
        case TextDelta(piece):
            said.text += piece
            turn.emit(TextAdded(piece))
        case ThoughtDelta(piece):
            said.thought += piece
            turn.emit(ThoughtAdded(piece))
        case CallDelta(call):
            # Unique in the conversation whatever the engine counts: the history answers calls by id.
            said.calls.append(replace(call, id=f"{turn.id[:8]}-{len(turn.calls) + len(said.calls)}"))
            turn.emit(CallProposed(said.calls[-1]))
        case BrokenCall():
            said.broken.append(delta)
        case Progress(stage, done, total):
            if stage == RESTARTING:
                turn.emit(Notice("engine", RESTARTED))
            turn.emit(Progressed(stage, done, total))
        case Finish(reason, usage):
            said.finish = reason
            turn.usage += usage
