"""Calls as JSON: with tags, bare, fenced; and prose that only looks so."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deskhand.model.language.json_parser import JsonParser, Parsed
from deskhand.model.types import BrokenCall, CallDelta, TextDelta, ThoughtDelta

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy

CALL = '{"name": "clock", "arguments": {"zone": "UTC"}}'
PARSED = ("clock", {"zone": "UTC"})
TAGGED = f"<tool_call>\n{CALL}\n</tool_call>"


def joined(deltas: list[Parsed]) -> list[Any]:
    out: list[Any] = []
    for delta in deltas:
        if isinstance(delta, CallDelta):
            out.append((delta.call.name, dict(delta.call.arguments)))
        elif isinstance(delta, BrokenCall) or not out or type(out[-1]) is not type(delta):
            out.append(delta)
        else:
            out[-1] = type(delta)(out[-1].text + delta.text)
    return out


def parse(text: str, size: int = 1, tools: tuple[str, ...] = ("clock", "note"), **options: Any) -> list[Any]:
    parser = JsonParser(tools, **options)
    deltas = [d for at in range(0, len(text), size) for d in parser.feed(text[at : at + size], special=False)]
    return joined(deltas + parser.finish())


COMPLETIONS = {
    "Nine o'clock.": [TextDelta("Nine o'clock.")],
    TAGGED: [PARSED],
    f"I look.\n{TAGGED}": [TextDelta("I look."), PARSED],
    f"{TAGGED}\n{TAGGED}\n": [PARSED, PARSED],
    f"{TAGGED}\nDone <b>.": [PARSED, TextDelta("Done <b>.")],
    f"  {CALL}\n": [PARSED],
    f"{CALL}\n{CALL}": [PARSED, PARSED],
    f"```json\n{CALL}\n```": [PARSED],
    f"```\n{CALL}\n```\n": [PARSED],
    '{"arguments": {"zone": "UTC"}, "name": "clock"}': [PARSED],
    '{"name": "other", "arguments": {}}': [TextDelta('{"name": "other", "arguments": {}}')],
    '{"name": "Ada", "age": 3}': [TextDelta('{"name": "Ada", "age": 3}')],
    "{}": [TextDelta("{}")],
    '```json\n{"a": 1}\n```': [TextDelta('```json\n{"a": 1}\n```')],
    "```python\nprint(1)\n```": [TextDelta("```python\nprint(1)\n```")],
    f"Like this: {CALL}": [TextDelta(f"Like this: {CALL}")],
    f"{CALL} is how.": [TextDelta(f"{CALL} is how.")],
    "The tag <tool_call> opens, a < b <tool": [TextDelta("The tag <tool_call> opens, a < b <tool")],
    f"<think>\nHm <x>.\n</think>\n\n{TAGGED}": [ThoughtDelta("Hm <x>."), PARSED],
    f"<think>\nHm.\n</think>\n\n{CALL}": [ThoughtDelta("Hm."), PARSED],
    "<think>\n\n</think>\n\nYes.": [TextDelta("Yes.")],
    "<think>never closed": [ThoughtDelta("never closed")],
    "I <think> so": [TextDelta("I <think> so")],
    '<tool_call>{"name": "note", "arguments": {"text": "</tool_call>\\n\\"<tool_call>"}}</tool_call>': [
        ("note", {"text": '</tool_call>\n"<tool_call>'})
    ],
    "": [],
    " \n": [],
}


ENVELOPES = {
    f"<function>\n{CALL}\n</function>": [PARSED],
    f"<tools> {CALL} </tool": [PARSED],
    f"<tools>\n[{CALL}, {CALL}]\n</tools>": [PARSED, PARSED],
    f"<function-call> {CALL}": [PARSED],
    f"<TOOL_CALL>{CALL}</TOOL_CALL>": [PARSED],
    f"I look.\n```json\n{CALL}\n```": [TextDelta("I look."), PARSED],
    f"I look.\n\n{CALL}\n": [TextDelta("I look."), PARSED],
    f"```xml\n{TAGGED}\n```": [PARSED],
    f"```xml\n{TAGGED}\n```\nDone.": [PARSED, TextDelta("Done.")],
    f"[{CALL}]": [PARSED],
    CALL.replace("arguments", "parameters"): [PARSED],
    CALL.replace('"name"', '"function"'): [PARSED],
    CALL.replace('"name"', '"tool"').replace("arguments", "args"): [PARSED],
    f'{{"tool_call": {CALL}}}': [PARSED],
    f'{{"tool_calls": [{{"type": "function", "function": {CALL}}}]}}': [PARSED],
    '{"type": "function", "function": {"name": "clock", "arguments": "{\\"zone\\": \\"UTC\\"}"}}': [PARSED],
    "<function=clock>\n<parameter=zone>\nUTC\n</parameter>\n</function>": [PARSED],
    '[TOOL_CALLS] [{"name": "clock", "arguments": {"zone": "UTC"}}]': [PARSED],
    'clock(zone="UTC")': [PARSED],
    'clock {"zone": "UTC"}': [PARSED],
    f"```json\n{CALL}\n```\nThat is how.": [TextDelta(f"```json\n{CALL}\n```\nThat is how.")],
    "clock is a word.\nnote this: <function> {x}": [TextDelta("clock is a word.\nnote this: <function> {x}")],
    '```json\n{"name": "Ada"}\n```\n': [TextDelta('```json\n{"name": "Ada"}\n```\n')],
}


@pytest.mark.parametrize("text", ENVELOPES)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_other_envelopes(text: str, size: int) -> None:
    """Report 1 and its kind: each is that call, and nothing of the envelope is shown."""
    assert parse(text, size) == ENVELOPES[text]


WORDS = (
    "clock",
    "(",
    "{",
    "}",
    '"name": ',
    '"clock"',
    "```",
    "json",
    "\n",
    "<tools>",
    "</tools>",
    " ",
    "print",
    ",",
    "a=1",
    ")",
    "[",
)


@CALM
@given(st.lists(st.sampled_from(WORDS), max_size=14).map("".join), st.integers(1, 7))
def test_what_is_no_call_is_shown_whole_however_it_is_cut(text: str, size: int) -> None:
    found = parse(text, size)
    assert found == parse(text, 1000)
    if found and all(isinstance(each, TextDelta) for each in found):
        assert found == [TextDelta(text)]


@pytest.mark.parametrize("text", COMPLETIONS)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_completions(text: str, size: int) -> None:
    assert parse(text, size) == COMPLETIONS[text]


@CALM
@given(st.text('<>tool_cal/thinkab{}"\n `:json', max_size=40), st.integers(1, 7))
def test_no_text_is_lost_or_doubled_however_it_is_cut(text: str, size: int) -> None:
    whole = parse(text, 1000, tools=())
    assert parse(text, size, tools=()) == whole
    if "<think>" not in text and not re.search(r"<tool_call>\s*(\{|$)", text) and text.strip():
        assert whole == [TextDelta(text)]


def test_text_is_held_back_only_as_long_as_it_may_become_a_delimiter() -> None:
    parser = JsonParser(["clock"])
    assert parser.feed("a <too", special=False) == [TextDelta("a ")]
    assert parser.feed("th", special=False) == [TextDelta("<tooth")]
    parser = JsonParser(["clock"])
    assert parser.feed('{"na', special=False) == []
    assert parser.feed('p": 1', special=False) == [TextDelta('{"nap": 1')]
    assert JsonParser().feed("{", special=False) == [TextDelta("{")]


def test_control_tokens_are_never_shown() -> None:
    parser = JsonParser(["clock"])
    out = parser.feed("a", special=False) + parser.feed("<|im_end|>", special=True) + parser.finish()
    assert out == [TextDelta("a")]
    parser = JsonParser(["clock"])
    out = parser.feed("<tool_call>", special=True) + parser.feed("clock()", special=False)
    assert out == []
    assert parser.finish() == [BrokenCall("<tool_call>clock()", "The call was not finished.")]


def test_a_prompt_may_begin_the_thought() -> None:
    assert parse("Hm.\n</think>\n\nYes.", in_thought=True) == [ThoughtDelta("Hm."), TextDelta("Yes.")]


@pytest.mark.parametrize(
    ("inside", "says"),
    [
        ("{", "not JSON"),
        ("{'name': 'clock'}", "not JSON"),
        ("{}", "names no tool"),
        ('{"name": 1, "arguments": {}}', "names no tool"),
        ('{"name": "clock"}', "arguments are not an object"),
        ('{"name": "clock", "arguments": "{"}', "arguments are not an object"),
        ("{'name': 'other', 'arguments': {}}", "not JSON"),
        ("{'name': 'clock', 'arguments': {a: b}}", "not JSON"),
        ('{"name": "clock", "arguments": {"a": NaN}}', "NaN is not a JSON value"),
        ('{"name": "clock", "name": "note", "arguments": {}}', "twice"),
        (CALL + CALL, "not one JSON object"),
        ('{"name": "clock", "arguments": ' + "[" * 100_000 + "}", "nested too deeply"),
        ('{"name": "clock", "arguments": {"a": ' + "9" * 5000 + "}}", "digits"),
        ('{"name": "clock", "arguments": {"a": ' + "[" * 70 + "]" * 70 + "}}", "more than 64 levels"),
        ('{"name": "clock", "arguments": {"a": 1e999}}', "too large"),
    ],
)
def test_malformed_calls_are_kept_as_written(inside: str, says: str) -> None:
    before, broken, after = parse(f"a<tool_call>{inside}</tool_call>b", 50)
    assert (before, after) == (TextDelta("a"), TextDelta("b"))
    assert isinstance(broken, BrokenCall)
    assert broken.raw == f"<tool_call>{inside}</tool_call>"
    assert says in broken.problem


def test_calls_that_were_cut_off_are_broken_and_not_shown() -> None:
    assert parse(TAGGED[:-16]) == [BrokenCall(TAGGED[:-16], "The call was not finished.")]
    assert parse(TAGGED[:-3]) == parse(TAGGED[:-13]) == [PARSED]
    (broken,) = parse(CALL[:-3])
    assert isinstance(broken, BrokenCall)
    assert broken.raw == CALL[:-3]


@pytest.mark.parametrize("text", [TAGGED, CALL])
def test_calls_that_are_not_allowed_are_broken(text: str) -> None:
    assert parse(text, calls_allowed=False) == [BrokenCall(text, "No tool may be called now.")]


@pytest.mark.parametrize("size", [1, 4, 1000])
@pytest.mark.parametrize(
    ("inside", "arguments"),
    [
        (
            "{'name': 'clock', 'arguments': {'zone': 'it\\'s', 'on': True, 'x': None}}",
            {"zone": "it's", "on": True, "x": None},
        ),
        ('{"name": "clock", "arguments": {"a": [1, 2,], },}', {"a": [1, 2]}),
        ('{name: "clock", arguments: {a: "b"}}', {"a": "b"}),
        ('{"name": "clock", "arguments": {"a": "b"}', {"a": "b"}),
        ('{"name": "clock", "arguments": {"a": "say "no" now"}}', {"a": 'say "no" now'}),
        ('{"name": "clock", "parameters": {"a": 1},}', {"a": 1}),
        ('{"name": "clock", "arguments": "{\\"a\\": 1}"}', {"a": 1}),
    ],
)
def test_calls_that_are_nearly_json_are_read(inside: str, arguments: dict[str, Any], size: int) -> None:
    assert parse(f"<tool_call>{inside}</tool_call>", size) == [("clock", arguments)]
    (broken,) = parse(f"<tool_call>{inside}</tool_call>", size, calls_allowed=False)
    assert isinstance(broken, BrokenCall)
