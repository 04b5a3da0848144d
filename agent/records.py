"""Messages, calls and outcomes ↔ the JSON that the history keeps; pixels and sound are named by digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from deskhand.agent.events import CallRecord, Decision, Outcome
from deskhand.agent.origin import Origin
from deskhand.model.types import Audio, Image, Message, Part, Request, Text, ToolCall, Usage


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


def load_message(body: str, media: Callable[[str], Image | Audio]) -> Message:
    """The message again; ``media`` finds pixels and sound by digest."""
    data = json.loads(body)
    return Message(
        data["role"],
        tuple(_load_part(part, media) for part in data["parts"]),
        tuple(_load_tool_call(call) for call in data["calls"]),
        data["thought"],
        data["call_id"],
        data["name"],
    )


def media_of(body: str) -> set[str]:
    """Digests of the pictures and sounds of a message."""
    parts = json.loads(body)["parts"] if body else []
    return {part[kind] for part in parts for kind in ("image", "audio") if kind in part}


def dump_origins(origins: Sequence[Origin]) -> str:
    """JSON of where a message came from."""
    return json.dumps([asdict(origin) for origin in origins])


def load_origins(body: str | None, message: Message) -> tuple[Origin, ...]:
    """Where a message came from; of one that was written before this was kept, the worst that it may be."""
    if body is not None:
        return tuple(Origin(**entry) for entry in json.loads(body))
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
    """The record again."""
    data = json.loads(body)
    call = _load_tool_call(data["call"])
    return CallRecord(call, Decision(data["decision"]), data["result"], data["error"], data["seconds"])


def dump_outcome(outcome: Outcome) -> str:
    """JSON of an outcome without its calls, which have rows of their own."""
    return json.dumps(
        {"answer": outcome.answer, "finish": outcome.finish, "usage": asdict(outcome.usage), "error": outcome.error}
    )


def load_outcome(body: str, calls: tuple[CallRecord, ...]) -> Outcome:
    """The outcome again."""
    data = json.loads(body)
    return Outcome(data["answer"], calls, data["finish"], Usage(**data["usage"]), data["error"])


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


def _load_part(data: dict[str, str], media: Callable[[str], Image | Audio]) -> Part:
    if "text" in data:
        return Text(data["text"])
    return media(data.get("image") or data["audio"])


def _dump_tool_call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "name": call.name, "arguments": dict(call.arguments)}


def _load_tool_call(data: dict[str, Any]) -> ToolCall:
    return ToolCall(data["id"], data["name"], data["arguments"])
