"""The real tokenizer of Gemma 4 around tiny weights: what sampling and grammars cost depends on its 262,144 tokens."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import gguf
import numpy as np

from deskhand.model.files.bundle import Bundle
from deskhand.model.tiny.files import write_drafter, write_main, write_mmproj
from deskhand.model.tiny.ring import HEARD, ONE
from deskhand.model.tiny.spec import TinySpec
from deskhand.model.tiny.vocab import NORMAL, Vocabulary
from deskhand.model.tiny.vocab import vocabulary as tiny_vocabulary

BUILD = Path("build/bench")
VOCABULARY = "vendor/llama.cpp/models/ggml-vocab-gemma-4.gguf"
TEMPLATE = "vendor/llama.cpp/models/templates/google-gemma-4-31B-it.jinja"

REAL = TinySpec(vocab=262_144, drafter_agreement=0.9, dtype="f16", window=1024, context_length=32_768)
"""Tiny layers under the real vocabulary, with the 12B's window."""

_LOGIT = 20.0
"""Of the one right successor, before the softcap of 30."""


class Chain:
    """A language in which every token has one successor, in the shape of `tiny.ring.Ring`.

    Args:
        spec: sizes; ``drafter_agreement`` is the share of tokens that the drafter knows.
        vocabulary: of the model.
        order: tokens, each the successor of the one before and the first that of the last.
        starts: tokens after which the first of ``order`` comes.
    """

    def __init__(
        self, spec: TinySpec, vocabulary: Vocabulary, order: Sequence[int], starts: Sequence[int] = ()
    ) -> None:
        if len(set(order)) != len(order):
            raise ValueError("every token of a chain has one successor, so none may come twice")
        rng = np.random.default_rng([spec.seed, 1])
        self.vocabulary = vocabulary
        codes, strays = (_unit(rng.normal(size=(len(order), spec.identity)).astype(np.float32)) for _ in range(2))
        state = rng.integers(len(order), size=spec.vocab)
        state[list(starts)] = len(order) - 1
        state[list(order)] = np.arange(len(order))
        rest = rng.normal(size=(spec.vocab, spec.hidden - spec.identity - spec.context)).astype(np.float32)
        rest[:, ONE] = rest[:, HEARD] = 1.0
        rest[list(order), HEARD] = -1.0
        nothing = np.zeros((spec.vocab, spec.context), np.float32)
        self.embeddings = np.hstack([codes[state] * np.float32(np.sqrt(spec.identity)), nothing, rest])
        scale = np.float32(_LOGIT / np.sqrt(spec.identity))
        before = np.roll(codes, 1, axis=0)
        missed = rng.permutation(len(order)) < round(len(order) * (1 - spec.drafter_agreement))
        right = np.zeros((spec.vocab, spec.identity), np.float32)
        right[list(order)] = before * scale
        self.output = np.hstack([right, nothing, np.zeros_like(rest)])
        guessed = np.zeros_like(right)
        guesses = np.where(missed[:, None], strays, before)
        guessed[list(order)] = guesses * scale
        # A stray guess may happen to be right all the same.
        found = np.roll((codes @ guesses.T).argmax(axis=1), 1)
        self.known = {token for index, token in enumerate(order) if found[index] == index}
        spare = np.zeros((spec.vocab, spec.drafter_hidden - spec.identity), np.float32)
        self.drafted = np.hstack([guessed, spare])


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def from_archive(member: str) -> Path:
    """A file of llama-cpp-python's source archive, which `make bench` fetches; unpacked once."""
    path = BUILD / Path(member).name
    if not path.exists():
        (archive,) = BUILD.glob("llama_cpp_python-*.tar.gz")
        with tarfile.open(archive) as tar:
            name = f"{archive.name.removesuffix('.tar.gz')}/{member}"
            found = tar.extractfile(name)
            assert found, f"{archive} holds no {name}"
            path.write_bytes(found.read())
    return path


@cache
def real_vocabulary() -> Vocabulary:
    """Tokens, types and merges of Gemma 4; half a minute."""
    fields = gguf.GGUFReader(from_archive(VOCABULARY)).fields
    tokens, types, merges = (fields[f"tokenizer.ggml.{part}"].contents() for part in ("tokens", "token_type", "merges"))
    return Vocabulary(tuple(tokens), tuple(types), tuple(merges))


