"""Grammars are read by llama.cpp itself, accept what is rendered, and refuse what is not a call of a tool."""

from __future__ import annotations

import codecs
import ctypes
import itertools
import json
import random
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llama_cpp import llama_cpp as C  # noqa: N812 - as the library's own examples name it

from deskhand.model.errors import PromptError
from deskhand.model.language.chat_template import JinjaDialect
from deskhand.model.language.dialect import Dialect
from deskhand.model.language.literals import CONTROL_TOKENS
from deskhand.model.language.template import Gemma4Dialect
from deskhand.model.tiny.bundle import cached_bundle
from deskhand.model.types import CallDelta, Message, Request, Text, ToolCall, ToolChoice, ToolSpec
from tests.model.language.made_calls import Token, calls, gemma, rendered

CANDIDATE = np.dtype([("id", "<i4"), ("logit", "<f4"), ("p", "<f4")])  # llama.h, llama_token_data
SLOW = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


class Vocabulary:
    """The tiny bundle's vocabulary in llama.cpp: every Gemma 4 control token, bytes and some pieces."""

    def __init__(self) -> None:
        C.llama_backend_init()
        parameters = C.llama_model_default_params()
        parameters.vocab_only = True
        self.model = C.llama_model_load_from_file(str(cached_bundle().main).encode(), parameters)
        self.vocab = C.llama_model_get_vocab(self.model)

    def tokens(self, text: str, *, special: bool) -> list[int]:
        data = text.encode()
        buffer = (ctypes.c_int32 * (len(data) + 8))()
        return buffer[: C.llama_tokenize(self.vocab, data, len(data), buffer, len(buffer), False, special)]

    def tokenise(self, pieces: list[Token]) -> list[int]:
        """Token ids; runs of plain text are tokenised together unless they spell a control token."""
        out: list[int] = []
        for special, run in itertools.groupby(pieces, key=lambda piece: piece[1]):
            text = "".join(part for part, _ in run)
            parts = text if not special and any(token in text for token in CONTROL_TOKENS) else [text]
            out += [token for part in parts for token in self.tokens(part, special=special)]
        return out


class Matcher:
    """A grammar that is fed token by token; a token is asked for before it is accepted, as accepting may abort."""

    def __init__(self, vocabulary: Vocabulary, gbnf: str) -> None:
        self.vocabulary = vocabulary
        self.sampler = C.llama_sampler_init_grammar(vocabulary.vocab, gbnf.encode(), b"root")
        assert self.sampler, gbnf

    def allows(self, token: int) -> bool:
        data = (C.llama_token_data * 1)(C.llama_token_data(token, 0.0, 0.0))
        array = C.llama_token_data_array(data, 1, -1, False)
        C.llama_sampler_apply(self.sampler, ctypes.byref(array))
        return data[0].logit == 0

    def allowed(self) -> set[int]:
        data = np.zeros(C.llama_vocab_n_tokens(self.vocabulary.vocab), CANDIDATE)
        data["id"] = np.arange(data.size)
        pointer = data.ctypes.data_as(ctypes.POINTER(C.llama_token_data))
        array = C.llama_token_data_array(pointer, data.size, -1, False)
        C.llama_sampler_apply(self.sampler, ctypes.byref(array))
        return set(np.flatnonzero(data["logit"] == 0).tolist())

    def accepts(self, tokens: list[int], *, ended: bool = True) -> bool:
        for token in tokens:
            if not self.allows(token):
                return False
            C.llama_sampler_accept(self.sampler, token)
        return not ended or self.allows(self.vocabulary.tokens("<eos>", special=True)[0])

    def close(self) -> None:
        C.llama_sampler_free(self.sampler)


@pytest.fixture(scope="module")
def vocabulary() -> Iterator[Vocabulary]:
    made = Vocabulary()
    yield made
    C.llama_model_free(made.model)


def matches(vocabulary: Vocabulary, gbnf: str, pieces: list[Token], *, ended: bool = True) -> bool:
    matcher = Matcher(vocabulary, gbnf)
    try:
        return matcher.accepts(vocabulary.tokenise(pieces), ended=ended)
    finally:
        matcher.close()


