"""Long answers: what is held back of them is looked at a few times, not with every token."""

import json

import pytest

from deskhand.model.language.envelope import Envelope
from deskhand.model.language.json_parser import JsonParser
from deskhand.model.language.parser import GemmaParser
from deskhand.model.types import CallDelta, TextDelta, ToolSpec

NOTES = ToolSpec("notes_append", "Write a note.", {"type": "object", "properties": {"text": {"type": "string"}}})
WORDS = 'a line, {two} of "it"\n' * 4500
ROWS = json.dumps([{"id": at, "name": "notes_append"} for at in range(1500)], indent=1)
CODE = "```python\n" + "def f(x):\n    return {'name': x}\n" * 1500 + "```\n"
CALL = json.dumps({"name": "notes_append", "arguments": {"text": WORDS}})
CALLS = {
    "bare": CALL,
    "fence": f"```json\n{CALL}\n```",
    "tags": f"<function>\n{CALL}\n</function>",
    "own tags": f"<tool_call>\n{CALL}\n</tool_call>",
    "python": f"notes_append(text={WORDS!r})",
}


@pytest.fixture
def looked(monkeypatch):
    """How many characters were looked at."""
    lengths = []
    real = Envelope.may_begin

    def counted(self, text, *, whole=False):
        lengths.append(len(text))
        return real(self, text, whole=whole)

    monkeypatch.setattr(Envelope, "may_begin", counted)
    return lengths


def read(parser, text, size=4):
    found = []
    for at in range(0, len(text), size):
        found += parser.feed(text[at : at + size], special=False)
    return [*found, *parser.finish()]


def shown(found):
    return "".join(each.text for each in found if isinstance(each, TextDelta))


@pytest.mark.parametrize("kind", [JsonParser, GemmaParser])
@pytest.mark.parametrize("text", [ROWS, CODE, f"Here:\n{CODE}", WORDS])
def test_a_long_answer_comes_whole_and_is_not_looked_at_again_and_again(kind, text, looked):
    assert shown(read(kind([NOTES]), text)) == text
    assert sum(looked) < 60 * len(text)


@pytest.mark.parametrize("kind", [JsonParser, GemmaParser])
@pytest.mark.parametrize("form", CALLS)
def test_a_call_with_a_long_text_is_read_with_few_looks(kind, form, looked):
    found = read(kind([NOTES]), CALLS[form])
    (call,) = [each.call for each in found if isinstance(each, CallDelta)]
    assert call.arguments == {"text": WORDS}
    assert not shown(found).strip()
    assert sum(looked) < 60 * len(CALLS[form])


@pytest.mark.parametrize("kind", [JsonParser, GemmaParser])
@pytest.mark.parametrize("size", [1, 5, 37, 100_000])
def test_prose_behind_a_long_example_is_text_wherever_it_was_cut(kind, size):
    text = f"{ROWS[:6000]}\n\nThat is how it looks: notes_append takes a text."
    assert shown(read(kind([NOTES]), text, size)) == text


@pytest.mark.parametrize("kind", [JsonParser, GemmaParser])
@pytest.mark.parametrize("fill", ["\n", " ", "<", "`"])
def test_a_model_that_repeats_one_character_in_a_tag_is_read_to_its_end(kind, fill):
    """Looking for a closing tag took a minute of 20,000 of them."""
    text = '<function>{"name": "notes_append", "arguments": {"text": "' + fill * 20_000
    (broken,) = [each for each in read(kind([NOTES]), text) if not isinstance(each, TextDelta)]
    assert broken.raw == text
