"""Messages, calls and outcomes ↔ the JSON that the history keeps; pixels and sound are named by digest.

What is read may be damaged, or of a later version with more in it: what is not known is passed over, and whatever
can't be understood is a `RecordError`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from typing import Any, TypeVar, cast, get_args

from deskhand.agent.events import CallRecord, Decision, Outcome
from deskhand.agent.origin import Kind as OriginKind
from deskhand.agent.origin import Origin
from deskhand.model.types import Audio, FinishReason, Image, Message, Part, Request, Role, Text, ToolCall, Usage

NO_PICTURE = "[A picture or recording that was here is damaged and can't be read.]"
"""Stands in a message for a part that the history has lost."""

_T = TypeVar("_T")
_UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What JSON that is not ours leads to."""


class RecordError(ValueError):
    """What was kept can't be understood: it is damaged, or of a later version."""


@contextmanager
def _read(what: str) -> Generator[None]:
    try:
        yield
    except RecordError:
        raise
    except _UNREADABLE as error:
        raise RecordError(f"{what} can't be read ({type(error).__name__}: {str(error)[:200]})") from error


def dump_message(message: Message) -> str:
    """JSON of a message; ASCII, so that no half surrogate pair can make it unwritable."""
    return json.dumps(
        {
            "role": message.role,
            "parts": [_dump_part(part) for part in message.parts],
            "calls": [_dump_tool_call(call) for call in message.calls],
            "thought": message.thought,
            "call_id": message.call_id,
            "name": message.name,
        }
    )


def load_message(body: str, media: Callable[[str], Image | Audio | None]) -> Message:
    """The message again.

    Args:
        body: its JSON.
        media: finds pixels and sound by digest; None where they are lost, which costs the message that part.

    Raises:
        RecordError: it can't be understood.
    """
    with _read("a message"):
        data = json.loads(body)
        role = _typed(data["role"], str)
        if role not in get_args(Role):
            raise RecordError(f"a message has the unknown role {role[:40]}")
        return Message(
            cast("Role", role),
            tuple(_load_part(_typed(part, dict), media) for part in _typed(data["parts"], list)),
            tuple(_load_tool_call(call) for call in _typed(data["calls"], list)),
            _typed(data["thought"], str),
            _typed(data["call_id"], str),
            _typed(data["name"], str),
        )


def media_of(body: str) -> set[str]:
    """Digests of the pictures and sounds of a message; of a damaged one all that look like it."""
    return set(_DIGEST.findall(str(body)))


_DIGEST = re.compile(r'"(?:image|audio)": "([0-9a-f]{64})"')


def dump_origins(origins: Sequence[Origin]) -> str:
    """JSON of where a message came from."""
    return json.dumps([asdict(origin) for origin in origins])


def load_origins(body: str | None, message: Message) -> tuple[Origin, ...]:
    """Where a message came from; of one that was written before this was kept, the worst that it may be."""
    if body is not None:
        try:
            with _read("an origin"):
                return tuple(load_origin(entry) for entry in _typed(json.loads(body), list))
        except RecordError:
            return (*_worst(message), Origin("file", "a damaged entry of the history"))
    return _worst(message)


def load_origin(data: dict[str, Any]) -> Origin:
    """One origin from its fields.

    Raises:
        RecordError: it can't be understood.
    """
    with _read("an origin"):
        kind = _typed(data["kind"], str)
        if kind not in get_args(OriginKind):
            raise RecordError(f"an origin has the unknown kind {kind[:40]}")
        return Origin(cast("OriginKind", kind), _typed(data["name"], str), _typed(data["media"], str))


def _worst(message: Message) -> tuple[Origin, ...]:
    media = [part for part in message.parts if isinstance(part, Image | Audio)]
    found = [Origin("picture" if isinstance(part, Image) else "sound", "", part.digest) for part in media]
    return (*found, *((Origin("program", message.name),) if message.role == "tool" else ()))


def dump_call(record: CallRecord) -> str:
    """JSON of a call and what became of it."""
    return json.dumps(
        {
            "call": _dump_tool_call(record.call),
            "decision": record.decision.value,
            "result": record.result,
            "error": record.error,
            "seconds": record.seconds,
        }
    )


def load_call(body: str) -> CallRecord:
    """The record again.

    Raises:
        RecordError: it can't be understood.
    """
    with _read("a call"):
        data = json.loads(body)
        call = _load_tool_call(data["call"])
        seconds = float(_typed(data["seconds"], float, int))
        return CallRecord(call, Decision(data["decision"]), data["result"], _typed(data["error"], str), seconds)


def dump_outcome(outcome: Outcome) -> str:
    """JSON of an outcome without its calls, which have rows of their own."""
    return json.dumps(
        {"answer": outcome.answer, "finish": outcome.finish, "usage": asdict(outcome.usage), "error": outcome.error}
    )


def load_outcome(body: str, calls: tuple[CallRecord, ...]) -> Outcome:
    """The outcome again; counts that this version does not know are passed over.

    Raises:
        RecordError: it can't be understood.
    """
    with _read("how a turn ended"):
        data = json.loads(body)
        finish = _typed(data["finish"], str)
        if finish not in get_args(FinishReason):
            raise RecordError(f"a turn ended in the unknown way {finish[:40]}")
        kept = _typed(data["usage"], dict)
        counts = {each.name: _typed(kept[each.name], int, float) for each in fields(Usage) if each.name in kept}
        usage = replace(Usage(), **counts)
        answer, error = _typed(data["answer"], str), _typed(data["error"], str)
        return Outcome(answer, calls, cast("FinishReason", finish), usage, error)


def digest(request: Request) -> str:
    """SHA-256 over what an engine is asked: the messages, pixels and sound by their digests, and the tools."""
    told = [dump_message(message) for message in request.messages]
    tools = [[spec.name, spec.description, dict(spec.parameters)] for spec in request.tools]
    return hashlib.sha256(json.dumps([told, tools]).encode()).hexdigest()


def _dump_part(part: Part) -> dict[str, str]:
    match part:
        case Text():
            return {"text": part.text}
        case Image():
            return {"image": part.digest}
        case Audio():
            return {"audio": part.digest}


def _load_part(data: dict[str, str], media: Callable[[str], Image | Audio | None]) -> Part:
    if "text" in data:
        return Text(_typed(data["text"], str))
    return media(_typed(data.get("image") or data["audio"], str)) or Text(NO_PICTURE)


def _dump_tool_call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "name": call.name, "arguments": dict(call.arguments)}


def _load_tool_call(data: dict[str, Any]) -> ToolCall:
    return ToolCall(_typed(data["id"], str), _typed(data["name"], str), _typed(data["arguments"], dict))


def _typed(value: Any, *kinds: type[_T]) -> _T:  # noqa: ANN401 - of JSON
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise RecordError(f"{str(value)[:40]} is a {type(value).__name__}")
    return value
