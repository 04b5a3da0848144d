"""Exact arithmetic and units; an expression is parsed and walked, never run."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise
from typing import Any

import expression as written  # pyright: ignore[reportMissingImports] - beside this file, which Deskhand puts on the path
import units  # pyright: ignore[reportMissingImports] - likewise

MOST_DIGITS = 2_000
"""Of a whole number, a numerator or a denominator."""
MOST_FACTORIAL = 500
SHORT = 8
"""Digits of a result that is right to fifteen: fewer are all that there are."""

_Number = Fraction | float

_CONSTANTS: dict[str, _Number] = {"pi": math.pi, "π": math.pi, "e": math.e, "tau": math.tau}
_EXACT: dict[str, Callable[..., Any]] = {"abs": abs, "floor": math.floor, "ceil": math.ceil}
_OF_SEVERAL: dict[str, Callable[[list[Any]], Any]] = {
    "min": min, "max": max, "sum": sum, "mean": lambda every: sum(every) / len(every),
}  # fmt: skip
_FLOATS: dict[str, Callable[..., float]] = {
    "sin": math.sin, "cos": math.cos, "tan": math.tan, "asin": math.asin, "acos": math.acos, "atan": math.atan,
    "log": math.log, "ln": math.log, "log2": math.log2, "log10": math.log10, "exp": math.exp, "cbrt": math.cbrt,
    "radians": math.radians, "degrees": math.degrees,
}  # fmt: skip
_NOTES = {
    "log": "the natural logarithm; log10 is the decimal one",
    **dict.fromkeys(("sin", "cos", "tan"), "of an angle in radians; write 90° for degrees"),
    "%": "the remainder of a division; write 15% of 80 for a part",
    **dict.fromkeys(("+%", "-%"), "the percentage is of what stands before it"),
}
"""What of a result can be taken for something else."""
_PARTED = "a comma parts the numbers there"

_OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "mod": operator.mod, "%": operator.mod,
    "+%": lambda whole, part: whole + whole * part, "-%": lambda whole, part: whole - whole * part,
}  # fmt: skip


def calculate(expression: str) -> dict[str, Any]:
    """Calculate an expression, exactly where that is possible.

    Args:
        expression: such as "(12.5 + 7) * 3 / 4", "15% of 80" or "sqrt(2) * 10^3".
    """
    tree, notes = _read(expression), list[str]()
    try:
        told = _told(_checked(_walk(tree, notes)))
    except ZeroDivisionError as error:
        raise ValueError("That divides by zero.") from error
    except (OverflowError, RecursionError) as error:
        raise ValueError("The result is too large.") from error
    return {"say": _said(told, notes), **told}


def convert(value: float, source: str, target: str) -> dict[str, Any]:
    """Convert between units of length, area, volume, mass, time, speed, temperature, data, energy, power and pressure.

    Args:
        value: how many.
        source: unit to convert from, such as "mile", "°F", "kWh", "km/h".
        target: unit to convert to.
    """
    if not math.isfinite(value):
        raise ValueError("The value is too large.")
    told = _told(units.convert(Fraction(str(value)), source, target))
    about = "" if told["exact"] or len(told["result"]) <= SHORT else "about "
    return {
        "say": f"{value:.15g} {source.strip()} is {about}{told['result']} {target.strip()}.",
        **told,
        "unit": target,
    }


def _said(told: dict[str, Any], notes: list[str]) -> str:
    """The result as it can be said, and how it was understood where that is not plain."""
    exact = f", exactly {told['fraction']}" if len(told.get("fraction", "")) in range(1, 20) else ""
    about = "" if told["exact"] or len(told["result"]) <= SHORT else "about "
    return f"{about}{told['result']}{exact}{''.join(f' ({note})' for note in dict.fromkeys(notes))}"


def _read(expression: str) -> written.Node:
    try:
        return written.parse(expression)
    except RecursionError as error:
        raise ValueError("There are too many brackets within each other.") from error
    except OverflowError as error:
        raise ValueError("The result is too large.") from error


def _walk(node: written.Node, notes: list[str]) -> _Number:
    match node:
        case written.Number(value):
            return value
        case written.Name(name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case written.Name(name):
            raise ValueError(f"“{name[:60]}” can't be calculated.")
        case written.Percent(inner):
            return _walk(inner, notes) / 100
        case written.Call("-", (inner,)):
            return -_walk(inner, notes)
        case written.Call(name, arguments):
            degrees = any(isinstance(each, written.Call) and each.name == "radians" for each in arguments)
            notes += [_NOTES[name]] if name in _NOTES and not degrees and len(arguments) == 1 else []
            notes += [_PARTED] if any(_in_thousands(*pair) for pair in pairwise(arguments)) else []
            return _checked(_call(name, [_walk(each, notes) for each in arguments]))
        case written.Pair(sign, left, right):
            notes += [_NOTES[sign]] if sign in _NOTES else []
            return _checked(_apply(sign, _walk(left, notes), _walk(right, notes)))


def _in_thousands(left: written.Node, right: written.Node) -> bool:
    """Whether two arguments would be one number where commas part thousands: 1,200."""
    match left, right:
        case written.Number(first), written.Number(then):
            return first.denominator == then.denominator == 1 and 0 < first < 1000 and 100 <= then < 1000
        case _:
            return False


def _apply(sign: str, left: _Number, right: _Number) -> _Number:
    if sign in {"^", "**"}:
        return _power(left, right)
    result = _OPERATIONS[sign](left, right)
    return Fraction(result) if isinstance(result, int) else result


def _power(base: _Number, exponent: _Number) -> _Number:
    if isinstance(exponent, Fraction) and exponent.denominator == 1 and isinstance(base, Fraction):
        size = max(base.numerator.bit_length(), base.denominator.bit_length())
        if size * abs(exponent.numerator) > MOST_DIGITS * 4:
            raise OverflowError
        return base**exponent.numerator
    result = float(base) ** float(exponent)
    if isinstance(result, complex):
        raise ValueError("That has no real result.")  # noqa: TRY004 - it is the value that is wrong
    return result


def _call(name: str, arguments: list[_Number]) -> _Number:
    try:
        if name == "sqrt" and len(arguments) == 1:
            return _root(arguments[0])
        if name == "round" and len(arguments) in {1, 2}:
            return _rounded(*[Fraction(each) for each in arguments])
        if name == "factorial" and len(arguments) == 1:
            return _factorial(arguments[0])
        if name in _EXACT:
            return Fraction(_EXACT[name](*arguments))
        if name in _OF_SEVERAL and arguments:
            return Fraction(_OF_SEVERAL[name](arguments))
        if name in _FLOATS and len(arguments) <= (2 if name == "log" else 1):
            return _FLOATS[name](*map(float, arguments))
    except TypeError as error:
        raise ValueError(
            f"{name} takes one number: write thousands without a comma, and decimals with a point."
        ) from error
    except ValueError as error:
        raise ValueError(
            str(error) if str(error).endswith(".") else f"{name} can't be calculated with that."
        ) from error
    if name in {"sqrt", "factorial", "round", *_FLOATS}:
        raise ValueError(f"{name} takes one number: write thousands without a comma, and decimals with a point.")
    known = ", ".join(["sqrt", "round", "factorial", *_EXACT, *_OF_SEVERAL, *_FLOATS])
    raise ValueError(f"There is no function {name[:30]}; known are: {known}.")


def _factorial(value: _Number) -> Fraction:
    if value != int(value) or not 0 <= value <= MOST_FACTORIAL:
        raise ValueError(f"A factorial is calculated of whole numbers from 0 to {MOST_FACTORIAL}.")
    return Fraction(math.factorial(int(value)))


def _root(value: _Number) -> _Number:
    if isinstance(value, Fraction) and value >= 0:
        top, bottom = math.isqrt(value.numerator), math.isqrt(value.denominator)
        if top * top == value.numerator and bottom * bottom == value.denominator:
            return Fraction(top, bottom)
    return math.sqrt(value)


def _rounded(value: Fraction, digits: Fraction = Fraction(0)) -> Fraction:
    """Half away from zero, as people round, not to the even neighbour."""
    if digits.denominator != 1 or abs(digits) > 20 or (digits > 0 and value.denominator == 1):
        raise ValueError("Round takes a number and how many decimals to keep: write round(1234.567, 1), with a point.")
    factor = Fraction(10) ** digits.numerator
    whole = math.floor(abs(value) * factor + Fraction(1, 2))
    return Fraction(whole if value >= 0 else -whole) / factor


def _checked(value: _Number) -> _Number:
    if isinstance(value, float) and not math.isfinite(value):
        raise OverflowError
    if (
        isinstance(value, Fraction)
        and max(value.numerator.bit_length(), value.denominator.bit_length()) > MOST_DIGITS * 4
    ):
        raise OverflowError
    return value


def _told(value: _Number) -> dict[str, Any]:
    """The result in digits, exact or to 15 significant ones."""
    if isinstance(value, float):
        return {"result": f"{value:.15g}", "exact": False}
    if value.denominator == 1:
        return {"result": str(value.numerator), "exact": True}
    with localcontext() as context:
        context.prec = 30
        digits = Decimal(value.numerator) / Decimal(value.denominator)
        if Fraction(digits) == value:
            return {"result": format(digits.normalize(), "f"), "exact": True}
        context.prec = 15
        return {"result": str(+digits), "exact": False, "fraction": f"{value.numerator}/{value.denominator}"[:200]}
