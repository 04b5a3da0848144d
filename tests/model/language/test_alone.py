"""A model of single turns is shown the turn at hand, at the picture size that it knows, and writes freely."""

from __future__ import annotations

from deskhand.model.language.alone import AloneDialect
from deskhand.model.language.dialect import Control, Plain
from deskhand.model.language.template import Gemma4Dialect
from deskhand.model.types import CallDelta, Image, Message, Request, Text, ToolCall, ToolSpec

TOOL = ToolSpec("clock_time", "Tells the time.", {"type": "object", "properties": {}})
PICTURE = Image(bytes(48 * 48 * 3), 48, 48, 560)


def _request(*after: Message) -> Request:
    return Request(
        (
            Message("system", (Text("You are Deskhand."),)),
            Message("user", (Text("an earlier question"),)),
            Message("assistant", (Text("an earlier answer"),)),
            Message("user", (PICTURE, Text("what time is it"))),
            *after,
        ),
        tools=(TOOL,),
    )


def _text(request: Request) -> str:
    pieces = AloneDialect(Gemma4Dialect(), 70).render(request)
    return "".join(piece.text for piece in pieces if isinstance(piece, Control | Plain))


def test_only_the_last_turn_is_shown_as_it_would_be_alone():
    alone = Request((Message("user", (Image(PICTURE.pixels, 48, 48, 70), Text("what time is it"))),))
    assert AloneDialect(Gemma4Dialect(), 70).render(_request()) == Gemma4Dialect().render(alone)


def test_the_calls_of_the_turn_and_their_results_belong_to_it():
    call = ToolCall("1", "clock_time", {})
    text = _text(_request(Message("assistant", calls=(call,)), Message("tool", (Text("12:30"),), call_id="1")))
    assert "clock_time" in text
    assert "12:30" in text
    assert "earlier" not in text


def test_nothing_holds_it_to_a_tool_but_calls_are_read():
    dialect = AloneDialect(Gemma4Dialect(), 70)
    assert dialect.grammar(_request()) is None
    parser = dialect.parser(_request())
    deltas = parser.feed("<|tool_call>", special=True) + parser.feed("call:clock_time{}", special=False)
    deltas += parser.feed("<tool_call|>", special=True) + parser.finish()
    assert [delta.call.name for delta in deltas if isinstance(delta, CallDelta)] == ["clock_time"]
