"""A model of single turns is shown the turn at hand, at the picture size that it knows, and writes freely."""

from __future__ import annotations

import numpy as np

from deskhand.model.language.alone import AloneDialect
from deskhand.model.language.dialect import Control, Growing, Plain
from deskhand.model.language.learnt import Learnt
from deskhand.model.language.template import Gemma4Dialect
from deskhand.model.types import Audio, CallDelta, Image, Message, Request, Text, ToolCall, ToolSpec

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
    request = _request(Message("assistant", calls=(call,)), Message("tool", (Text("12:30"),), call_id="1"))
    text = _text(request)
    assert "clock_time" in text
    assert "12:30" in text
    assert "earlier" not in text
    pieces = AloneDialect(Gemma4Dialect(), 70).render(request)
    assert not any(isinstance(piece, Image) for piece in pieces), "what was seen was for the call"


def test_a_look_that_it_asked_for_is_a_picture_that_the_person_attached():
    """WINDOW.md 1: asked to press a button, it looked, said “Done.” and had pressed nothing."""
    asked, seen = Text("press the button that says save"), Image(bytes([7]) * 48 * 48 * 3, 48, 48, 70)
    look, click = ToolCall("1", "screen_look", {}), ToolCall("2", "input_click", {"x": 5, "y": 7})
    messages = (
        Message("user", (asked,)),
        Message("assistant", calls=(look,)),
        Message("tool", (Text('{"screenshot": "it follows"}'), seen), call_id="1"),
        Message("assistant", calls=(click,)),
        Message("tool", (Text('{"clicked": 1}'),), call_id="2"),
    )

    def shown(*turn):
        return AloneDialect(Gemma4Dialect(), 70).render(Request(turn))

    assert shown(*messages[:3]) == shown(Message("user", (seen, asked)))
    assert shown(*messages) == shown(messages[0], *messages[3:])


def test_a_model_that_learnt_sentences_is_written_to_in_them():
    learnt = Learnt(["what time is it"], {}, worked="fine", failed="bad")
    request = Request(
        (
            Message("user", (Text("What time is it?"),)),
            Message("assistant", calls=(ToolCall("1", "clock_time", {}),)),
            Message("tool", (Text('{"error": "The clock has stopped?"}'),), call_id="1"),
        ),
        tools=(TOOL,),
    )
    text = "".join(p.text for p in AloneDialect(Gemma4Dialect(), 70, learnt).render(request) if isinstance(p, Plain))
    assert "what time is it" in text
    assert "bad" in text
    assert "stopped" not in text


def test_sound_ends_soon_after_what_is_said_unless_more_is_to_come():
    said = np.concatenate([np.zeros(3200), 0.5 * np.sin(np.arange(16_000)), np.full(14_400, 0.001)]).astype("<f4")

    def heard(growing):
        audio = Audio(said.tobytes(), growing=growing)
        request = Request((Message("user", (audio,)),), max_tokens=0 if growing else 8, unfinished=growing)
        (found,) = [
            piece for piece in AloneDialect(Gemma4Dialect(), 70).render(request) if isinstance(piece, Audio | Growing)
        ]
        return found

    assert heard(growing=False).samples == said[: 19_200 + 1600].tobytes()
    growing = heard(growing=True)
    assert isinstance(growing, Growing)
    assert growing.audio.samples == said.tobytes()


def test_nothing_holds_it_to_a_tool_but_calls_are_read():
    dialect = AloneDialect(Gemma4Dialect(), 70)
    assert dialect.grammar(_request()) is None
    parser = dialect.parser(_request())
    deltas = parser.feed("<|tool_call>", special=True) + parser.feed("call:clock_time{}", special=False)
    deltas += parser.feed("<tool_call|>", special=True) + parser.finish()
    assert [delta.call.name for delta in deltas if isinstance(delta, CallDelta)] == ["clock_time"]
