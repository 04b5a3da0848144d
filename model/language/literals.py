"""Gemma 4's argument notation: how values, keys and control tokens are written.

A call is ``call:NAME{key:value,…}``. A value is

- text between two ``<|"|>`` tokens, with nothing escaped: the token itself is the only end,
- an integer (``-?(0|[1-9][0-9]*)``), which stays an int,
- a number with a fraction or exponent as in JSON, which stays a float,
- ``true``, ``false``, ``null`` (the stock template's ``None`` is a defect),
- ``[value,…]`` or ``{key:value,…}``.

Keys are bare when they are made of letters, digits and ``_ $ . -``, else written like text. Keys are sorted as jinja2's
``dictsort`` does it. There is no white space outside text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, cast

from deskhand.model.errors import PromptError
from deskhand.model.language.dialect import Control, Growing, Piece, Plain
from deskhand.model.language.shape import canonical, clean
from deskhand.model.types import Audio, Image

QUOTE = '<|"|>'

CONTROL_TOKENS = (
    QUOTE,
    "<|turn>",
    "<turn|>",
    "<|channel>",
    "<channel|>",
    "<|think|>",
    "<|tool>",
    "<tool|>",
    "<|tool_call>",
    "<tool_call|>",
    "<|tool_response>",
    "<tool_response|>",
    "<|image>",
    "<image|>",
    "<|image|>",
    "<|audio>",
    "<audio|>",
    "<|audio|>",
    "<|video|>",
)
"""Gemma 4's control tokens besides ``<bos> <eos> <pad> <unk> <mask>`` (llama.cpp's ggml-vocab-gemma-4.gguf)."""

MAX_DEPTH = 64
"""Levels of nesting of a value; deeper ones are refused rather than risked on the stack."""

BARE_KEY = re.compile(r"[\w$.-]+")
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


def too_deep(value: object) -> bool:
    """Whether a JSON value is nested more than `MAX_DEPTH` levels deep."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        inner: list[object] = []
        for each in level:
            if isinstance(each, Mapping):
                inner += cast("Mapping[str, object]", each).values()
            elif isinstance(each, list | tuple):
                inner += cast("Sequence[object]", each)
        if not inner:
            return False
        level = inner
    return True


class Pieces:
    """Collects a prompt: adjacent `Plain` pieces become one, empty ones are left out.

    Only control tokens and the fixed lines around them go in as `Control`. Names, punctuation and text between two
    control tokens share one `Plain` piece, so they are tokenised together, as the model itself generates them.
    """

    def __init__(self) -> None:
        self._pieces: list[Piece] = []

    def control(self, text: str) -> None:
        """Add text that we wrote."""
        if text:
            self._pieces.append(Control(text))

    def plain(self, text: str) -> None:
        """Add text from anywhere."""
        text = clean(text)
        if not text:
            return
        last = self._pieces[-1] if self._pieces else None
        if isinstance(last, Plain):
            self._pieces[-1] = Plain(last.text + text)
        else:
            self._pieces.append(Plain(text))

    def media(self, piece: Image | Audio | Growing) -> None:
        """Add an image or a sound; its begin and end markers come with it."""
        self._pieces.append(piece)

    def quoted(self, text: str) -> None:
        """Add text between two quoting tokens."""
        self.control(QUOTE)
        self.plain(text)
        self.control(QUOTE)

    def key(self, name: str) -> None:
        """Add a key, bare if it can be."""
        if BARE_KEY.fullmatch(name):
            self.plain(name)
        else:
            self.quoted(name)

    def value(self, value: object, depth: int = 0) -> None:
        """Add a JSON value.

        Raises:
            PromptError: it is nested more than `MAX_DEPTH` levels deep.
        """
        if depth > MAX_DEPTH:
            raise PromptError(f"A tool's arguments or result are nested more than {MAX_DEPTH} levels deep.")
        if isinstance(value, str):
            self.quoted(value)
        elif isinstance(value, Mapping):
            self.mapping(cast("Mapping[str, Any]", value), depth)
        elif isinstance(value, Sequence):
            self.plain("[")
            for index, item in enumerate(cast("Sequence[Any]", value)):
                self.plain("," if index else "")
                self.value(item, depth + 1)
            self.plain("]")
        else:
            self.plain(scalar(value))

    def mapping(self, mapping: Mapping[str, Any], depth: int = 0) -> None:
        """Add ``{key:value,…}``, keys sorted."""
        self.plain("{")
        for index, key in enumerate(canonical(mapping)):
            self.plain("," if index else "")
            self.key(key)
            self.plain(":")
            self.value(mapping[key], depth + 1)
        self.plain("}")

    def done(self) -> tuple[Piece, ...]:
        """The prompt."""
        return tuple(self._pieces)


def scalar(value: object) -> str:
    """Write a number, truth value or null; a float that is no JSON number (NaN, infinity) becomes ``null``.

    Floats keep their shortest exact digits and a fraction (``1.0``), without an exponent between 1e-7 and 1e16: the one
    form that the grammar lets the model write, so that a call renders as it was generated.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if not math.isfinite(value):
            return "null"
        if value and not 1e-7 <= abs(value) < 1e16:
            return repr(value)
        digits = format(Decimal(repr(value)), "f")
        return digits if "." in digits else digits + ".0"
    return str(value)
