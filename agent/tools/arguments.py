"""Whether a call's arguments fit a tool's schema, and the few repairs that can't change what was meant."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast


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
        if value is None and name not in required:
            continue
        fitted[name] = _fit(properties[name], value, name)
    if missing := [name for name in required if name not in fitted]:
        raise MisfitError(f"The parameter {missing[0]} is missing.")
    return fitted


def _fit(schema: Mapping[str, Any], value: object, name: str) -> object:
    kinds = schema.get("type")
    if isinstance(kinds, list):
        if value is None:
            return None
        kinds = next(kind for kind in cast("list[str]", kinds) if kind != "null")
    value = _typed(str(kinds), schema, value, name)
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
        case "boolean":
            value = {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value
            if not isinstance(value, bool):
                raise MisfitError(f"{name} must be true or false.")
        case _:
            pass
    return value


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
