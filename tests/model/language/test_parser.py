"""Gemma 4's output: early text, no leaking delimiters, strict calls."""

from __future__ import annotations

import re
from typing import Any

import pytest

from deskhand.model.language.literals import CONTROL_TOKENS
from deskhand.model.language.parser import GemmaParser, Parsed
from deskhand.model.types import BrokenCall, CallDelta, TextDelta, ThoughtDelta

TOKEN = re.compile("|".join(map(re.escape, (*CONTROL_TOKENS, "<eos>"))))


def feed(parser: GemmaParser, text: str, *, special: bool = True) -> list[Parsed]:
    """Feed text character by character; control tokens in it are meant unless ``special`` is False."""
    out: list[Parsed] = []
    at = 0
    for found in [*TOKEN.finditer(text), None] if special else [None]:
        for character in text[at : found.start() if found else len(text)]:
            out += parser.feed(character, special=False)
        if found:
            out += parser.feed(found[0], special=True)
            at = found.end()
    return out


def parse(text: str, **options: Any) -> list[Any]:
    """Deltas of a whole completion, calls as (name, arguments), runs of text and thought joined."""
    parser = GemmaParser(**options)
    out: list[Any] = []
    for delta in [*feed(parser, text), *parser.finish()]:
        if isinstance(delta, CallDelta):
            out.append((delta.call.name, dict(delta.call.arguments)))
        elif isinstance(delta, BrokenCall) or not out or type(out[-1]) is not type(delta):
            out.append(delta)
        else:
            out[-1] = type(delta)(out[-1].text + delta.text)
    return out


def test_text_comes_at_once() -> None:
    parser = GemmaParser()
    assert parser.feed("He", special=False) == [TextDelta("He")]
    assert parser.feed("<", special=False) == [TextDelta("<")]
    assert parser.feed("", special=False) == []
    assert parser.finish() == []


def test_what_only_looks_like_a_control_token_is_text() -> None:
    parser = GemmaParser()
    literal = 'Write <|tool_call>call:x{a:<|"|>b<|"|>}<tool_call|> and <|channel>thought\n<turn|>'
    out = feed(parser, literal, special=False) + parser.finish()
    assert "".join(delta.text for delta in out if isinstance(delta, TextDelta)) == literal
    assert all(isinstance(delta, TextDelta) for delta in out)


def test_thoughts_are_told_apart_and_lose_their_delimiters() -> None:
    assert parse("<|channel>thought\nWhy?\n\nSo.\n<channel|>Yes.\n") == [
        ThoughtDelta("Why?\n\nSo."),
        TextDelta("Yes.\n"),
    ]
    assert parse("<|channel>thought\n<channel|>Yes.") == [TextDelta("Yes.")]
    assert parse("<|channel>thought<channel|>Yes.") == [TextDelta("Yes.")]
    assert parse("<|channel>thought\nnever closed") == [ThoughtDelta("never closed")]


def test_calls_are_parsed_with_their_types() -> None:
    text = (
        'Look: <|tool_call>call:a.b-c{n:-1,x:1.50,e:1e3,t:true,f:false,z:null,s:<|"|>say "no"\n{},:[]<|"|>,'
        'l:[1,[<|"|><|"|>,{}]],<|"|>k e:y<|"|>:{ö:<|"|>ü<|"|>}}<tool_call|>'
    )
    arguments = {
        "n": -1, "x": 1.5, "e": 1000.0, "t": True, "f": False, "z": None, "s": 'say "no"\n{},:[]', "l": [1, ["", {}]],
        "k e:y": {"ö": "ü"},
    }  # fmt: skip
    found = parse(text)
    assert found == [TextDelta("Look: "), ("a.b-c", arguments)]
    assert [type(found[1][1][key]) for key in ("n", "e", "t")] == [int, float, bool]


def test_several_calls_have_ids_of_their_own() -> None:
    parser = GemmaParser()
    out = feed(parser, "<|tool_call>call:a{}<tool_call|><|tool_call>call:a{}<tool_call|>")
    calls = [delta.call for delta in out if isinstance(delta, CallDelta)]
    assert len(calls) == 2
    assert calls[0].id != calls[1].id
    assert all(re.fullmatch(r"call_[0-9a-f]{32}", call.id) for call in calls)


def test_a_call_inside_a_thought_ends_it() -> None:
    assert parse("<|channel>thought\nhm<|tool_call>call:a{}<tool_call|>ok") == [
        ThoughtDelta("hm"),
        ("a", {}),
        TextDelta("ok"),
    ]


def test_control_tokens_that_mean_nothing_are_dropped() -> None:
    assert parse("a<channel|>b<tool_call|>c<|image>d<eos>") == [TextDelta("abcd")]


@pytest.mark.parametrize(
    ("inside", "says"),
    [
        ("", "call:NAME"),
        ("a{}", "call:NAME"),
        ("call:{}", "names no tool"),
        ("call:a", "Expected {"),
        ("call:a:\nBEGIN_ARG x END_ARG", "Expected {"),
        ("call:a{", "Expected a key"),
        ("call:a{k}", "Expected :"),
        ("call:a{k:}", "Expected a value at: }"),
        ('call:a{k:"v"}', 'Expected a value at: "v"}'),
        ("call:a{k:'v'}", "Expected a value"),
        ("call:a{k: 1}", "Expected a value"),
        ("call:a{k:v}", "Expected a value"),
        ("call:a{k:None}", "Expected a value"),
        ("call:a{k:NaN}", "Expected a value"),
        ("call:a{k:01}", "Expected , at: 1}"),
        ("call:a{k:1.}", "Expected ,"),
        ("call:a{k:1,}", "Expected a key"),
        ("call:a{k:1,k:2}", "The key k is there twice"),
        ("call:a{k:[1}", "Expected ,"),
        ("call:a{k:1e999}", "too large"),
        ("call:a{k:" + "9" * 5000 + "}", "more than 1000 digits"),
        ("call:a{k:" + "[" * 3000, "nested more than 64 levels"),
        ("call:a{}}", "Something follows the arguments: }"),
        ('call:a{k:<|"|>v}', "was not ended"),
        ('call:a{k:<|"|>v<|"|><|"|>w<|"|>}', 'Expected , at: <|"|>}'),
        ("call:a{k:\0}", "NUL"),
    ],
)
def test_malformed_calls_are_kept_as_written(inside: str, says: str) -> None:
    written = f"<|tool_call>{inside}<tool_call|>"
    found = parse(f"a{written}b")
    assert found[0] == TextDelta("a")
    assert found[2] == TextDelta("b")
    assert isinstance(found[1], BrokenCall)
    assert found[1].raw == written
    assert says in found[1].problem


def test_a_call_that_is_not_finished_is_broken() -> None:
    assert parse("<|tool_call>call:a{k:1") == [BrokenCall("<|tool_call>call:a{k:1", "The call was not finished.")]


def test_a_call_never_swallows_the_next_one() -> None:
    broken, call = parse('<|tool_call>call:a{k:<|"|>v<|tool_call>call:b{}<tool_call|>')
    assert isinstance(broken, BrokenCall)
    assert "control token <|tool_call>" in broken.problem
    assert call == ("b", {})


def test_calls_that_are_not_allowed_are_broken() -> None:
    (found,) = parse("<|tool_call>call:a{}<tool_call|>", calls_allowed=False)
    assert found == BrokenCall("<|tool_call>call:a{}<tool_call|>", "No tool may be called now.")


def test_a_parser_can_be_finished_twice() -> None:
    parser = GemmaParser()
    feed(parser, "<|tool_call>call:a")
    assert len(parser.finish()) == 1
    assert parser.finish() == []
