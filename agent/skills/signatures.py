"""Typed Python functions → tool schemas, read from the source text: a skill's code never runs in our process."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deskhand.agent.skills import docstrings, source
from deskhand.agent.skills.annotations import Annotations, UnsupportedError

__all__ = ["Signature", "UnsupportedError", "read"]

MAX_SOURCE = 512 * 1024
"""Bytes of a tools file; more is no hand-written skill, and parsing it would take our memory."""

HOST = "host"
"""The parameter through which a tool reaches its data folder and the app; not part of the schema."""


@dataclass(frozen=True)
class Signature:
    """One function of a tools file.

    Attributes:
        function: its name in the source.
        name: without a trailing underscore, which keeps ``list_`` from hiding the builtin.
        description: the first paragraph of its docstring, on one line.
        parameters: a JSON schema of type ``object``.
        host: it has the parameter `HOST`.
        shaped: an argument is an object of a class of the file and has to be made of a JSON value.
    """

    function: str
    name: str
    description: str
    parameters: Mapping[str, Any]
    host: bool = False
    shaped: bool = False


def read(path: Path) -> tuple[tuple[Signature, ...], tuple[str, ...]]:
    """Read every public top-level function of ``path``.

    Returns:
        The functions that make tools, and a sentence for each that does not.

    Raises:
        UnsupportedError: the file can't be read or is not Python.
    """
    try:
        text = path.read_bytes()
        if len(text) > MAX_SOURCE:
            raise UnsupportedError(f"{path.name} is larger than {MAX_SOURCE // 1024} KB")
        tree = source.parse(text)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UnsupportedError(f"{path.name} can't be read as Python: {error}") from error
    found: list[Signature] = []
    problems: list[str] = []
    annotations = Annotations(tree)
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
            continue
        try:
            found.append(_signature(node, annotations))
        except (UnsupportedError, RecursionError) as error:
            problems.append(f"{path.name}: {node.name} is no tool: {error}")
    return tuple(found), tuple(problems)


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef, annotations: Annotations) -> Signature:
    description, described = _described(node)
    annotations.shaped = False
    properties: dict[str, Any] = {}
    required: list[str] = []
    host = False
    for argument, default in _parameters(node.args):
        name = argument.arg
        if name == HOST:
            host = True
            continue
        if argument.annotation is None:
            raise UnsupportedError(f"parameter {name} has no annotation")
        found = annotations.read(argument.annotation, name)
        value = None if default is None else annotations.default(default, name)
        # A default of None needs no null in the schema: the model leaves the parameter out.
        schema = dict(found.schema if default is not None and value is None else found.whole)
        if described.get(name):
            schema["description"] = described[name]
        if default is None:
            required.append(name)
        elif value is not None:
            schema["default"] = value
        properties[name] = schema
    parameters: dict[str, Any] = {"type": "object", "properties": properties, "required": required}
    return Signature(node.name, node.name.rstrip("_"), description, parameters, host, annotations.shaped)


def _described(node: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[str, dict[str, str]]:
    """What the function and its parameters are for; refuses one that no model could call."""
    if isinstance(node, ast.AsyncFunctionDef):
        raise UnsupportedError("it is async; write a plain function")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", node.name):
        raise UnsupportedError("its name may only hold a–z, 0–9 and _")
    text = ast.get_docstring(node) or ""
    description = docstrings.summary(text)
    if not description:
        raise UnsupportedError("it has no docstring to tell the model what it does")
    return description, docstrings.described(text)


def _parameters(arguments: ast.arguments) -> list[tuple[ast.arg, ast.expr | None]]:
    if arguments.posonlyargs or arguments.vararg or arguments.kwarg:
        raise UnsupportedError("*args, **kwargs and positional-only parameters have no schema")
    plain = arguments.args
    defaults: list[ast.expr | None] = [None] * (len(plain) - len(arguments.defaults))
    pairs = [*zip(plain, [*defaults, *arguments.defaults], strict=True)]
    return [*pairs, *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
