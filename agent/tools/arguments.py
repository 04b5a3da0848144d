"""Whether a call's arguments fit a tool's schema, and the few repairs that can't change what was meant."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, TypeGuard, cast


class MisfitError(ValueError):
    """The arguments do not fit; the message tells the model what to change."""


def fit(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Check ``arguments`` against ``schema`` and return what the tool gets.

    Repaired are: ``5.0`` or ``"5"`` where a whole number belongs, ``"1.5"`` where a number does, ``"true"`` where a yes
    or no does, and null where a parameter may be left out. Small models write all of these.

    Raises:
        MisfitError: an argument is unknown, missing, or of another type.
    """
    properties = cast("Mapping[str, Any]", schema.get("properties", {}))
    required = cast("list[str]", schema.get("required", []))
    known = ", ".join(properties) or "none"
    fitted: dict[str, Any] = {}
    for name, value in arguments.items():
        if name not in properties:
            raise MisfitError(f"There is no parameter {name[:60]}; known are: {known}.")
        if value is None and name not in required and not _nullable(properties[name]):
            continue
        fitted[name] = _fit(properties[name], value, name)
    if missing := [name for name in required if name not in fitted]:
        raise MisfitError(f"The parameter {missing[0]} is missing.")
    return fitted


def _nullable(schema: Mapping[str, Any]) -> bool:
    kinds = schema.get("type")
    return isinstance(kinds, list) and "null" in kinds


def _fit(schema: Mapping[str, Any], value: object, name: str) -> object:
    kinds = schema.get("type")
    if isinstance(kinds, list):
        if value is None:
            return None
        kinds = next(kind for kind in cast("list[str]", kinds) if kind != "null")
    value = _typed(str(kinds), schema, value, name)
    _check_bounds(schema, value, name)
    choices = schema.get("enum")
    if choices is not None and value not in choices:
        raise MisfitError(f"{name} must be one of: {', '.join(map(str, choices))}.")
    return value


def _typed(kind: str, schema: Mapping[str, Any], value: object, name: str) -> object:
    match kind:
        case "array":
            if not isinstance(value, list):
                raise MisfitError(f"{name} must be a list.")
            items = cast("list[Any]", value)
            return [_fit(schema.get("items", {}), item, f"{name}[{index}]") for index, item in enumerate(items)]
        case "string":
            if not isinstance(value, str):
                raise MisfitError(f"{name} must be a text.")
        case "integer" | "number":
            return _number(value, name, whole=kind == "integer")
        case "object":
            return _object(schema, value, name)
        case "boolean":
            value = {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value
            if not isinstance(value, bool):
                raise MisfitError(f"{name} must be true or false.")
        case _:
            pass
    return value


def _object(schema: Mapping[str, Any], value: object, name: str) -> object:
    """An object whose names are all known is looked into, and the values of one whose are of one type."""
    if not isinstance(value, Mapping):
        raise MisfitError(f"{name} must be an object.")
    inner = cast("Mapping[str, Any]", value)
    others = schema.get("additionalProperties")
    if others is False:
        try:
            return fit(schema, inner)
        except MisfitError as error:
            raise MisfitError(f"In {name}: {error}") from error
    if isinstance(others, Mapping) and not schema.get("properties"):
        return {key: _fit(cast("Mapping[str, Any]", others), entry, f"{name}.{key}") for key, entry in inner.items()}
    return value


_BOUNDS: tuple[tuple[str, Callable[[Any, Any], bool], str], ...] = (
    ("minimum", operator.lt, "must be at least"),
    ("maximum", operator.gt, "must be at most"),
    ("exclusiveMinimum", operator.le, "must be more than"),
    ("exclusiveMaximum", operator.ge, "must be less than"),
)


def _check_bounds(schema: Mapping[str, Any], value: object, name: str) -> None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        for key, misses, words in _BOUNDS:
            if _is_number(bound := schema.get(key)) and misses(value, bound):
                raise MisfitError(f"{name} {words} {bound}.")
    if isinstance(value, str | list):
        size = len(cast("str | list[Any]", value))
        kind, what = ("Length", "characters") if isinstance(value, str) else ("Items", "entries")
        if _is_number(least := schema.get(f"min{kind}")) and size < least:
            raise MisfitError(f"{name} must have at least {least} {what}.")
        if _is_number(most := schema.get(f"max{kind}")) and size > most:
            raise MisfitError(f"{name} must have at most {most} {what}.")


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: object, name: str, *, whole: bool) -> float:
    kind = "a whole number" if whole else "a number"
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or (whole and not number.is_integer()):
        raise MisfitError(f"{name} must be {kind}.")
    if isinstance(value, int):
        return value
    return int(number) if whole else number
