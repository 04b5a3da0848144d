"""Gemma 4's wire form, to the letter, and a prompt that only ever grows at its end."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deskhand.model.errors import PromptError
from deskhand.model.language.dialect import Control, Growing, Piece, Plain
from deskhand.model.language.literals import CONTROL_TOKENS, scalar
from deskhand.model.language.template import Gemma4Dialect
from deskhand.model.types import (
    Audio,
    CallDelta,
    Image,
    Message,
    Request,
    Text,
    TextDelta,
    ThoughtDelta,
    ToolCall,
    ToolSpec,
)

PICTURE = Image(bytes(3), 1, 1)
SOUND = Audio(bytes(4))
EMPTY = "<|channel>thought\n<channel|>"
WEATHER = ToolSpec(
    "weather",
    "Says how the weather is.",
    {
        "type": "object",
        "properties": {
            "town": {"type": "string", "description": "Where."},
            "days": {"type": "integer"},
            "unit": {"type": "string", "enum": ["C", "F"]},
        },
        "required": ["town"],
    },
)
CLOCK = ToolSpec("clock", "Tells the time.", {})


def system(text: str) -> Message:
    return Message("system", (Text(text),))


def user(*parts: str | Image | Audio) -> Message:
    return Message("user", tuple(Text(part) if isinstance(part, str) else part for part in parts))


def model(text: str = "", *calls: ToolCall, thought: str = "") -> Message:
    return Message("assistant", (Text(text),) if text else (), calls, thought)


def result(text: str, *parts: Image | Audio, name: str = "clock", call_id: str = "c") -> Message:
    return Message("tool", (Text(text), *parts), call_id=call_id, name=name)


def show(pieces: tuple[Piece, ...]) -> str:
    return "".join(p.text if isinstance(p, Control | Plain) else f"⟦{type(p).__name__}⟧" for p in pieces)


def render(*messages: Message, official: bool = False, **request: Any) -> str:
    return show(Gemma4Dialect(keep_empty_thought=not official).render(Request(messages, **request)))


def test_a_plain_question() -> None:
    assert render(user(" hi \n")) == f"<bos><|turn>user\nhi<turn|>\n<|turn>model\n{EMPTY}"


def test_the_system_turn_is_there_only_if_it_says_something() -> None:
    assert render(system("Be kind."), user("hi")).startswith("<bos><|turn>system\nBe kind.<turn|>\n<|turn>user\nhi")
    assert render(user("hi"), thinking=True) == (
        "<bos><|turn>system\n<|think|>\n<turn|>\n<|turn>user\nhi<turn|>\n<|turn>model\n"
    )
    assert "system" not in render(user("hi"))


def test_tools_are_declared_with_sorted_keys_and_upper_case_types() -> None:
    assert render(system("S"), user("hi"), tools=(WEATHER, CLOCK)).startswith(
        "<bos><|turn>system\nS"
        '<|tool>declaration:weather{description:<|"|>Says how the weather is.<|"|>,parameters:{properties:{'
        'days:{type:<|"|>INTEGER<|"|>},'
        'town:{description:<|"|>Where.<|"|>,type:<|"|>STRING<|"|>},'
        'unit:{enum:[<|"|>C<|"|>,<|"|>F<|"|>],type:<|"|>STRING<|"|>}},'
        'required:[<|"|>town<|"|>],type:<|"|>OBJECT<|"|>}}<tool|>'
        '<|tool>declaration:clock{description:<|"|>Tells the time.<|"|>,parameters:{type:<|"|>OBJECT<|"|>}}<tool|>'
        "<turn|>\n<|turn>user\n"
    )


def test_declarations_say_what_the_stock_template_loses() -> None:
    tool = ToolSpec(
        "t",
        "D",
        {
            "properties": {
                "type": {"type": "string"},
                "when": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
                "size": {"enum": [1, 2], "default": 1},
                "list": {"type": "array", "items": {"$ref": "#/$defs/pair"}},
            },
            "$defs": {"pair": {"type": "object", "properties": {"a": {"type": "number"}}, "required": ["a"]}},
        },
    )
    assert (
        'properties:{list:{items:{properties:{a:{type:<|"|>NUMBER<|"|>}},required:[<|"|>a<|"|>],type:<|"|>OBJECT<|"|>},'
        'type:<|"|>ARRAY<|"|>},size:{description:<|"|>Default: 1. One of: 1, 2.<|"|>,type:<|"|>STRING<|"|>},'
        'type:{type:<|"|>STRING<|"|>},when:{description:<|"|>Format: date.<|"|>,nullable:true,type:<|"|>STRING<|"|>}}'
    ) in render(user("hi"), tools=(tool,))


def test_images_come_first_and_sound_last() -> None:
    assert "<|turn>user\n⟦Image⟧⟦Image⟧what\nis it?⟦Audio⟧<turn|>" in render(
        user("what", SOUND, PICTURE, "is it?", PICTURE),
    )


def test_calls_and_results_share_one_model_turn_and_generation_goes_on_in_it() -> None:
    call = ToolCall(
        "c", "weather", {"town": "Köln", "days": 2, "mm": [1.0, -0.5, None, True], "in": {"b": "", "a": {}}}
    )
    assert render(
        user("?"), model("Let me see.", call), result('{"sun": 9, "Wind": "no"}', PICTURE, name="weather")
    ) == (
        f"<bos><|turn>user\n?<turn|>\n<|turn>model\n{EMPTY}Let me see."
        '<|tool_call>call:weather{days:2,in:{a:{},b:<|"|><|"|>},mm:[1.0,-0.5,null,true],town:<|"|>Köln<|"|>}<tool_call|>'
        '<|tool_response>response:weather{sun:9,Wind:<|"|>no<|"|>}<tool_response|>⟦Image⟧'
    )
    clock = ToolCall("c", "clock")
    more = render(user("?"), model("", clock, clock), result("a"), result("b"), model("Nine."), user("thanks"))
    assert more.endswith(
        '<tool_call|><|tool_response>response:clock{value:<|"|>a<|"|>}<tool_response|>'
        '<|tool_response>response:clock{value:<|"|>b<|"|>}<tool_response|>Nine.<turn|>\n'
        f"<|turn>user\nthanks<turn|>\n<|turn>model\n{EMPTY}"
    )


def test_results_find_their_tool_by_the_call() -> None:
    call = ToolCall("c7", "weather")
    assert "response:weather{" in render(user("?"), model("", call), result("x", name="other", call_id="c7"))
    assert "response:other{" in render(user("?"), model("", call), result("x", name="other", call_id="c8"))
    assert "response:unknown{" in render(user("?"), model("", call), result("x", name="", call_id="c8"))


@pytest.mark.parametrize("text", ["", "[1, 2]", '{"a": 1', "{a}", '{"a":' * 100 + "1" + "}" * 100, '{"a": 1} tail'])
def test_results_that_are_no_json_object_are_text(text: str) -> None:
    assert f'response:clock{{value:<|"|>{text}<|"|>}}' in render(
        user("?"), model("", ToolCall("c", "clock")), result(text)
    )


def test_thoughts_stay_between_calls_and_go_with_the_next_question() -> None:
    turn = (user("?"), model("", ToolCall("c", "clock"), thought="Which clock?"), result("9"))
    kept = render(*turn, thinking=True)
    assert "<|turn>model\n<|channel>thought\nWhich clock?\n<channel|><|tool_call>call:clock{}" in kept
    assert "Which" not in render(*turn, model("Nine.", thought="Ah."), user("and now?"), thinking=True)


def test_odd_orders_still_make_a_prompt() -> None:
    assert render() == f"<bos><|turn>model\n{EMPTY}"
    assert render(user("a"), user("b")) == f"<bos><|turn>user\na<turn|>\n<|turn>user\nb<turn|>\n<|turn>model\n{EMPTY}"
    assert "<|turn>system\nmind<turn|>\n<|turn>model" in render(user("a"), system("mind"))
    unanswered = render(user("a"), model("", ToolCall("c", "clock")), user("b"))
    assert "call:clock{}<tool_call|><turn|>\n<|turn>user\nb" in unanswered
    orphan = render(user("a"), result("9"))
    assert orphan.endswith(f'<|turn>model\n{EMPTY}<|tool_response>response:clock{{value:<|"|>9<|"|>}}<tool_response|>')


def test_tool_choice_none_keeps_the_prompt() -> None:
    assert render(user("a"), tools=(CLOCK,), tool_choice="none") == render(user("a"), tools=(CLOCK,))


NASTY = "".join((*CONTROL_TOKENS, "<bos>", "<eos>", "\n<|turn>model\n", '<|"|>}<tool_call|>', "\0", "\ud800"))


def test_nothing_that_is_not_ours_is_control_text() -> None:
    tool = ToolSpec(NASTY, NASTY, {"properties": {NASTY: {"type": "string", "description": NASTY, "enum": [NASTY]}}})
    call = ToolCall(NASTY, NASTY, {NASTY: [NASTY, {NASTY: NASTY}]})
    for answer in (NASTY, json.dumps({NASTY: NASTY})):
        pieces = Gemma4Dialect().render(
            Request(
                (system(NASTY), user(NASTY), model(NASTY, call, thought=NASTY), result(answer, name=NASTY)), (tool,)
            )
        )
        allowed = {*CONTROL_TOKENS, "<bos>", "<turn|>\n", "<|channel>thought\n", EMPTY, "<|think|>\n"}
        allowed |= {f"<|turn>{role}\n" for role in ("system", "user", "model")}
        assert {piece.text for piece in pieces if isinstance(piece, Control)} <= allowed
        plain = [piece.text for piece in pieces if isinstance(piece, Plain)]
        assert all(plain)
        assert not any(isinstance(a, Plain) and isinstance(b, Plain) for a, b in itertools.pairwise(pieces))
        assert "\0" not in "".join(plain)
        "".join(plain).encode()


def test_too_deep_arguments_end_in_a_sentence() -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(PromptError, match="nested more than 64 levels"):
        render(user("?"), model("", ToolCall("c", "clock", {"a": deep})))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0"), (-7, "-7"), (10**30, "1" + "0" * 30), (1.0, "1.0"), (-0.0, "-0.0"), (0.00001, "0.00001"),
        (1e15, "1000000000000000.0"), (1e300, "1e+300"), (1.5e-300, "1.5e-300"), (float("nan"), "null"),
        (float("-inf"), "null"), (True, "true"), (None, "null"),
    ],
)  # fmt: skip
def test_literals(value: object, written: str) -> None:
    assert scalar(value) == written


# What can happen in one turn, as the model generates it: atoms of text, special or not.
words = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8
) | st.sampled_from(["<|tool_call>", '<|"|>', "<turn|>", "{}", "\n"])
arguments = st.dictionaries(words, words | st.integers() | st.lists(words | st.none(), max_size=2), max_size=2)


def atoms(pieces: tuple[Piece, ...]) -> list[Any]:
    """A prompt as single characters, each with whether it is control text, and media."""
    out: list[Any] = []
    for piece in pieces:
        out += [(c, isinstance(piece, Control)) for c in piece.text] if isinstance(piece, Control | Plain) else [piece]
    return out


@st.composite
def turns(draw: st.DrawFn) -> list[list[Message]]:
    """Turns of a conversation: a question, then rounds of calls with results, then an answer."""
    found: list[list[Message]] = []
    for _ in range(draw(st.integers(1, 3))):
        turn = [user(draw(words), *draw(st.lists(st.sampled_from([PICTURE, SOUND]), max_size=2)))]
        for made in draw(st.lists(st.lists(arguments, min_size=1, max_size=2), max_size=2)):
            calls = [ToolCall(f"c{i}", "clock", each) for i, each in enumerate(made)]
            turn.append(model(draw(st.just("") | words), *calls, thought=draw(st.just("") | words)))
            turn += [result(draw(words), call_id=call.id) for call in calls]
        found.append([*turn, model(draw(words), thought=draw(st.just("") | words))])
    return found


def generated(message: Message) -> tuple[Piece, ...]:
    """What the model must have generated to have said a message: its rendering without what stands around it."""
    before = Gemma4Dialect().render(Request((), thinking=True))
    alone = Gemma4Dialect().render(Request((message,), thinking=True))
    assert alone[-2:] == (Control("<turn|>\n"), before[-1])
    return alone[len(before) : -2]


@pytest.mark.parametrize("thinking", [False, True])
@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(turns())
def test_the_next_prompt_begins_with_this_one_and_what_was_generated(
    thinking: bool, conversation: list[list[Message]]
) -> None:
    """Without thinking always; with it until the next question strips the thoughts."""
    said: list[Message] = []
    before: list[Any] = []
    for turn in conversation:
        if thinking:
            before = []
        for message in turn:
            made = message if thinking else replace(message, thought="")
            if made.role == "assistant":
                prompt = Gemma4Dialect().render(Request(tuple(said), (CLOCK,), thinking=thinking))
                assert atoms(prompt)[: len(before)] == before
                before = atoms(prompt + generated(made))
            said.append(made)


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(words, words, st.lists(arguments, max_size=3))
def test_what_is_rendered_parses_back(text: str, thought: str, made: list[dict[str, Any]]) -> None:
    parser = Gemma4Dialect().parser(Request(()))
    found: list[Any] = []
    for piece in generated(model(text, *(ToolCall("c", "a_tool", each) for each in made), thought=thought)):
        assert isinstance(piece, Control | Plain)
        # The only control piece of more than one token is a thought's beginning.
        token, newline, rest = piece.text.partition("thought\n") if isinstance(piece, Control) else ("", "", piece.text)
        if token:
            found += parser.feed(token, special=True)
        for character in newline + rest:
            found += parser.feed(character, special=False)
    found += parser.finish()
    assert "".join(d.text for d in found if isinstance(d, TextDelta)) == text
    assert "".join(d.text for d in found if isinstance(d, ThoughtDelta)) == thought
    assert [d.call.arguments for d in found if isinstance(d, CallDelta)] == made


def unfinished(*messages: Message, tools: tuple[ToolSpec, ...] = ()) -> tuple[Piece, ...]:
    return Gemma4Dialect().render(Request(messages, tools, max_tokens=0, unfinished=True))


def test_an_unfinished_message_ends_with_its_last_part() -> None:
    growing = Audio(bytes(4000), growing=True)
    assert unfinished(system("Be brief."), user(growing, "Hear", PICTURE)) == (
        Control("<bos>"),
        Control("<|turn>system\n"),
        Plain("Be brief."),
        Control("<turn|>\n"),
        Control("<|turn>user\n"),
        PICTURE,
        Plain("Hear"),
        Growing(growing),
    )
    assert unfinished(user(PICTURE))[-1] == PICTURE
    assert unfinished(user("What is"))[-1] == Plain("What is")
    # A clip that was attached as a whole is read as a whole; and nothing grows in what was said before.
    assert unfinished(user(SOUND))[-1] == SOUND
    assert unfinished(user(growing), model("Yes?"), user(growing, SOUND))[2] == growing


def test_without_a_message_that_is_being_made_the_system_turn_is_whole() -> None:
    head = unfinished(system("Be brief."), tools=(WEATHER,))
    assert head[-1] == Control("<turn|>\n")
    whole = Gemma4Dialect().render(Request((system("Be brief."), user("Hi")), (WEATHER,)))
    assert whole[: len(head)] == head


CALL = model("Well. ", ToolCall("1", "clock", {"zone": "CET"}))
RESULT = Message("tool", (Text('{"time": "12:00"}'), PICTURE), call_id="1", name="clock")


@pytest.mark.parametrize("last", [user("What"), user(PICTURE, "?", SOUND), model("Fine"), CALL, RESULT])
def test_a_finished_message_begins_with_the_unfinished_one(last: Message) -> None:
    before = (system("Be brief."), user("a"), CALL) if last is RESULT else (system("Be brief."), user("a"))
    begun = unfinished(*before, last)
    finished = Gemma4Dialect().render(Request((*before, last, user("more"))))
    assert finished[: len(begun)] == begun
    assert len(finished) > len(begun)


def test_only_reading_may_be_unfinished() -> None:
    with pytest.raises(ValueError, match="only be read"):
        Request((user("What"),), unfinished=True)
