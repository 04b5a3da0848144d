"""The transcript's memory: what each entry shows, apart from the widgets, which come and go as the person scrolls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from deskhand.agent.events import CallRecord, Outcome
from deskhand.agent.history import TurnRecord
from deskhand.app.undoing import Undoable
from deskhand.app.window import plan
from deskhand.app.window.card import State
from deskhand.model.types import Image, Message, Part, ToolCall, Usage


@dataclass
class UserItem:
    """What the person gave, or what a ``task`` that came back did in their place."""

    parts: tuple[Part, ...]
    task: str = ""


@dataclass
class AnswerItem:
    """What the model said so far; ``done`` counts the steps of a plan, None if it is no plan."""

    text: str = ""
    live: bool = False
    usage: Usage | None = None
    done: int | None = None


@dataclass
class ThoughtItem:
    """What the model thought so far."""

    text: str = ""
    live: bool = False


@dataclass
class CallItem:
    """A tool call; ``record`` says what became of it, ``undo`` whether that can be taken back.

    ``images`` are the pictures of its result.
    """

    call: ToolCall
    state: State = "running"
    record: CallRecord | None = None
    undo: Undoable | None = None
    images: tuple[Image, ...] = ()


@dataclass
class NoticeItem:
    """One sentence, what a button beside it offers, and what another one offers instead."""

    kind: str
    text: str
    action: str = ""
    instead: str = ""


Item = UserItem | AnswerItem | ThoughtItem | CallItem | NoticeItem


GO_ON = "Continue"
"""What the button below a turn says that a limit ended: it sends these words."""

START_FRESH = "Start fresh, keep the old file"
"""What the button says beside a history that is damaged: the file is put aside and an empty one begun."""

ASK_AGAIN = "Ask again"
"""What the button below a turn that failed says: it sends the same question once more."""

INTERRUPTED = "Deskhand closed before the answer was finished."


DAMAGED = "Something that was here is damaged and can't be shown. Everything else is kept."


def past(turns: Iterable[TurnRecord]) -> list[Item]:
    """The items of a conversation read from the history."""
    return [item for turn in turns for item in _past(turn)]


def _past(turn: TurnRecord) -> Iterator[Item]:
    records = {record.call.id: record for record in turn.calls}
    items = [item for message in turn.messages for item in _said(message, records)]
    results = {message.call_id: message for message in turn.messages if message.role == "tool"}
    for item in items:
        if isinstance(item, CallItem) and item.call.id in results:
            item.images = tuple(part for part in results[item.call.id].parts if isinstance(part, Image))
    # What is left could not be parsed, so that no message carries it.
    items += [CallItem(record.call, "failed", record) for record in records.values()]
    if stated := planned(items):
        stated.done = sum(not record.error for record in turn.calls)
    if turn.outcome and turn.outcome.usage != Usage():  # a timer's turn took nothing
        for item in reversed(items):
            if isinstance(item, AnswerItem):
                item.usage = turn.outcome.usage
                break
    yield from items
    if turn.outcome and (notice := ending(turn.outcome)):
        yield notice
    if turn.damaged:
        yield NoticeItem("warn", DAMAGED)
    if turn.interrupted:
        yield NoticeItem("warn", INTERRUPTED, ASK_AGAIN)


def planned(items: Sequence[Item]) -> AnswerItem | None:
    """The plan among the items of one turn: what was said before the first call, if it is one."""
    first = next((index for index, item in enumerate(items) if isinstance(item, CallItem)), 0)
    before = [item for item in items[:first] if isinstance(item, AnswerItem)]
    return before[-1] if before and plan.states(before[-1].text) else None


def _said(message: Message, records: dict[str, CallRecord]) -> Iterator[Item]:
    """One message's items; takes the records of its calls out of ``records``."""
    if message.role == "user":
        yield UserItem(message.parts, message.name)
    if message.role != "assistant":
        return
    if message.thought.strip():
        yield ThoughtItem(message.thought.strip())
    if message.text.strip():
        yield AnswerItem(message.text)
    for call in message.calls:
        record = records.pop(call.id, None)
        yield CallItem(call, "denied" if record is None else "done", record)


def ending(outcome: Outcome) -> NoticeItem | None:
    """What is said below a turn that did not end by itself."""
    match outcome.finish:
        case "error":
            return NoticeItem("error", outcome.error or outcome.answer, ASK_AGAIN)
        case "cancelled":
            return NoticeItem("stopped", "Stopped.")
        case "length":
            return NoticeItem("warn", "The answer reached its length limit.", GO_ON)
        case "stop":
            return None
