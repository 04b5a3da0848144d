"""Public function-calling cases go through declaration, grammar, rendering and parsing without a loss."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from llama_cpp import llama_cpp as C  # noqa: N812 - as the library's own examples name it

from deskhand.model.language.chat_template import JinjaDialect
from deskhand.model.language.dialect import Control, Dialect, Plain
from deskhand.model.language.schema import normalise
from deskhand.model.language.shape import Shape
from deskhand.model.language.template import Gemma4Dialect
from deskhand.model.scripted.script import sample
from deskhand.model.types import CallDelta, Message, Request, Text, ToolCall, ToolSpec
from tests.model.language.bfcl.cases import COUNTS, FETCHED, MISFITS, Case, cases
from tests.model.language.test_grammar import Vocabulary, matches, rendered

DIALECTS = {"gemma": Gemma4Dialect(), "json": JinjaDialect()}
CASES = cases()


@pytest.fixture(scope="module")
def vocabulary() -> Iterator[Vocabulary]:
    made = Vocabulary()
    yield made
    C.llama_model_free(made.model)


def test_the_cases_are_all_there() -> None:
    kinds = [case.name.rsplit("_", 1)[0] for case in CASES]
    found = {kind: kinds.count(kind) for kind in COUNTS}
    assert found == COUNTS if FETCHED.exists() else all(found.values())
    assert all(case.calls for case in CASES if not case.name.startswith("irrelevance"))


def described(shape: Shape, name: str = "") -> Iterator[tuple[str, Shape]]:
    """Every parameter, at any depth."""
    if name:
        yield name, shape
    for inner, each in shape.properties:
        yield from described(each, inner)
    if shape.items is not None:
        yield from described(shape.items)


def declaration(dialect: Dialect, tool: ToolSpec) -> str:
    pieces = dialect.render(Request((Message("user", (Text("?"),)),), (tool,)))
    return "".join(piece.text for piece in pieces if isinstance(piece, Control | Plain))


def read(dialect: Dialect, request: Request, written: list[tuple[str, bool]]) -> list[object]:
    """What is read of what was written: calls as name and arguments, anything else as it is."""
    parser = dialect.parser(request)
    found = [delta for text, special in written for delta in parser.feed(text, special=special)] + parser.finish()
    return [(d.call.name, dict(d.call.arguments)) if isinstance(d, CallDelta) else d for d in found]


@pytest.mark.parametrize("kind", COUNTS)
@pytest.mark.parametrize("format_", DIALECTS)
def test_every_call_is_written_and_read_whole(vocabulary: Vocabulary, format_: str, kind: str) -> None:
    read_wrong: list[str] = []
    refused: set[str] = set()
    for case in (each for each in CASES if each.name.startswith(kind)):
        # No tool answers an irrelevant question: a plain call of each, as its schema allows it.
        calls = case.calls or tuple(ToolCall(f"c{tool.name}", tool.name, sample(_json(tool))) for tool in case.tools)
        for call in calls:
            request = Request((Message("user", (Text("?"),)),), case.tools, "required")
            written = rendered(DIALECTS[format_], case.tools, (call,))
            if (found := read(DIALECTS[format_], request, written)) != [(call.name, dict(call.arguments))]:
                read_wrong.append(f"{case.name}: {call} was read as {found}")
            grammar = DIALECTS[format_].grammar(request)
            assert grammar is not None
            if not matches(vocabulary, grammar.gbnf, written):
                refused.add(case.name)
    assert not read_wrong
    assert refused == {case.name for case in CASES} & {name for name in MISFITS if name.startswith(kind)}


def _json(tool: ToolSpec) -> dict[str, object]:
    return _schema(normalise(tool.parameters, tool.name))


def _schema(shape: Shape) -> dict[str, object]:
    schema: dict[str, object] = {"type": "string" if shape.kind == "any" else shape.kind}
    if shape.enum:
        schema["enum"] = list(shape.enum)
    if shape.kind == "object":
        schema["properties"] = {name: _schema(inner) for name, inner in shape.properties}
        schema["required"] = list(shape.required)
    if shape.kind == "array":
        schema["items"] = _schema(shape.items) if shape.items else {"type": "string"}
        schema["minItems"] = 1
    return schema


@pytest.mark.parametrize("case", CASES[:: max(1, len(CASES) // 60)], ids=lambda case: case.name)
def test_every_parameter_is_declared_with_what_is_said_of_it(case: Case) -> None:
    for tool in case.tools:
        text = declaration(DIALECTS["gemma"], tool)
        assert tool.name in text
        for name, shape in described(normalise(tool.parameters, tool.name)):
            assert re.search(rf"[{{,\"|>]{re.escape(name)}(?:<\|\"\|>)?:\{{", text), (name, text)
            assert shape.description in text
            assert all(str(value) in text for value in shape.enum)
