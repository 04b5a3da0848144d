"""What a grammar forces is written without asking the model: the same call, in the same tokens, in fewer steps."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deskhand.model.errors import ModelError
from deskhand.model.language.chat_template import JinjaDialect
from deskhand.model.language.dialect import Control, Dialect, Grammar, Plain
from deskhand.model.language.template import Gemma4Dialect
from deskhand.model.llama.sampling import Sampler
from deskhand.model.llama.session import Session
from deskhand.model.tiny.bundle import TinySpec, cached_bundle
from deskhand.model.types import Message, Request, Sampling, Text, ToolCall, ToolSpec
from tests.model.conftest import GREEDY, tiny_config
from tests.model.language.made_calls import calls, rendered

SLOW = settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
DIALECTS = {"gemma": Gemma4Dialect(), "json": JinjaDialect()}
USER = Message("user", (Text("?"),))

NOTE = ToolSpec(
    "notes_append",
    "Writes a note.",
    {"properties": {"text": {"type": "string"}, "pages": {"type": "integer"}}, "required": ["text", "pages"]},
)
SEARCH = ToolSpec("notes_search", "Finds notes.", {"properties": {"query": {"type": "string"}}, "required": ["query"]})
LAMP = ToolSpec(
    "lamp",
    "Switches a lamp.",
    {"properties": {"state": {"enum": ["on", "off"]}, "dim": {"type": "boolean"}}, "required": ["state", "dim"]},
)


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    session = Session(tiny_config())
    list(session.run([Control("<bos>"), Plain("What?")], sampling=GREEDY, max_tokens=1))
    yield session
    session.close()


class Author:
    """A model that has made up its mind: it gives the tokens of a text, whatever it is asked."""

    def __init__(self, session: Session, grammar: Grammar, tokens: list[int]) -> None:
        self.sampler = Sampler(session.model, GREEDY, grammar)
        self._session = session
        self._tokens = tokens
        self.steps = self.forced = 0

    def write(self) -> list[int]:
        """What comes out."""
        written: list[int] = []
        logits = self._session.context.logits(-1)
        try:
            while len(written) < len(self._tokens):
                ahead = self.sampler.forced(1000)
                written += ahead
                self.forced += len(ahead)
                if len(written) >= len(self._tokens) or written != self._tokens[: len(written)]:
                    break
                logits[:] = -10.0
                logits[self._tokens[len(written)]] = 10.0
                written.append(self.sampler.sample(self._session.context, -1))
                self.steps += 1
        finally:
            self.sampler.close()
        return written


def tokens_of(session: Session, dialect: Dialect, tool: ToolSpec, made: tuple[ToolCall, ...]) -> list[int]:
    """The calls as a model writes them: text tokenised as a whole between control tokens."""
    if isinstance(dialect, Gemma4Dialect):
        shown = dialect.render(Request((USER, Message("assistant", (), made), USER), (tool,)))
        before = len(dialect.render(Request((USER,), (tool,))))
        tokens = [
            token
            for piece in shown[before:]
            for token in (
                session.model.control(piece.text) if isinstance(piece, Control) else session.model.plain(piece.text)
            )
        ]
        return tokens[: tokens.index(session.model.special_token("<turn|>"))]
    return session.model.plain("".join(text for text, _ in rendered(dialect, (tool,), made)))


def author(session: Session, dialect: Dialect, tools: tuple[ToolSpec, ...], call: ToolCall) -> tuple[Author, list[int]]:
    grammar = dialect.grammar(Request((USER,), tools, "required"))
    assert grammar is not None
    tool = next(tool for tool in tools if tool.name == call.name)
    wanted = tokens_of(session, dialect, tool, (call,))
    return Author(session, grammar, wanted), wanted


@pytest.mark.parametrize("dialect", DIALECTS)
@SLOW
@given(calls())
def test_a_model_that_writes_a_call_by_itself_writes_the_same_tokens(
    session: Session, dialect: str, case: tuple[ToolSpec, tuple[ToolCall, ...]]
) -> None:
    tool, made = case
    writer, wanted = author(session, DIALECTS[dialect], (tool,), made[0])
    assert writer.write() == wanted
    assert writer.forced > 0


@pytest.mark.parametrize(
    ("tools", "call", "most"),
    [
        ((NOTE,), ToolCall("1", "notes_append", {"pages": 3, "text": "milk"}), 8),
        ((NOTE, SEARCH), ToolCall("1", "notes_search", {"query": "milk"}), 7),
        ((NOTE, SEARCH, LAMP), ToolCall("1", "lamp", {"dim": True, "state": "on"}), 5),
    ],
)
def test_what_is_form_takes_no_steps(session: Session, tools: tuple[ToolSpec, ...], call: ToolCall, most: int) -> None:
    writer, wanted = author(session, Gemma4Dialect(), tools, call)
    assert writer.write() == wanted
    assert writer.steps <= most
    assert writer.steps + writer.forced == len(wanted)


def test_json_takes_fewer_steps_too(session: Session) -> None:
    writer, wanted = author(
        session, JinjaDialect(), (NOTE, LAMP), ToolCall("1", "lamp", {"state": "off", "dim": False})
    )
    assert writer.write() == wanted
    assert writer.steps < len(wanted) / 3


def test_a_model_that_spells_in_its_own_way_is_left_to_it(session: Session) -> None:
    """It has begun a word in other tokens than the tokenizer would: nothing is put behind them."""
    grammar = Grammar('root ::= <|tool_call> "call:notes_append{" <tool_call|>')
    sampler = Sampler(session.model, GREEDY, grammar)
    logits = session.context.logits(-1)
    for token in [*session.model.control("<|tool_call>"), *(session.model.plain(c)[0] for c in "ca")]:
        logits[:] = -10.0
        logits[token] = 10.0
        assert sampler.sample(session.context, -1) == token
    assert sampler.forced(100) == []
    sampler.close()


def test_control_tokens_are_written_as_themselves(session: Session) -> None:
    """A grammar of characters allows a control token where its text is spelt."""
    grammar = Grammar('root ::= "a<|tool_call>b"')
    sampler = Sampler(session.model, GREEDY, grammar)
    found = sampler.forced(100)
    assert b"".join(session.model.piece(token) for token in found).startswith(b"a<|tool_call>")
    assert session.model.special_token("<|tool_call>") in found
    sampler.close()
    either = Sampler(session.model, GREEDY, Grammar('root ::= "<|tool_call>" | "<|tool_cat>"'))
    assert session.model.special_token("<|tool_call>") not in either.forced(100)
    either.close()


@pytest.mark.parametrize(
    ("gbnf", "wanted"),
    [
        ('root ::= "yes" | "no"', b""),
        ('root ::= "same" "d" | "samey"', b"same"),
        ('root ::= [a-z]+ "!"', b""),
        ('root ::= "x" [0-9]+', b"x"),
        ('root ::= "über " [^x]*', "über ".encode()),
        ('root ::= "end"', b"end"),
        ("root ::= <|image|>", b""),  # suppressed
        ('root ::= "" | "a"', b""),
    ],
)
def test_only_what_is_certain_is_forced(session: Session, gbnf: str, wanted: bytes) -> None:
    sampler = Sampler(session.model, GREEDY, Grammar(gbnf))
    found = b"".join(session.model.piece(token) for token in sampler.forced(100))
    assert wanted.startswith(found)
    assert len(found) >= len(wanted) - 4
    sampler.close()


def test_no_more_than_asked_for_and_nothing_before_the_trigger(session: Session) -> None:
    grammar = Grammar('root ::= <|tool_call> "call:notes_append{text:"', trigger="<|tool_call>")
    lazy = Sampler(session.model, GREEDY, grammar)
    assert lazy.forced(100) == []
    lazy.close()
    eager = Sampler(session.model, GREEDY, Grammar(grammar.gbnf))
    assert eager.forced(0) == []
    assert len(eager.forced(2)) == 2
    assert eager.forced(100)
    eager.close()


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_session_writes_a_forced_call_with_a_drafter_as_without(open_session, kit, dialect, temperature) -> None:
    request = Request((USER,), (NOTE, LAMP), "required")
    grammar = DIALECTS[dialect].grammar(request)
    spec = TinySpec(stops=(('<|"|>', 9),))
    prompt = [
        Control("<bos><|turn>user\n"),
        kit.picture(),
        Plain("Note it."),
        kit.clip(1),
        Control("<turn|>\n<|turn>model\n"),
    ]
    plain = open_session(spec)
    drafting = kit.always_draft(open_session(spec, drafter=cached_bundle(spec).drafter))
    for limit in (1, 2, 5, 9, 60):
        sampling = Sampling(temperature=temperature, seed=limit)
        one, two = (
            kit.run(each, prompt, grammar=grammar, sampling=sampling, max_tokens=limit) for each in (plain, drafting)
        )
        assert one.text == two.text
        assert plain.cache.items == drafting.cache.items
        assert one.usage.completion_tokens == two.usage.completion_tokens <= limit
        assert one.usage.forced > 0
        assert plain.context.newest() == plain.cache.position - 1
    assert one.usage.steps < one.usage.completion_tokens


ODD = (
    "",
    " ",
    '"',
    "\\",
    "\n",
    "<|tool_call>",
    '<|"|>',
    "<",
    "root ::=",
    "ключ",
    "🦀",
    "\0",
    "\ud800",
    "a" * 500,
    "$ref",
)


def hostile(chance: random.Random) -> dict[str, Any]:
    """Schemas that nobody should write: huge, deep, and named so that they look like something else."""
    kind = chance.randrange(6)
    if kind == 0:
        values = [f"{chance.choice(ODD)}{number}" for number in range(chance.choice([1, 50, 3000]))]
        return {"type": "object", "properties": {"x": {"enum": values}}, "required": ["x"]}
    if kind == 1:
        inner: dict[str, Any] = {"type": "string"}
        for _ in range(chance.choice([3, 15, 40])):
            inner = chance.choice(
                [{"type": "array", "items": inner}, {"type": "object", "properties": {chance.choice(ODD): inner}}]
            )
        return {"type": "object", "properties": {"x": inner}, "required": ["x"]}
    if kind == 2:
        return {"properties": {f"{name}{chance.random()}": {} for name in ODD}, "required": chance.sample(ODD, 3)}
    if kind == 3:
        low, high = sorted(chance.choice([0, 1, -(10**18), 10**18, 7.5, -1e300]) for _ in range(2))
        number = {"type": chance.choice(["integer", "number"]), "minimum": low, "maximum": high}
        return {"properties": {"n": number, "m": {"type": "array", "items": number, "minItems": 99}}, "required": ["n"]}
    if kind == 4:
        return {
            "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"type": "null"}]}},
            "properties": {"a": {"$ref": "#/$defs/a"}},
        }
    names = {
        chance.choice(ODD) * chance.randrange(1, 4): {"enum": [None, True, 1.5, -0.0, "é", [], {}]} for _ in range(30)
    }
    return {"properties": names, "required": list(names), "additionalProperties": chance.choice([True, False, {}])}


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(SLOW, max_examples=15)
@given(st.integers(0, 2**32))
def test_no_schema_ends_the_process(session: Session, dialect: str, seed: int) -> None:
    """A model without any sense writes under it; all that may go wrong is said in a sentence."""
    chance = random.Random(seed)
    tool = ToolSpec("t", "", hostile(chance))
    noise = np.random.default_rng(seed)
    logits = session.context.logits(-1)
    said = "."
    with ExitStack() as stack:
        try:
            grammar = DIALECTS[dialect].grammar(Request((USER,), (tool,), "required"))
            sampler = Sampler(session.model, Sampling(temperature=1, top_k=0, top_p=1, seed=seed), grammar)
            stack.callback(sampler.close)
            for _ in range(40):
                sampler.forced(50)
                logits[:] = noise.normal(0, 3, logits.size)
                if session.model.ends(sampler.sample(session.context, -1)):
                    break
        except ModelError as error:
            said = str(error)
    assert said.endswith(".")


def test_the_tokens_of_a_call_are_those_of_its_canonical_text(session: Session) -> None:
    call = ToolCall("1", "notes_append", {"text": "milk", "pages": 12})
    writer, wanted = author(session, JinjaDialect(), (NOTE,), call)
    text = "<tool_call>\n" + json.dumps({"name": call.name, "arguments": dict(call.arguments)}) + "\n</tool_call>"
    assert wanted == session.model.plain(text)
    assert writer.write() == wanted
