"""The normal form of a JSON schema: what declarations and grammars are made from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["string", "integer", "number", "boolean", "null", "object", "array", "any"]
Scalar = str | int | float | bool | None

_UNWRITABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Shape:
    """A schema in normal form.

    Attributes:
        kind: the base type; ``any`` if the schema does not say, or for a union of several types.
        description: for the model, notes on what the format can't say included.
        nullable: ``null`` is allowed besides.
        enum: the only values, all of `Scalar`; empty means any of the kind.
        properties: of an object, in the schema's order.
        required: names of properties that must be there, in the schema's order.
        items: of an array, and the values of an open object; None means anything.
        variants: of a union of several types, each a shape of one type.
        minimum: inclusive lower bound of a number.
        maximum: inclusive upper bound of a number.
        min_items: of an array.
        open: an object whose properties are not listed: any names and values.
    """

    kind: Kind
    description: str = ""
    nullable: bool = False
    enum: tuple[Scalar, ...] = ()
    properties: tuple[tuple[str, Shape], ...] = ()
    required: tuple[str, ...] = ()
    items: Shape | None = None
    variants: tuple[Shape, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    min_items: int = 0
    open: bool = False


def canonical(names: Mapping[str, Any]) -> list[str]:
    """Names in the order in which Gemma writes them: jinja2's ``dictsort``, so by lower case; ties by code point."""
    return sorted(names, key=lambda name: (name.lower(), name))


def clean(text: str) -> str:
    """Text that UTF-8 and C strings can hold: NUL and lone surrogates become U+FFFD."""
    return _UNWRITABLE.sub("\ufffd", text)
