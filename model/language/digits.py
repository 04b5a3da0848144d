"""GBNF for numbers between bounds, in the one way in which they are written."""

from __future__ import annotations

import math

from deskhand.model.language.shape import Shape

LARGEST = 10**15 - 1
"""Integers up to here are exact in every JSON reader, and 15 digits are a float's own shortest form."""

# Any number of up to 13 significant digits, none of more than 15, the last fraction digit not a zero: what a float of
# that value is rendered as. With an exponent there are several ways to write a number, and models use them all for what
# is very small or very large.
_FRACTIONS = (
    '"0." ("0" | "0"{0,6} [0-9]{0,13} [1-9])',
    '[1-9] [0-9]? "." ("0" | [0-9]{0,12} [1-9])',
    '[1-9] [0-9]{2,4} "." ("0" | [0-9]{0,9} [1-9])',
    '[1-9] [0-9]{5,7} "." ("0" | [0-9]{0,6} [1-9])',
    '[1-9] [0-9]{8,10} "." ("0" | [0-9]{0,3} [1-9])',
    '[1-9] [0-9]{11,12} "." ("0" | [0-9]{0,1} [1-9])',
    '[1-9] [0-9]{13,14} ".0"',
    '[1-9] ("." [0-9]{0,13} [1-9])? [eE] [+-]? [0-9]{1,2}',
)
_FRACTION = f"({' | '.join(_FRACTIONS)})"


def number(shape: Shape) -> str:
    """Alternatives for an integer or number: an integer's bounds exactly, a fraction's as to sign.

    Bounds that contradict each other are no bounds; whoever runs the tool checks the value again.
    """
    low = -LARGEST if shape.minimum is None else max(-LARGEST, math.ceil(shape.minimum))
    high = LARGEST if shape.maximum is None else min(LARGEST, math.floor(shape.maximum))
    if shape.kind == "integer":
        if low > high:
            low, high = -LARGEST, LARGEST
        return " | ".join(_integers(low, high))
    negative, positive = shape.minimum is None or shape.minimum < 0, shape.maximum is None or shape.maximum >= 0
    if not (negative or positive):
        negative = positive = True
    ways = _integers(-LARGEST if negative else 0, LARGEST if positive else -1)
    return " | ".join([*ways, *([_FRACTION] if positive else []), *([f'"-" {_FRACTION}'] if negative else [])])


def _integers(low: int, high: int) -> list[str]:
    ways = _between(max(low, 0), high) if high >= 0 else []
    return ways + ([f'"-" {way}' for way in _between(max(-high, 1), -low)] if low < 0 else [])


def _between(low: int, high: int) -> list[str]:
    """Alternatives for the digits of the numbers from ``low`` to ``high``, both at least 0."""
    if low == 0:
        return ['"0"', *(_between(1, high) if high else [])]
    ways: list[str] = []
    full: list[int] = []
    for length in range(len(str(low)), len(str(high)) + 1):
        first, last = max(low, 10 ** (length - 1)), min(high, 10**length - 1)
        if (first, last) == (10 ** (length - 1), 10**length - 1):
            full.append(length - 1)
        else:
            ways += _as_long(str(first), str(last))
    if full:
        ways.append(f"[1-9] {_any(full[0], full[-1])}".strip())
    return ways


def _any(least: int, most: int) -> str:
    if most == 0:
        return ""
    return f"[0-9]{{{least}}}" if least == most else f"[0-9]{{{least},{most}}}"


def _as_long(first: str, last: str) -> list[str]:
    """Alternatives for numbers of one length: a common beginning, the ends apart, and what lies between."""
    if not first:
        return [""]
    rest = len(first) - 1
    zeros, nines = "0" * rest, "9" * rest
    if first[0] == last[0]:
        return [f'"{first[0]}" {tail}'.strip() for tail in _as_long(first[1:], last[1:])]
    ways: list[str] = []
    begin, end = int(first[0]), int(last[0])
    if first[1:] != zeros:
        ways += [f'"{first[0]}" {tail}' for tail in _as_long(first[1:], nines)]
        begin += 1
    upper: list[str] = []
    if last[1:] != nines:
        upper = [f'"{last[0]}" {tail}' for tail in _as_long(zeros, last[1:])]
        end -= 1
    if begin <= end:
        ways.append(f"[{begin}-{end}] {_any(rest, rest)}".strip())
    return ways + upper