@pytest.mark.parametrize("dialect", [Gemma4Dialect(), JinjaDialect()], ids=["gemma", "json"])
@SLOW
@given(calls())
def test_what_is_rendered_is_what_the_grammar_lets_the_model_write_and_parses_back(
    vocabulary: Vocabulary, dialect: Dialect, case: tuple[ToolSpec, tuple[ToolCall, ...]]
) -> None:
    tool, made = case
    request = Request((Message("user", (Text("?"),)),), (tool,), "required")
    written = rendered(dialect, (tool,), made)
    parser = dialect.parser(request)
    found = [delta for text, special in written for delta in parser.feed(text, special=special)] + parser.finish()
    assert [(d.call.name, d.call.arguments) for d in found if isinstance(d, CallDelta)] == [
        (call.name, dict(call.arguments)) for call in made
    ]
    assert len(found) == len(made)
    grammar = dialect.grammar(request)
    assert grammar is not None
    assert matches(vocabulary, grammar.gbnf, written), written


def walk(vocabulary: Vocabulary, gbnf: str, seed: int, steps: int = 100) -> list[tuple[bytes, bool]] | None:
    """Let a model without any sense write under a grammar: any allowed token, after a while one that ends things."""
    rng = random.Random(seed)
    end = vocabulary.tokens("<eos>", special=True)[0]
    enders = [vocabulary.tokens(text, special=True)[0] for text in ('<|"|>', "<tool_call|>", '"', "}", "]")]
    matcher = Matcher(vocabulary, gbnf)
    written: list[tuple[bytes, bool]] = []
    try:
        for step in range(steps):
            allowed = matcher.allowed()
            assert allowed
            if end in allowed and (step > 40 or rng.random() < 0.5):
                return written
            hurried = [token for token in enders if token in allowed] if step > 40 or rng.random() < 0.2 else []
            token = rng.choice(hurried or sorted(allowed - {end}))
            C.llama_sampler_accept(matcher.sampler, token)
            buffer = ctypes.create_string_buffer(64)
            size = C.llama_token_to_piece(vocabulary.vocab, token, buffer, 64, 0, True)
            special = bool(C.llama_vocab_get_attr(vocabulary.vocab, token) & (8 | 16))  # control, user-defined
            written.append((buffer.raw[:size], special and b"|" in buffer.raw[:size]))
        return None
    finally:
        matcher.close()


@pytest.mark.parametrize("dialect", [Gemma4Dialect(), JinjaDialect()], ids=["gemma", "json"])
@settings(SLOW, max_examples=15)
@given(calls(), st.integers(0, 2**32))
def test_whatever_the_grammar_lets_through_is_a_call_that_parses(
    vocabulary: Vocabulary, dialect: Dialect, case: tuple[ToolSpec, tuple[ToolCall, ...]], seed: int
) -> None:
    request = Request((), (case[0],), "required")
    grammar = dialect.grammar(request)
    assert grammar is not None
    written = walk(vocabulary, grammar.gbnf, seed)
    if written is None:  # it was still in the middle of something
        return
    parser = dialect.parser(request)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")  # as the session decodes: any byte may be written
    found = [d for piece, special in written for d in parser.feed(decoder.decode(piece), special=special)]
    found += parser.finish()
    assert found
    for delta in found:
        assert isinstance(delta, CallDelta), (delta, written)
        assert delta.call.name == case[0].name
        assert set(delta.call.arguments) <= set(case[0].parameters["properties"])
        assert set(delta.call.arguments) >= set(case[0].parameters["required"])


CLOCK = ToolSpec("clock", "Tells the time.", {})
NOTE = ToolSpec(
    "note",
    "Keeps a note.",
    {
        "properties": {
            "text": {"type": "string"},
            "pages": {"type": "integer", "minimum": 1},
            "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 1},
        },
        "required": ["text"],
    },
)


