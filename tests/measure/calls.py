"""Steps that a model takes for a call when what the tool's form forces is not sampled, in the real vocabulary."""

from __future__ import annotations

import json

from deskhand.model.language.chat_template import JinjaDialect
from deskhand.model.language.dialect import Control, Dialect, Plain
from deskhand.model.language.template import Gemma4Dialect
from deskhand.model.llama.sampling import Sampler
from deskhand.model.llama.session import Session
from deskhand.model.types import Message, Request, Sampling, Text, ToolCall, ToolSpec

_STRING, _WHOLE = {"type": "string"}, {"type": "integer", "minimum": 1}


def _tool(name: str, **properties: object) -> ToolSpec:
    return ToolSpec(name, "", {"type": "object", "properties": properties, "required": [*properties]})


TOOLS = (
    _tool("notes_append", text=_STRING),
    _tool("notes_search", query=_STRING, limit=_WHOLE),
    _tool("timer_start", minutes=_WHOLE, label=_STRING),
    _tool("window_move", window=_STRING, edge={"enum": ["left", "right", "top", "bottom"]}, focus={"type": "boolean"}),
    _tool("clock_time"),
)
CALLS = (
    ToolCall("1", "notes_append", {"text": "Buy milk and bread tomorrow morning."}),
    ToolCall("2", "notes_search", {"query": "hotel in Lisbon", "limit": 5}),
    ToolCall("3", "timer_start", {"minutes": 25, "label": "tea"}),
    ToolCall("4", "window_move", {"window": "Terminal", "edge": "left", "focus": True}),
    ToolCall("5", "clock_time", {}),
)
_USER = Message("user", (Text("?"),))


def steps_per_call(session: Session) -> dict[str, dict[str, float]]:
    """Tokens and steps of a call on average, by notation.

    Raises:
        RuntimeError: what came out is not what the model would have written, token by token.
    """
    found: dict[str, dict[str, float]] = {}
    for name, dialect in (("gemma", Gemma4Dialect()), ("json", JinjaDialect())):
        counts = [_written(session, dialect, call) for call in CALLS]
        found[name] = {
            "tokens": sum(tokens for tokens, _ in counts) / len(counts),
            "steps": sum(steps for _, steps in counts) / len(counts),
        }
    return found


def _written(session: Session, dialect: Dialect, call: ToolCall) -> tuple[int, int]:
    """Tokens of a call, and how many of them a model that writes it by itself is asked for."""
    grammar = dialect.grammar(Request((_USER,), TOOLS, "required"))
    wanted = _tokens(session, dialect, call)
    sampler = Sampler(session.model, Sampling(temperature=0), grammar)
    logits = session.context.logits(-1)
    written: list[int] = []
    steps = 0
    try:
        while len(written) < len(wanted):
            written += sampler.forced(1000)
            if written != wanted[: len(written)]:
                raise RuntimeError(f"{call.name} was written in other tokens than the tokenizer's")
            if len(written) < len(wanted):
                logits[:] = -10.0
                logits[wanted[len(written)]] = 10.0
                written.append(sampler.sample(session.context, -1))
                steps += 1
    finally:
        sampler.close()
    return len(wanted), steps


def _tokens(session: Session, dialect: Dialect, call: ToolCall) -> list[int]:
    model = session.model
    if isinstance(dialect, JinjaDialect):
        body = json.dumps({"name": call.name, "arguments": dict(call.arguments)}, ensure_ascii=False)
        return model.plain(f"<tool_call>\n{body}\n</tool_call>")
    before = len(dialect.render(Request((_USER,), TOOLS)))
    after = dialect.render(Request((_USER, Message("assistant", (), (call,)), _USER), TOOLS))[before:]
    tokens = [
        token
        for piece in after
        if isinstance(piece, Control | Plain)
        for token in (model.control(piece.text) if isinstance(piece, Control) else model.plain(piece.text))
    ]
    end = model.special_token("<tool_call|>")
    assert end is not None
    return tokens[: tokens.index(end) + 1]
