"""Any call over any schema: what is rendered is read back, and what a schema says in a roundabout way is the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llama_cpp import llama_cpp as C  # noqa: N812 - as the library's own examples name it

from deskhand.model.language.chat_template import JinjaDialect
from deskhand.model.language.dialect import Dialect
from deskhand.model.language.literals import CONTROL_TOKENS
from deskhand.model.language.template import Gemma4Dialect
from deskhand.model.types import CallDelta, Message, Request, Text, ToolCall, ToolSpec
from tests.model.language.made_calls import names, rendered, schemas
from tests.model.language.test_grammar import Vocabulary, matches

CALM = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
DIALECTS = pytest.mark.parametrize("dialect", [Gemma4Dialect(), JinjaDialect()], ids=["gemma", "json"])

HOSTILE = (
    *CONTROL_TOKENS,
    *("<eos>", "<bos>", "<tool_call>", "</tool_call>", "<|im_end|>", "<|im_start|>user\n", "</think>", "```json\n"),
    *(
        '"',
        "'",
        "\\",
        "\\n",
        "\n",
        "\r\n",
        "\t",
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        " ",
        "é",
        "日本",
        "🦀",
        "\u202e",
        "\ufeff",
    ),
    *("call:x{a:1}", "null", "true", "-1.5e3", "BEGIN_ARG", "END_ARG", "\x01", "\x7f"),
)
texts = st.lists(st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
texts = texts.map("".join)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def vocabulary() -> Iterator[Vocabulary]:
    made = Vocabulary()
    yield made
    C.llama_model_free(made.model)


def read(dialect: Dialect, tool: ToolSpec, written: list[tuple[str, bool]], size: int = 1) -> list[object]:
    """What is read of what was written, characters taken ``size`` at a time."""
    parser = dialect.parser(Request((Message("user", (Text("?"),)),), (tool,)))
    found: list[object] = []
    held = ""
    for text, special in written:
        if special or len(held) >= size:
            found += parser.feed(held, special=False)
            held = ""
        if special:
            found += parser.feed(text, special=True)
        else:
            held += text
    found += [*parser.feed(held, special=False), *parser.finish()]
    return [(item.call.name, dict(item.call.arguments)) if isinstance(item, CallDelta) else item for item in found]


@DIALECTS
@CALM
@given(st.dictionaries(texts, values, max_size=5), st.integers(1, 9))
def test_any_arguments_come_back_as_they_were(dialect: Dialect, arguments: dict[str, Any], size: int) -> None:
    tool = ToolSpec("note", "does it", {"type": "object"})
    call = ToolCall("c", "note", arguments)
    assert read(dialect, tool, rendered(dialect, (tool,), (call,)), size) == [("note", arguments)]


def by_reference(schema: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"$ref": "#/$defs/one~1two"}, {"one/two": schema}


def by_two_references(schema: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"$ref": "#/$defs/a", "description": "its own"}, {"a": {"$ref": "#/$defs/b"}, "b": schema}


def by_all_of(schema: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"allOf": [{"$ref": "#/$defs/x"}, {"description": "more"}]}, {"x": schema}


def by_one_of(schema: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"oneOf": [{"$ref": "#/$defs/x"}, {"type": "null"}], "default": None}, {"x": schema}


def by_items(schema: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"anyOf": [{"$ref": "#/$defs/x"}, {"type": "array", "items": {"$ref": "#/$defs/x"}}]}, {"x": schema}


@DIALECTS
@pytest.mark.parametrize("way", [by_reference, by_two_references, by_all_of, by_one_of, by_items])
@settings(CALM, max_examples=25)
@given(schemas, names, st.data())
def test_schemas_that_say_it_in_a_roundabout_way(  # noqa: PLR0917 - fixtures and one case
    vocabulary: Vocabulary, dialect: Dialect, way: Any, pair: Any, name: str, data: st.DataObject
) -> None:
    schema, strategy = pair
    inside, definitions = way(schema)
    value = data.draw(st.none() | strategy if way is by_one_of else strategy)
    parameters = {"type": "object", "properties": {name: inside}, "required": [name], "$defs": definitions}
    tool = ToolSpec("note", "does it", parameters)
    call = ToolCall("c", "note", {name: value})
    written = rendered(dialect, (tool,), (call,))
    assert read(dialect, tool, written) == [("note", {name: value})]
    grammar = dialect.grammar(Request((Message("user", (Text("?"),)),), (tool,), "required"))
    assert grammar is not None
    assert matches(vocabulary, grammar.gbnf, written), written