def gbnf(dialect: Dialect, choice: ToolChoice, *, thinking: bool = False) -> str:
    grammar = dialect.grammar(Request((), (CLOCK, NOTE), choice, thinking=thinking))
    assert grammar is not None
    return grammar.gbnf


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("<|tool_call>call:clock{}<tool_call|>", True),
        ("<|tool_call>call:clock{}<tool_call|><|tool_call>call:clock{}<tool_call|>", True),
        ('<|tool_call>call:note{text:<|"|>a "b"\n<c><|"|>}<tool_call|>', True),
        ('<|tool_call>call:note{pages:3,tags:[<|"|>a<|"|>,<|"|>b<|"|>],text:<|"|><|"|>}<tool_call|>', True),
        ("", False),
        ("hello", False),
        ("<|tool_call>call:clock{}", False),
        ("<|tool_call>call:clock{}<tool_call|> and", False),
        ("<|tool_call>call:other{}<tool_call|>", False),
        ("<|tool_call>call:note{}<tool_call|>", False),
        ('<|tool_call>call:note{text:"a"}<tool_call|>', False),
        ('<|tool_call>call:note{text:<|"|>a<tool_call|>', False),
        ('<|tool_call>call:note{text:<|"|>a<turn|><|"|>}<tool_call|>', False),
        ('<|tool_call>call:note{text:<|"|>a<|"|>,pages:3}<tool_call|>', False),
        ('<|tool_call>call:note{pages:-3,text:<|"|>a<|"|>}<tool_call|>', False),
        ('<|tool_call>call:note{pages:03,text:<|"|>a<|"|>}<tool_call|>', False),
        ('<|tool_call>call:note{tags:[],text:<|"|>a<|"|>}<tool_call|>', False),
        ('<|tool_call>call:note{tags:[<|"|>c<|"|>],text:<|"|>a<|"|>}<tool_call|>', False),
    ],
)
def test_gemma_calls_are_held_to_their_schemas(vocabulary: Vocabulary, text: str, good: bool) -> None:
    for choice in ("required", "auto"):
        assert matches(vocabulary, gbnf(Gemma4Dialect(), choice), gemma(text)) == good


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ('<tool_call>\n{"name": "clock", "arguments": {}}\n</tool_call>', True),
        ('<tool_call>\n{"name": "note", "arguments": {"text": "a \\"b\\"\\n", "pages": 3}}\n</tool_call>', True),
        ('<tool_call>\n{"name": "note", "arguments": {"pages": 3}}\n</tool_call>', False),
        ('<tool_call>\n{"name": "note", "arguments": {"text": "a\nb"}}\n</tool_call>', False),
        ('<tool_call>\n{"name": "other", "arguments": {}}\n</tool_call>', False),
        ('{"name": "clock", "arguments": {}}', False),
    ],
)
def test_json_calls_are_held_to_their_schemas(vocabulary: Vocabulary, text: str, good: bool) -> None:
    for choice in ("required", "auto"):
        assert matches(vocabulary, gbnf(JinjaDialect(), choice), [(text, False)]) == good


def test_the_lazy_grammar_waits_for_its_trigger(vocabulary: Vocabulary) -> None:
    grammar = Gemma4Dialect().grammar(Request((), (CLOCK,)))
    assert grammar is not None
    assert grammar.trigger == "<|tool_call>"
    trigger = (ctypes.c_int32 * 1)(*vocabulary.tokens(grammar.trigger, special=True))
    matcher = Matcher(vocabulary, grammar.gbnf)
    matcher.close()
    matcher.sampler = C.llama_sampler_init_grammar_lazy_patterns(
        vocabulary.vocab, grammar.gbnf.encode(), b"root", None, 0, trigger, 1
    )
    assert matcher.accepts(vocabulary.tokenise(gemma("I look. call:clock ")), ended=False)
    assert matcher.accepts(vocabulary.tokenise(gemma("<|tool_call>call:clock")), ended=False)
    assert not matcher.accepts(vocabulary.tokenise(gemma("work")), ended=False)
    assert matcher.accepts(vocabulary.tokenise(gemma("{}<tool_call|>")))
    matcher.close()
    json_grammar = JinjaDialect().grammar(Request((), (CLOCK,)))
    assert json_grammar is not None
    assert json_grammar.trigger == "<tool_call>"


