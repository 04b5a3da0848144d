"""Looking ahead in a grammar: text that it leaves no choice about, in the tokens in which a model writes it itself.

Most of a call's text is form: the tool's name after its first letters, keys, punctuation, quoting tokens. Where only
one character can follow, nothing needs to be sampled, and all of it can be evaluated at once, like a prompt.

llama.cpp's own matcher is asked, byte by byte, on a copy of the grammar, so nothing here can disagree with it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from deskhand.model.errors import PromptError
from deskhand.model.language.literals import CONTROL_TOKENS
from deskhand.model.llama.cache import shared
from deskhand.model.llama.native import C, Model, Pointer

CANDIDATE = np.dtype([("id", "<i4"), ("logit", "<f4"), ("p", "<f4")])
"""llama.h, struct llama_token_data."""

LONGEST = 256
"""Bytes of a forced text; what is longer is forced in several pieces."""

_BRANCH = 24
"""Bytes that are followed into each of several ways on, to see whether they change the tokens before them."""

_BRANCHES = 8
"""Ways on that are followed; where there are more, the model writes the last token before them itself."""

_TAIL = 16
"""Tokens before, together with which a text is tokenised."""

_NUMBER = frozenset(b"-0123456789")
_MARKS = (*CONTROL_TOKENS, "<tool_call>", "</tool_call>", "<think>", "</think>")


@dataclass(frozen=True)
class _Ways:
    """What a grammar allows next: bytes, control tokens, the end."""

    bytes: tuple[int, ...]
    marks: tuple[int, ...]
    ends: bool


@dataclass
class _Run:
    """What must follow: stretches of text, each with the control token that ends it, and a last one without.

    Attributes:
        stretches: text and control token.
        open: text after the last control token.
        ways: bytes that may come next, if nothing else may.
    """

    stretches: list[tuple[bytes, int]] = field(default_factory=list[tuple[bytes, int]])
    open: bytes = b""
    ways: tuple[int, ...] = ()


class Lookahead:
    """Finds what a grammar forces.

    Args:
        model: whose tokens; it has to have `byte_tokens`.
        end: one of those that end a generation.
    """

    def __init__(self, model: Model, end: int) -> None:
        self._model = model
        self._bytes = model.byte_tokens
        found = {text: model.special_token(text) for text in _MARKS}
        self._marks = {token: text.encode() for text, token in found.items() if token is not None}
        self._free = _Probe([self._bytes[byte] for byte in b"ab01"])
        self._all = _Probe([*self._bytes.values(), *self._marks, end])
        self._order = tuple(self._bytes)

    def tokens(self, grammar: Pointer, written: Sequence[int]) -> list[int]:
        """Tokens that must follow ``written``, as far as it is certain in which tokens the model would write them.

        Args:
            grammar: a grammar sampler that has accepted ``written``.
            written: what the model has written under it, or the end of that.
        """
        # Inside a text, a name or a number at least two of these may follow.
        if len(self._free.allowed(grammar)) > 1 or not self._is_forced(self._ways(grammar)):
            return []
        copy = C.llama_sampler_clone(grammar)
        try:
            run = self._follow(copy, LONGEST)
            tokens: list[int] = []
            tail = self._tail(written)
            for text, mark in run.stretches:
                found = self._continued(tail, text)
                if found is None:
                    return tokens
                tokens += [*found, mark]
                tail = []
            return tokens + self._settled(copy, tail, run)
        finally:
            C.llama_sampler_free(copy)

    def _ways(self, grammar: Pointer) -> _Ways:
        allowed = self._all.allowed(grammar)
        count = len(self._order)
        marks = tuple(self._all.token(index) for index in allowed if count <= index < self._all.size - 1)
        return _Ways(tuple(self._order[i] for i in allowed if i < count), marks, self._all.size - 1 in allowed)

    def _is_forced(self, ways: _Ways) -> bool:
        if ways.ends or len(ways.marks) > 1 or any(mark in self._model.suppressed for mark in ways.marks):
            return False
        begins = {self._marks[mark][0] for mark in ways.marks} | set(ways.bytes)
        return len(begins) == 1

    def _spells(self, grammar: Pointer, mark: int) -> bool:
        """Whether a grammar forces a control token's text also where it is written in characters."""
        copy = C.llama_sampler_clone(grammar)
        try:
            for byte in self._marks[mark]:
                if self._ways(copy).bytes != (byte,):
                    return False
                C.llama_sampler_accept(copy, self._bytes[byte])
            return True
        finally:
            C.llama_sampler_free(copy)

    def _follow(self, copy: Pointer, most: int) -> _Run:
        """Let a copy of a grammar accept what it forces."""
        run = _Run()
        for _ in range(most):
            ways = self._ways(copy)
            if not self._is_forced(ways):
                run.ways = () if ways.ends or ways.marks else ways.bytes
                return run
            if ways.marks:
                (mark,) = ways.marks
                if ways.bytes and not self._spells(copy, mark):
                    return run
                C.llama_sampler_accept(copy, mark)
                run.stretches.append((run.open, mark))
                run.open = b""
            else:
                C.llama_sampler_accept(copy, self._bytes[ways.bytes[0]])
                run.open += bytes(ways.bytes)
        return run

    def _tail(self, written: Sequence[int]) -> list[int]:
        """What was written since the last control token, or the end of it."""
        tail: list[int] = []
        for token in reversed(written[-_TAIL:]):
            if token in self._marks:
                break
            tail.insert(0, token)
        return tail

    def _continued(self, tail: list[int], text: bytes) -> list[int] | None:
        """The tokens of a text after others; None where it would be other ones had it all been tokenised at once."""
        before = b"".join(self._model.piece(token) for token in tail)
        try:
            tokens = self._model.plain((before + text).decode())
        except (UnicodeDecodeError, PromptError):
            return None
        return tokens[len(tail) :] if tokens[: len(tail)] == tail else None

    def _settled(self, copy: Pointer, tail: list[int], run: _Run) -> list[int]:
        """The tokens of the last text that stay the same whatever follows it."""
        if not run.open:
            return []
        if 0 < len(run.ways) <= _BRANCHES:
            ends = [self._branch(copy, way) for way in run.ways]
        elif run.ways and _NUMBER.issuperset(run.ways):
            ends = [bytes((way, *more)) for way in run.ways for more in (b"", b"0", b"25")]
        else:
            found = self._continued(tail, run.open)
            return found[:-1] if found else []
        continued = [self._continued(tail, run.open + end) for end in ends]
        whole = [tokens for tokens in continued if tokens is not None]
        if not whole or len(whole) < len(continued):
            return []
        common = whole[0][: min(shared(whole[0], other) for other in whole)]
        # No token may reach beyond the text.
        while common and sum(len(self._model.piece(token)) for token in common) > len(run.open):
            common.pop()
        return common

    def _branch(self, copy: Pointer, way: int) -> bytes:
        branch = C.llama_sampler_clone(copy)
        try:
            C.llama_sampler_accept(branch, self._bytes[way])
            run = self._follow(branch, _BRANCH)
            text = bytes((way,)) + (run.stretches[0][0] if run.stretches else run.open)
        finally:
            C.llama_sampler_free(branch)
        # A character that is not whole can't be tokenised; the bytes that are there decide.
        return text.decode(errors="ignore").encode() or text


class _Probe:
    """Asks a grammar about several tokens at once."""

    def __init__(self, tokens: Sequence[int]) -> None:
        self.size = len(tokens)
        self._candidates = np.zeros(self.size, CANDIDATE)
        self._candidates["id"] = tokens
        self._logits: NDArray[np.float32] = self._candidates["logit"]
        pointer = self._candidates.ctypes.data_as(ctypes.POINTER(C.llama_token_data))
        self._array = C.llama_token_data_array(pointer, self.size, -1, False)
        self._argument = ctypes.byref(self._array)

    def token(self, index: int) -> int:
        """The token at an index."""
        return int(self._candidates["id"][index])

    def allowed(self, grammar: Pointer) -> list[int]:
        """Indices of the tokens that may come next."""
        self._logits[:] = 0.0
        C.llama_sampler_apply(grammar, self._argument)
        return np.flatnonzero(self._logits == 0.0).tolist()
