"""One call in Gemma 4's notation, read strictly: whatever is not written exactly so is an error with its reason."""

from __future__ import annotations

import uuid
from typing import Any

from deskhand.model.language.literals import BARE_KEY, MAX_DEPTH, NUMBER, QUOTE
from deskhand.model.types import ToolCall


class CallError(ValueError):
    """What is wrong with a call, for the model and the log."""


def new_call_id() -> str:
    """An id that no other call of any conversation has."""
    return f"call_{uuid.uuid4().hex}"


def parse_call(tokens: list[tuple[str, bool]]) -> ToolCall:
    """Parse what stands between a call's two control tokens.

    Args:
        tokens: pieces of text, each with whether it is the quoting token.

    Raises:
        CallError: with what is wrong.
    """
    outside: list[str] = []
    texts: list[str] = []
    quoted: list[str] | None = None
    for piece, is_quote in tokens:
        if is_quote:
            if quoted is None:
                quoted = []
                outside.append("\0")
            else:
                texts.append("".join(quoted))
                quoted = None
        elif quoted is not None:
            quoted.append(piece)
        elif "\0" in piece:
            raise CallError("There is a NUL character outside quoted text.")
        else:
            outside.append(piece)
    if quoted is not None:
        raise CallError(f"A text that {QUOTE} began was not ended.")
    return _Reader("".join(outside), texts).call()


class _Reader:
    """Recursive descent over a call in which every quoted text is one NUL."""

    def __init__(self, source: str, texts: list[str]) -> None:
        self._source = source
        self._texts = iter(texts)
        self._at = 0

    def call(self) -> ToolCall:
        if not self._source.startswith("call:"):
            raise CallError("It does not begin with call:NAME.")
        self._at = 5
        name = BARE_KEY.match(self._source, self._at)
        if name is None:
            raise CallError("It names no tool.")
        self._at = name.end()
        arguments = self._mapping(0)
        if self._at != len(self._source):
            raise CallError(f"Something follows the arguments: {self._rest()}")
        return ToolCall(new_call_id(), name[0], arguments)

    def _rest(self) -> str:
        return self._source[self._at : self._at + 40].replace("\0", QUOTE)

    def _take(self, character: str) -> bool:
        found = self._source.startswith(character, self._at)
        self._at += len(character) if found else 0
        return found

    def _expect(self, character: str) -> None:
        if not self._take(character):
            raise CallError(f"Expected {character} at: {self._rest()}")

    def _mapping(self, depth: int) -> dict[str, Any]:
        self._expect("{")
        found: dict[str, Any] = {}
        if self._take("}"):
            return found
        while True:
            key = self._key()
            if key in found:
                raise CallError(f"The key {key} is there twice.")
            self._expect(":")
            found[key] = self._value(depth + 1)
            if self._take("}"):
                return found
            self._expect(",")

    def _key(self) -> str:
        if self._take("\0"):
            return next(self._texts)
        bare = BARE_KEY.match(self._source, self._at)
        if bare is None:
            raise CallError(f"Expected a key at: {self._rest()}")
        self._at = bare.end()
        return bare[0]

    def _value(self, depth: int) -> Any:  # noqa: ANN401 - any JSON value
        if depth > MAX_DEPTH:
            raise CallError(f"It is nested more than {MAX_DEPTH} levels deep.")
        if self._take("\0"):
            return next(self._texts)
        if self._source.startswith("{", self._at):
            return self._mapping(depth)
        if self._take("["):
            return self._items(depth)
        for word, value in (("true", True), ("false", False), ("null", None)):
            if self._take(word):
                return value
        return self._number()

    def _items(self, depth: int) -> list[Any]:
        items: list[Any] = []
        if self._take("]"):
            return items
        while True:
            items.append(self._value(depth + 1))
            if self._take("]"):
                return items
            self._expect(",")

    def _number(self) -> int | float:
        digits = NUMBER.match(self._source, self._at)
        if digits is None:
            raise CallError(f"Expected a value at: {self._rest()}")
        self._at = digits.end()
        if any(character in digits[0] for character in ".eE"):
            value = float(digits[0])
            if value in (float("inf"), float("-inf")):
                raise CallError(f"The number {digits[0]} is too large.")
            return value
        if len(digits[0]) > 1000:
            raise CallError("A number has more than 1000 digits.")
        return int(digits[0])