def real_part(size: int, *texts: str) -> Vocabulary:
    """About ``size`` tokens of Gemma 4's: control tokens, bytes, the commonest pieces, and what ``texts`` are made of.

    Texts of common words fall into the tokens that they have in the whole vocabulary, and the output matrix of a small
    model is not most of its weights.
    """
    whole = real_vocabulary()
    ids = {token: index for index, token in enumerate(whole.tokens)}
    halves: dict[str, tuple[str, str]] = {}
    for merge in whole.merges:
        left, _, right = merge.partition(" ")
        halves.setdefault(left + right, (left, right))
    kept = {index for index, kind in enumerate(whole.types) if kind != NORMAL or index < size}
    missing = [*map(chr, range(0x21, 0x7F)), "▁", *texts]  # single characters stand at the vocabulary's end
    while missing:
        token = missing.pop()
        if ids[token] not in kept:
            kept.add(ids[token])
            missing += halves.get(token, ())
    order = sorted(kept)
    tokens = tuple(whole.tokens[index] for index in order)
    known = set(tokens)
    merges = tuple(
        merge for merge in whole.merges if {*(parts := merge.partition(" "))[::2], parts[0] + parts[2]} <= known
    )
    return Vocabulary(tokens, tuple(whole.types[index] for index in order), merges)


def words(vocabulary: Vocabulary, count: int = 600) -> list[int]:
    """Ordinary words that stand alone, commonest first."""
    found = (
        index
        for index, (token, kind) in enumerate(zip(vocabulary.tokens, vocabulary.types, strict=True))
        if kind == NORMAL and token[0] == "▁" and token[1:].isascii() and token[1:].islower() and len(token) > 4
    )
    return [index for index, _ in zip(found, range(count), strict=False)]


def note(vocabulary: Vocabulary) -> list[int]:
    """A call whose argument is a long text: what a grammar has to look at token by token."""
    begin = [*spelt(vocabulary, "<|tool_call>call:notes_append{text_:"), vocabulary.tokens.index('<|"|>')]
    return [*begin, *(word for word in words(vocabulary) if word not in begin)]


def spelt(vocabulary: Vocabulary, text: str) -> list[int]:
    """Tokens that spell ``text``, the longest first and none twice: a chain can't come to the same token again."""
    ids = {token: index for index, token in enumerate(vocabulary.tokens)}
    found: list[int] = []

    def spell(rest: str) -> bool:
        for length in range(len(rest), 0, -1):
            token = ids.get(rest[:length].replace(" ", "▁"))
            if token is not None and token not in found:
                found.append(token)
                if length == len(rest) or spell(rest[length:]):
                    return True
                found.pop()
        return False

    if not spell(text):
        raise ValueError(f"{text} can't be spelt without using a token twice")
    return found


def write_chain(spec: TinySpec) -> tuple[Bundle, set[int]]:
    """A bundle of the tiny vocabulary that writes its pieces round and round, and the tokens that its drafter knows."""
    vocabulary = tiny_vocabulary(spec.vocab)
    chain = Chain(spec, vocabulary, vocabulary.words)
    folder = BUILD / f"chain-{spec.digest}"
    bundle = Bundle(folder / "main.gguf", folder / "mmproj.gguf", folder / "drafter.gguf")
    folder.mkdir(parents=True, exist_ok=True)
    write_main(bundle.main, spec, chain)  # type: ignore[arg-type] - a Ring in all that is read of it
    write_mmproj(folder / "mmproj.gguf", spec)
    write_drafter(folder / "drafter.gguf", spec, chain)  # type: ignore[arg-type] - the same
    return bundle, chain.known


def write_real(
    name: str,
    order: Callable[[Vocabulary], Sequence[int]],
    spec: TinySpec = REAL,
    vocabulary: Callable[[], Vocabulary] = real_vocabulary,
) -> Bundle:
    """A bundle of the real vocabulary that writes ``order`` after every prompt, round and round; made once."""
    folder = BUILD / f"{name}-{spec.digest}"
    bundle = Bundle(folder / "main.gguf", folder / "mmproj.gguf", folder / "drafter.gguf")
    if not (folder / "done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        found = vocabulary()
        spec = replace(spec, vocab=len(found.tokens))
        ids = {token: index for index, token in enumerate(found.tokens)}
        chain = Chain(spec, found, order(found), starts=[ids["\n"], ids["<channel|>"], ids["<|channel>"]])
        write_main(bundle.main, spec, chain)  # type: ignore[arg-type] - a Ring in all that is read of it
        write_mmproj(folder / "mmproj.gguf", spec)
        write_drafter(folder / "drafter.gguf", spec, chain)  # type: ignore[arg-type] - the same
        (folder / "done").touch()
    return bundle
