"""Schemas, and calls that fit them, for hypothesis; and what a model must have written to have made the calls."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import strategies as st

from deskhand.model.language.dialect import Control, Dialect, Piece, Plain
from deskhand.model.language.literals import CONTROL_TOKENS
from deskhand.model.types import Message, Request, Text, ToolCall, ToolSpec

Token = tuple[str, bool]
"""A piece of text, and whether it is a control token."""


def gemma(text: str) -> list[Token]:
    """Text in which control tokens are meant, cut into tokens."""
    form = "|".join(map(re.escape, CONTROL_TOKENS))
    return [(part, part in CONTROL_TOKENS) for part in re.split(f"({form})", text) if part]


def of(pieces: tuple[Piece, ...]) -> list[Token]:
    """A prompt as control tokens and single characters."""
    out: list[Token] = []
    for piece in pieces:
        assert isinstance(piece, Control | Plain)
        for text, special in gemma(piece.text) if isinstance(piece, Control) else [(piece.text, False)]:
            out += [(text, True)] if special else [(character, False) for character in text]
    return out


def rendered(dialect: Dialect, tools: tuple[ToolSpec, ...], calls: tuple[ToolCall, ...]) -> list[Token]:
    """What the model must have generated to have made the calls: the end of the rendered prompt."""
    user = Message("user", (Text("?"),))
    before = of(dialect.render(Request((user,), tools)))
    after = of(dialect.render(Request((user, Message("assistant", (), calls), user), tools)))
    assert after[: len(before)] == before
    written = after[len(before) :]
    if ("<turn|>", True) in written:
        return written[: written.index(("<turn|>", True))]
    text = "".join(character for character, _ in written)
    return written[: text.rindex("<|im_end|>\n<|im_start|>user")]


names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
keys = names | st.sampled_from(["type", "properties", "Überschrift", "w e:i{r}d", '"q"', "a.b-c", "<|x", "$", ""])
alphabet = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
texts = st.text(alphabet, max_size=12) | st.sampled_from(
    ['say "no"\n\tline', "<", "<|", '<|"', "a|>b<c", "日本🦀", "\\"]
)
floats = st.integers(-(10**8) + 1, 10**8 - 1).map(lambda n: n / 100)


def scalars() -> st.SearchStrategy[tuple[dict[str, Any], st.SearchStrategy[Any]]]:
    return st.one_of(
        st.just(({"type": "string", "description": 'a "d" <|tool>'}, texts)),
        st.just(({"type": "integer"}, st.integers(-(10**14), 10**14))),
        st.just(({"type": "integer", "minimum": 0}, st.integers(0, 10**14))),
        st.just(({"type": "number", "maximum": -1}, st.integers(-1000, -1) | floats.filter(lambda n: n < 0))),
        st.just(({"type": "number"}, st.integers(-1000, 1000) | floats)),
        st.just(({"type": "boolean"}, st.booleans())),
        st.just(({"type": "null"}, st.none())),
        st.just(
            ({}, texts | st.booleans() | st.lists(st.dictionaries(names, st.none() | texts, max_size=2), max_size=2))
        ),
        st.lists(texts.filter(bool), min_size=1, max_size=3).map(lambda v: ({"enum": v}, st.sampled_from(v))),
        st.lists(st.integers() | st.booleans(), min_size=1, max_size=3).map(
            lambda v: ({"enum": v}, st.sampled_from(v))
        ),
        st.just(({"anyOf": [{"type": "integer"}, {"type": "string"}]}, st.integers(-9, 9) | texts)),
        st.just(({"type": ["boolean", "null"]}, st.booleans() | st.none())),
    )


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[dict[str, Any], st.SearchStrategy[Any]]]:
    @st.composite
    def made(draw: st.DrawFn) -> tuple[dict[str, Any], st.SearchStrategy[Any]]:
        properties = draw(st.dictionaries(keys, inner, max_size=4))
        required = draw(st.sets(st.sampled_from(sorted(properties)))) if properties else set[str]()
        schema = {
            "type": "object",
            "properties": {name: schema for name, (schema, _) in properties.items()},
            "required": sorted(required),
        }
        values = st.fixed_dictionaries(
            {name: value for name, (_, value) in properties.items() if name in required},
            optional={name: value for name, (_, value) in properties.items() if name not in required},
        )
        if not properties:
            return schema, st.just({})
        # The order of the schema, which is the order in which a model writes JSON.
        return schema, values.map(lambda found: {name: found[name] for name in properties if name in found})

    return made()


def arrays(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[dict[str, Any], st.SearchStrategy[Any]]]:
    return inner.map(lambda pair: ({"type": "array", "items": pair[0]}, st.lists(pair[1], max_size=3)))


schemas = st.recursive(scalars(), lambda inner: objects(inner) | arrays(inner), max_leaves=5)


@st.composite
def calls(draw: st.DrawFn) -> tuple[ToolSpec, tuple[ToolCall, ...]]:
    name = draw(names)
    schema, arguments = draw(objects(schemas))
    found = draw(st.lists(arguments, min_size=1, max_size=2))
    return ToolSpec(name, "does it", schema), tuple(ToolCall(f"c{i}", name, each) for i, each in enumerate(found))
