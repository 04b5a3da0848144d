"""Calls in other envelopes (reports 1 and E10), whole and cut anywhere, and prose that only looks like them."""

import json

import pytest

from deskhand.model.language.json_parser import JsonParser
from deskhand.model.language.parser import GemmaParser
from deskhand.model.types import BrokenCall, CallDelta, TextDelta, ToolSpec

TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
MINUTES = {"type": "object", "properties": {"minutes": {"type": "number"}}}
TOOLS = [ToolSpec("notes_append", "Write a note.", TEXT), ToolSpec("clock_set_timer", "Set a timer.", MINUTES)]
ONE = '{"name": "notes_append", "arguments": {"text": "milk"}}'
OTHER = '{"name": "clock_set_timer", "arguments": {"minutes": 5}}'
FORMS = (
    ONE,
    f"~~~json\n{ONE}\n~~~",
    f"````json\n{ONE}\n````",
    f"```json\n{ONE}\n``",
    f"```xml\n<tool_call>\n{ONE}\n</tool_call>\n```",
    f"json\n{ONE}",
    f"<|python_tag|>{ONE}",
    '<|python_tag|>notes_append(text="milk")',
    f"<json>{ONE}</json>",
    f"<function>{ONE}</function>",
    f"<tools>\n{ONE}\n</too",
    f"<function-call>\n{ONE}",
    f"{ONE}\n</tool_call>",
    f"{ONE}</function>",
    f"{ONE}<|im_end|>",
    '<invoke name="notes_append"><parameter name="text">milk</parameter></invoke>',
    '<tool_call name="notes_append">{"text": "milk"}</tool_call>',
    "<tool_call>\n<function=notes_append>\n<parameter=text>\nmilk\n</parameter>\n</function>\n</tool_call>",
    '{"action": "notes_append", "action_input": {"text": "milk"}}',
    '{"notes_append": {"text": "milk"}}',
    '[TOOL_CALLS]notes_append{"text":"milk"}',
    'notes_append(text="""milk""")',
    "notes_append(text='milk')",
)
PAIRS = (
    f"{ONE}\n{OTHER}",
    f"{ONE}, {OTHER}",
    f"[{ONE}, {OTHER}]",
    f"```json\n{ONE}\n```\n\n```json\n{OTHER}\n```",
    f"<function>{ONE}</function>\n<function>{OTHER}</function>",
    f"<function>{ONE}</function><function>{OTHER}</function>",
    f"<tool_call>{ONE}</tool_call><tool_call>{OTHER}</tool_call>",
    'notes_append(text="milk")\nclock_set_timer(minutes=5)',
)
PROSE = (
    f"An example:\n\n```json\n{ONE}\n```\n\nThat is how it is called.",
    f"Write `{ONE}` to call it.",
    f"<function>{ONE}</function> is the form.",
    f"{ONE} and more",
    '{"name": "Anna", "age": 3}',
    '{"name": "notes_append", "version": "1.0"}',
    '```python\nnotes_append("x")\nfor i in range(3): print(i)\n```',
    "~~~\nplain\n~~~\n",
    "json\nis a format.",
    "<function>is a tag</function>",
    'notes_append(text="milk") writes a note.',
    "```\n\n```",
)
BOTH = pytest.mark.parametrize("kind", [JsonParser, GemmaParser])
SIZES = (1, 2, 3, 4, 7, 1000)


def read(kind, text, size):
    parser, found = kind(TOOLS), []
    for at in range(0, len(text), size):
        found += parser.feed(text[at : at + size], special=False)
    found += parser.finish()
    calls = [(each.call.name, each.call.arguments) for each in found if isinstance(each, CallDelta)]
    shown = "".join(each.text for each in found if isinstance(each, TextDelta))
    return calls, shown, [each for each in found if isinstance(each, BrokenCall)]


@BOTH
@pytest.mark.parametrize("text", FORMS)
def test_a_call_in_another_envelope_is_that_call_and_nothing_is_shown(kind, text):
    for size in SIZES:
        calls, shown, _ = read(kind, text, size)
        assert (calls, shown.strip()) == ([("notes_append", {"text": "milk"})], ""), size


@BOTH
@pytest.mark.parametrize("text", PAIRS)
def test_two_calls_in_envelopes_are_two(kind, text):
    for size in SIZES:
        calls, shown, _ = read(kind, text, size)
        assert [name for name, _ in calls] == ["notes_append", "clock_set_timer"], size
        assert shown.strip() == ""


@BOTH
@pytest.mark.parametrize("text", PROSE)
def test_prose_stays_what_it_is(kind, text):
    for size in SIZES:
        assert read(kind, text, size) == ([], text, []), size


@BOTH
@pytest.mark.parametrize("written", ["a\nb", 'say "hi"', "it's", "tab\there", "C:\\new", "ü😀"])
def test_text_in_python_quotes_is_read_as_python_does(kind, written):
    """Both quotes and both ways to escape; Gemma's own notation has no escapes, Python has."""
    for source in (f"notes_append(text={written!r})", f"notes_append(text={json.dumps(written)})"):
        calls, shown, _ = read(kind, source, 3)
        assert (calls, shown) == ([("notes_append", {"text": written})], "")
