"""The scripted engine plays what its script says, and counts like an engine with a KV cache."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from deskhand.model.config import ScriptedConfig
from deskhand.model.errors import BundleError, PromptError
from deskhand.model.scripted.engine import ScriptedEngine
from deskhand.model.scripted.script import sample
from deskhand.model.types import (
    BrokenCall,
    CallDelta,
    Delta,
    Finish,
    Message,
    Progress,
    Request,
    Text,
    TextDelta,
    ThoughtDelta,
    ToolSpec,
)

TOOL = ToolSpec(
    "notes_append",
    "Append a note.",
    {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
)


def engine(folder: Path, *turns: object, **script: object) -> ScriptedEngine:
    path = folder / "script.json"
    path.write_text(json.dumps({"turns": turns, **script}))
    return ScriptedEngine(ScriptedConfig(script=path))


def ask(text: str, **options: object) -> Request:
    return Request((Message("user", (Text(text),)),), **options)  # type: ignore[arg-type]


def said(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


def finish(deltas: list[Delta]) -> Finish:
    assert isinstance(deltas[-1], Finish)
    return deltas[-1]


def test_every_step_becomes_its_delta(tmp_path: Path) -> None:
    steps = [
        {"progress": {"stage": "listening", "done": 0, "total": 1}},
        {"thought": "a note, then"},
        {"text": "I write it  down.\n"},
        {"call": {"name": "notes_append", "arguments": {"text": "milk"}}},
        {"broken": {"raw": "call:x{", "problem": "unfinished"}},
    ]
    deltas = list(engine(tmp_path, {"steps": steps}).generate(ask("note milk", tools=(TOOL,))))
    assert Progress("listening", 0, 1) in deltas
    assert "".join(d.text for d in deltas if isinstance(d, ThoughtDelta)) == "a note, then"
    assert said(deltas) == "I write it  down.\n"
    assert [dict(d.call.arguments) for d in deltas if isinstance(d, CallDelta)] == [{"text": "milk"}]
    assert BrokenCall("call:x{", "unfinished") in deltas
    assert finish(deltas).reason == "stop"


def test_turns_play_in_order_and_by_match(tmp_path: Path) -> None:
    played = engine(
        tmp_path,
        {"steps": [{"text": "one"}]},
        {"when": "again", "steps": [{"text": "matched"}]},
        {"steps": [{"text": "two"}]},
    )
    assert [said(list(played.generate(ask(t)))) for t in ("a", "again", "b", "again")] == [
        "one",
        "matched",
        "two",
        "matched",
    ]
    with pytest.raises(PromptError, match="no turn left"):
        list(played.generate(ask("c")))


def test_prefix_of_the_turn_before_is_reused(tmp_path: Path) -> None:
    played = engine(tmp_path, {"steps": [{"text": "four words of answer"}]}, {"steps": [{"text": "ok"}]})
    first = ask("hello there")
    usage = finish(list(played.generate(first))).usage
    assert (usage.prompt_tokens, usage.reused_tokens, usage.completion_tokens) == (4, 0, 4)
    second = Request(
        (*first.messages, Message("assistant", (Text("four words of answer"),)), Message("user", (Text("more"),)))
    )
    usage = finish(list(played.generate(second))).usage
    assert usage.reused_tokens == 8  # the first prompt and the whole answer
    assert usage.evaluated_tokens == 3  # <user> more <assistant>
    assert usage.prompt_tokens == 11


def test_max_tokens_cuts_words_and_whole_calls(tmp_path: Path) -> None:
    steps = [{"text": "one two three"}, {"call": {"name": "notes_append", "arguments": {"text": "a b c"}}}]
    deltas = list(engine(tmp_path, {"steps": steps}).generate(ask("x", max_tokens=2)))
    assert said(deltas) == "one two"
    assert finish(deltas).reason == "length"
    deltas = list(engine(tmp_path, {"steps": steps}).generate(ask("x", max_tokens=5)))
    assert not [d for d in deltas if isinstance(d, CallDelta)]
    assert finish(deltas) == Finish("length", finish(deltas).usage)


def test_tool_choice_forbids_and_forces(tmp_path: Path) -> None:
    steps = [{"text": "words"}, {"call": {"name": "notes_append", "arguments": {"text": "x"}}}]
    deltas = list(engine(tmp_path, {"steps": steps}).generate(ask("x", tools=(TOOL,), tool_choice="none")))
    assert said(deltas) == "words"
    assert not [d for d in deltas if isinstance(d, CallDelta)]
    deltas = list(
        engine(tmp_path, {"steps": [{"text": "words"}]}).generate(ask("x", tools=(TOOL,), tool_choice="required"))
    )
    assert [d.call.name for d in deltas if isinstance(d, CallDelta)] == ["notes_append"]
    assert said(deltas) == ""


def test_a_wait_ends_when_cancelled(tmp_path: Path) -> None:
    cancel = threading.Event()
    stream = engine(tmp_path, {"steps": [{"text": "a"}, {"wait": 500}, {"text": "b"}]}).generate(ask("x"), cancel)
    deltas = [next(stream), next(stream)]
    cancel.set()
    deltas += stream
    assert said(deltas) == "a"
    assert finish(deltas).reason == "cancelled"


@pytest.mark.parametrize("text", ["", "{", '{"turns": [{"steps": [{"txt": "x"}]}]}', '{"turns": [{"when": "("}]}'])
def test_a_bad_script_is_refused_with_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(BundleError, match="not a script"):
        ScriptedEngine(ScriptedConfig(script=path))
    with pytest.raises(BundleError, match="can't be read"):
        ScriptedEngine(ScriptedConfig(script=tmp_path / "none.json"))


def test_a_prompt_longer_than_the_context_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="new conversation"):
        list(engine(tmp_path, {"steps": []}, context_length=3).generate(ask("far too many words")))


def test_samples_are_valid() -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": ["integer", "null"], "minimum": 5},
            "b": {"enum": ["x", "y"]},
            "c": {"type": "array", "items": {"type": "boolean"}, "minItems": 2},
            "d": {"anyOf": [{"type": "string", "minLength": 3}, {"type": "null"}]},
            "e": {"type": "object", "properties": {"f": {"const": None}}, "required": ["f"]},
        },
        "required": ["a", "b", "c", "d", "e"],
    }
    assert sample(schema) == {"a": 5, "b": "x", "c": [False, False], "d": "xxx", "e": {"f": None}}
