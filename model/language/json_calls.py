"""Read calls that are JSON objects, in the forms that models are known to write them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, NoReturn, cast

from deskhand.model.language.calls import CallError, new_call_id
from deskhand.model.language.literals import MAX_DEPTH, too_deep
from deskhand.model.types import ToolCall

_NAMES = ("name", "tool", "tool_name", "function", "function_name", "action")
_ARGUMENTS = ("arguments", "parameters", "args", "params", "tool_input", "action_input", "input")
_WRAPPERS = ("tool_calls", "tool_call", "function_call", "function")


def _constant(name: str) -> NoReturn:
    raise CallError(f"{name} is not a JSON value.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise CallError("A key is there twice.")
    return found


def _float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise CallError(f"The number {digits} is too large.")
    return value


DECODER = json.JSONDecoder(parse_constant=_constant, parse_float=_float, object_pairs_hook=_unique, strict=False)


def json_values(text: str) -> list[object]:
    """Read one or several JSON values with white space between them.

    Raises:
        CallError: with what is wrong.
    """
    values: list[object] = []
    at = 0
    while at < len(text):
        try:
            value, at = DECODER.raw_decode(text, at)
        except json.JSONDecodeError as error:
            said = "A string is not ended." if error.msg.startswith("Unterminated") else f"It is not JSON: {error.msg}."
            raise CallError(said) from error
        except RecursionError as error:
            raise CallError("It is nested too deeply.") from error
        except ValueError as error:
            # CallError is one as well, and so is a number with thousands of digits.
            raise CallError(str(error)) from error
        values.append(value)
        while at < len(text) and text[at].isspace():
            at += 1
    return values


def json_calls(value: object) -> Iterator[ToolCall]:
    """Read the calls that a JSON value is: an object, a list of them, or one that wraps them.

    Raises:
        CallError: it is none.
    """
    if isinstance(value, list):
        for each in cast("list[object]", value):
            yield from json_calls(each)
        return
    if not isinstance(value, dict):
        raise CallError("It is not a JSON object.")
    found = cast("dict[str, Any]", value)
    inner = next((found[key] for key in _WRAPPERS if isinstance(found.get(key), dict | list)), None)
    if inner is not None:
        yield from json_calls(inner)
        return
    name = next((found[key] for key in _NAMES if isinstance(found.get(key), str)), "")
    arguments = next((found[key] for key in _ARGUMENTS if key in found), None)
    if not name:
        raise CallError("It names no tool.")
    if isinstance(arguments, str):
        try:
            (arguments,) = json_values(arguments.strip() or "{}")
        except ValueError:
            arguments = None
    if not isinstance(arguments, dict):
        raise CallError("Its arguments are not an object.")
    if too_deep(cast("dict[str, Any]", arguments)):
        raise CallError(f"It is nested more than {MAX_DEPTH} levels deep.")
    yield ToolCall(new_call_id(), name, cast("dict[str, Any]", arguments))
