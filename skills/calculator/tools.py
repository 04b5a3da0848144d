"""Exact arithmetic and units; an expression is parsed and walked, never run."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import units  # pyright: ignore[reportMissingImports] - beside this file, which Deskhand puts on the path

LONGEST = 500
MOST_DIGITS = 2_000
"""Of a whole number, a numerator or a denominator."""

_Number = Fraction | float

_CONSTANTS: dict[str, _Number] = {"pi": math.pi, "e": math.e, "tau": math.tau}
_EXACT: dict[str, Callable[..., Any]] = {"abs": abs, "min": min, "max": max, "floor": math.floor, "ceil": math.ceil}
_FLOATS: dict[str, Callable[..., float]] = {
    "sin": math.sin, "cos": math.cos, "tan": math.tan, "asin": math.asin, "acos": math.acos, "atan": math.atan,
    "log": math.log, "log2": math.log2, "log10": math.log10, "exp": math.exp, "cbrt": math.cbrt,
    "radians": math.radians, "degrees": math.degrees,
}  # fmt: skip

_OPERATIONS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
}  # fmt: skip


def calculate(expression: str) -> dict[str, Any]:
    """Calculate an expression, exactly where that is possible.

    Args:
        expression: such as "(12.5 + 7) * 3 / 4" or "sqrt(2) * 10**3".
    """
    return _told(_value(expression))


def convert(value: float, source: str, target: str) -> dict[str, Any]:
    """Convert between units of length, area, volume, mass, time, speed, temperature, data, energy, power and pressure.

    Args:
        value: how many.
        source: unit to convert from, such as "mile", "°F", "kWh", "km/h".
        target: unit to convert to.
    """
    result = units.convert(Fraction(str(value)), source, target)
    return {**_told(result), "unit": target}


def _value(expression: str) -> _Number:
    text = expression.strip().translate({ord("^"): "**", ord("×"): "*", ord("÷"): "/", ord("−"): "-", ord("·"): "*"})
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)  # 1,000 is a thousand; any other comma parts arguments
    if not text or len(text) > LONGEST:
        raise ValueError(f"Give an expression of at most {LONGEST} characters.")
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"“{expression[:80]}” is no expression that can be calculated.") from error
    try:
        return _checked(_walk(tree.body, text))
    except ZeroDivisionError as error:
        raise ValueError("That divides by zero.") from error
    except (OverflowError, RecursionError) as error:
        raise ValueError("The result is too large.") from error


def _walk(node: ast.expr, text: str) -> _Number:
    match node:
        case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
            # As written: 0.1 is a tenth, not the nearest binary fraction.
            return Fraction(Decimal((ast.get_source_segment(text, node) or "0").replace("_", "")))
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_walk(inner, text)
        case ast.UnaryOp(op=ast.UAdd(), operand=inner):
            return _walk(inner, text)
        case ast.BinOp(left=left, op=op, right=right):
            return _checked(_apply(op, _walk(left, text), _walk(right, text)))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _checked(_call(name, [_walk(each, text) for each in arguments]))
        case _:
            raise ValueError(f"“{(ast.get_source_segment(text, node) or '')[:60]}” can't be calculated.")


def _apply(op: ast.operator, left: _Number, right: _Number) -> _Number:
    if isinstance(op, ast.Pow):
        return _power(left, right)
    if type(op) not in _OPERATIONS:
        raise ValueError("Only + - * / // % and ** can be calculated.")
    result = _OPERATIONS[type(op)](left, right)
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
            digits = int(arguments[1]) if len(arguments) == 2 else 0
            return _rounded(Fraction(arguments[0]), digits)
        if name == "factorial" and len(arguments) == 1 and arguments[0] <= 500:
            return Fraction(math.factorial(int(arguments[0])))
        if name in _EXACT:
            return Fraction(_EXACT[name](*arguments))
        if name in _FLOATS:
            return _FLOATS[name](*map(float, arguments))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} can't be calculated with that.") from error
    known = ", ".join(["sqrt", "round", "factorial", *_EXACT, *_FLOATS])
    raise ValueError(f"There is no function {name[:30]}; known are: {known}.")


def _root(value: _Number) -> _Number:
    if isinstance(value, Fraction) and value >= 0:
        top, bottom = math.isqrt(value.numerator), math.isqrt(value.denominator)
        if top * top == value.numerator and bottom * bottom == value.denominator:
            return Fraction(top, bottom)
    return math.sqrt(value)


def _rounded(value: Fraction, digits: int) -> Fraction:
    """Half away from zero, as people round, not to the even neighbour."""
    factor = Fraction(10) ** max(-20, min(20, digits))
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
