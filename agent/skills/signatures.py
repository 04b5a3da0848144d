"""Typed Python functions → tool schemas, read from the source text: a skill's code never runs in our process."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

MAX_SOURCE = 512 * 1024
"""Bytes of a tools file; more is no hand-written skill, and parsing it would take our memory."""

HOST = "host"
"""The parameter through which a tool reaches its data folder and the app; not part of the schema."""

_TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}


@dataclass(frozen=True)
class Signature:
    """One function of a tools file.

    Attributes:
        function: its name in the source.
        name: without a trailing underscore, which keeps ``list_`` from hiding the builtin.
        description: the first paragraph of its docstring, on one line.
        parameters: a JSON schema of type ``object``.
        host: it has the parameter `HOST`.
    """

    function: str
    name: str
    description: str
    parameters: Mapping[str, Any]
    host: bool = False


class UnsupportedError(ValueError):
    """Something in a signature that has no schema; the message is for the skill's author."""


def read(path: Path) -> tuple[tuple[Signature, ...], tuple[str, ...]]:
    """Read every public top-level function of ``path``.

    Returns:
        The functions that make tools, and a sentence for each that does not.

    Raises:
        UnsupportedError: the file can't be read or is not Python.
    """
    try:
        source = path.read_bytes()
        if len(source) > MAX_SOURCE:
            raise UnsupportedError(f"{path.name} is larger than {MAX_SOURCE // 1024} KB")
        tree = ast.parse(source)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UnsupportedError(f"{path.name} can't be read as Python: {error}") from error
    found: list[Signature] = []
    problems: list[str] = []
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
            continue
        try:
            found.append(_signature(node))
        except UnsupportedError as error:
            problems.append(f"{path.name}: {node.name} is no tool: {error}")
    return tuple(found), tuple(problems)


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Signature:
    description, described = _described(node)
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
        schema, nullable = _schema(argument.annotation, name)
        if described.get(name):
            schema["description"] = described[name]
        if default is None:
            required.append(name)
            if nullable:
                schema["type"] = [schema["type"], "null"]
        else:
            value = _default(default, name)
            # A default of None needs no null in the schema: the model leaves the parameter out.
            if value is not None:
                schema["default"] = value
        properties[name] = schema
    parameters: dict[str, Any] = {"type": "object", "properties": properties, "required": required}
    return Signature(node.name, node.name.rstrip("_"), description, parameters, host)


def _described(node: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[str, dict[str, str]]:
    """What the function and its parameters are for; refuses one that no model could call."""
    if isinstance(node, ast.AsyncFunctionDef):
        raise UnsupportedError("it is async; write a plain function")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", node.name):
        raise UnsupportedError("its name may only hold a–z, 0–9 and _")
    description, described = _docstring(ast.get_docstring(node) or "")
    if not description:
        raise UnsupportedError("it has no docstring to tell the model what it does")
    return description, described


def _parameters(arguments: ast.arguments) -> list[tuple[ast.arg, ast.expr | None]]:
    if arguments.posonlyargs or arguments.vararg or arguments.kwarg:
        raise UnsupportedError("*args, **kwargs and positional-only parameters have no schema")
    plain = arguments.args
    defaults: list[ast.expr | None] = [None] * (len(plain) - len(arguments.defaults))
    pairs = [*zip(plain, [*defaults, *arguments.defaults], strict=True)]
    return [*pairs, *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]


def _default(node: ast.expr, name: str) -> object:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise UnsupportedError(f"the default of {name} is not a plain value") from error


def _schema(node: ast.expr, name: str) -> tuple[dict[str, Any], bool]:  # noqa: PLR0911 - one return a form
    """The schema of an annotation, and whether it may be None."""
    match node:
        case ast.Constant(value=str(text)):
            try:
                return _schema(ast.parse(text, mode="eval").body, name)
            except SyntaxError as error:
                raise UnsupportedError(f"the annotation of {name} is not Python") from error
        case ast.Name(id=word) if word in _TYPES:
            return {"type": _TYPES[word]}, False
        case ast.BinOp(op=ast.BitOr()):
            return _union([node.left, node.right], name)
        case ast.Subscript(value=ast.Name(id="Optional"), slice=inner):
            return _schema(inner, name)[0], True
        case ast.Subscript(value=ast.Name(id="Union"), slice=ast.Tuple(elts=members)):
            return _union(members, name)
        case ast.Subscript(value=ast.Name(id="list" | "List"), slice=inner):
            items, nullable = _schema(inner, name)
            if nullable:
                raise UnsupportedError(f"the items of {name} may not be None")
            return {"type": "array", "items": items}, False
        case ast.Subscript(value=ast.Name(id="Literal"), slice=inner):
            return _literal(inner.elts if isinstance(inner, ast.Tuple) else [inner], name)
        case _:
            raise UnsupportedError(
                f"parameter {name} has the annotation {ast.unparse(node)}; "
                "str, int, float, bool, Literal, list[…] and … | None are understood"
            )


def _union(members: list[ast.expr], name: str) -> tuple[dict[str, Any], bool]:
    rest = [member for member in members if not (isinstance(member, ast.Constant) and member.value is None)]
    if len(rest) != 1:
        raise UnsupportedError(f"parameter {name} has more than one type; only … | None is understood")
    schema, nullable = _schema(rest[0], name)
    return schema, nullable or len(rest) < len(members)


def _literal(members: list[ast.expr], name: str) -> tuple[dict[str, Any], bool]:
    values = [member.value if isinstance(member, ast.Constant) else ... for member in members]
    kinds = {type(value) for value in values if value is not None}
    kind = next(iter(kinds), None)
    if len(kinds) != 1 or kind not in {str, int, bool}:
        raise UnsupportedError(f"the choices of {name} must be all strings or all whole numbers")
    schema = {"type": _TYPES[cast("type", kind).__name__], "enum": [value for value in values if value is not None]}
    return schema, None in values


def _docstring(text: str) -> tuple[str, dict[str, str]]:
    """The first paragraph, and what the Args section says of each parameter (Google style)."""
    description = " ".join(text.split("\n\n", 1)[0].split())
    described: dict[str, str] = {}
    section = re.search(r"^(?:Args|Arguments|Parameters):[ \t]*\n((?:[ \t]+\S.*\n?|[ \t]*\n)+)", text, re.MULTILINE)
    if section:
        lines = section.group(1).splitlines()
        indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
        current = ""
        for line in lines:
            head = re.match(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.*)", line[indent:])
            if head:
                current = head.group(1)
                described[current] = head.group(2).strip()
            elif current and line.strip():
                described[current] += " " + line.strip()
    return description, described