def test_without_calls_only_the_call_token_is_forbidden(vocabulary: Vocabulary) -> None:
    forbidden = gbnf(Gemma4Dialect(), "none")
    assert matches(vocabulary, forbidden, [("plain <|tool_call> text, 日本🦀 and\n\n", False)])
    assert matches(vocabulary, forbidden, gemma("<|channel>thought\nhm\n<channel|>yes"))
    assert not matches(vocabulary, forbidden, gemma("yes<|tool_call>"), ended=False)
    assert JinjaDialect().grammar(Request((), (CLOCK,), "none")) is None


def test_a_thought_may_come_before_a_required_call(vocabulary: Vocabulary) -> None:
    call = "<|tool_call>call:clock{}<tool_call|>"
    thought = gemma(f"<|channel>thought\nWhat <time> is it?\n<channel|>{call}")
    assert matches(vocabulary, gbnf(Gemma4Dialect(), "required", thinking=True), thought)
    assert matches(vocabulary, gbnf(Gemma4Dialect(), "required", thinking=True), gemma(call))
    assert not matches(vocabulary, gbnf(Gemma4Dialect(), "required"), thought)
    json_call = '<think>\n<hm>\n</think>\n\n<tool_call>\n{"name": "clock", "arguments": {}}\n</tool_call>'
    assert matches(vocabulary, gbnf(JinjaDialect(), "required", thinking=True), [(json_call, False)])


def test_no_allowed_token_is_one_that_accepting_would_abort_on(vocabulary: Vocabulary) -> None:
    """Every token that the filter lets through is accepted, at every step of a call that has delicate ends."""
    tool = ToolSpec(
        "t", "", {"properties": {"op": {"enum": ["<", "<|", "a<", "≤"]}, "k<|x": {"type": "number"}, "s": {}}}
    )
    grammar = Gemma4Dialect().grammar(Request((), (tool,), "required"))
    assert grammar is not None
    steps = gemma(
        '<|tool_call>call:t{<|"|>k<|x<|"|>:-1.5,op:<|"|>a<|<<|"|>,s:{<|"|>é<|<|"|>:[<|"|><|"|>]}}<tool_call|>'
    )
    written = vocabulary.tokenise(steps)
    for length in range(len(written)):
        matcher = Matcher(vocabulary, grammar.gbnf)
        assert matcher.accepts(written[:length], ended=False)
        for token in matcher.allowed():
            if not C.llama_vocab_is_eog(vocabulary.vocab, token):
                clone = C.llama_sampler_clone(matcher.sampler)
                C.llama_sampler_accept(clone, token)
                C.llama_sampler_free(clone)
        matcher.close()


def test_hostile_names_and_values_stay_literals(vocabulary: Vocabulary) -> None:
    nasty = 'x"\nroot ::= "y" # \\ [^a] \x07 \u2028 <|"|> <tool_call|>'
    tool = ToolSpec(nasty, nasty, {"properties": {nasty: {"enum": [nasty, "ok"], "default": nasty}}})
    for dialect in (Gemma4Dialect(), JinjaDialect()):
        for choice in ("auto", "required", "none"):
            grammar = dialect.grammar(Request((), (tool,), choice))
            if grammar:
                Matcher(vocabulary, grammar.gbnf).close()
    wanted = json.dumps({"name": nasty, "arguments": {nasty: "ok"}}, ensure_ascii=False)
    grammar = JinjaDialect().grammar(Request((), (tool,), "required"))
    assert grammar is not None
    assert matches(vocabulary, grammar.gbnf, [(f"<tool_call>\n{wanted}\n</tool_call>", False)])


def test_a_demanded_call_without_tools_is_refused() -> None:
    for dialect in (Gemma4Dialect(), JinjaDialect()):
        with pytest.raises(PromptError, match="no tool was given"):
            dialect.grammar(Request((), (), "required"))
        assert dialect.grammar(Request(())) is None
