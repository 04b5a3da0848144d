"""A Python annotation → a JSON schema, read from the source text of one file: its classes and names, and nothing run.

Understood are: str, int, float, bool; list, Sequence and dict with texts as keys; Literal, Optional and ``… | None``;
TypedDict, dataclass and Enum classes of the same file, nested; Annotated with bounds of annotated_types or pydantic's
Field and a description; names that the file gives to any of these.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from deskhand.agent.skills import source
from deskhand.agent.skills.docstrings import described

TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
UNDERSTOOD = (
    "str, int, float, bool, Literal, list[…], dict[str, …], … | None, Annotated with bounds, and TypedDict, dataclass "
    "and Enum classes of the same file are understood"
)
MAX_DEPTH = 12
"""Levels of nesting."""

_BOUNDS = {
    "ge": "minimum",
    "Ge": "minimum",
    "gt": "exclusiveMinimum",
    "Gt": "exclusiveMinimum",
    "le": "maximum",
    "Le": "maximum",
    "lt": "exclusiveMaximum",
    "Lt": "exclusiveMaximum",
    "min_length": "min",
    "MinLen": "min",
    "max_length": "max",
    "MaxLen": "max",
}
"""Keywords of Field and Interval, and classes of annotated_types, by the keyword of JSON schema."""

_LENGTHS = {"string": "Length", "array": "Items"}


class UnsupportedError(ValueError):
    """Something that has no schema; the message is for the skill's author."""


class Read(NamedTuple):
    """An annotation as a schema.

    Attributes:
        schema: without null.
        nullable: it may be None.
    """

    schema: dict[str, Any]
    nullable: bool = False

    @property
    def whole(self) -> dict[str, Any]:
        """The schema with null, where it may be."""
        if not self.nullable:
            return self.schema
        null = {"enum": [*self.schema["enum"], None]} if "enum" in self.schema else {}
        return {**self.schema, "type": [self.schema["type"], "null"], **null}


class Annotations:
    """The annotations of one file.

    Args:
        tree: of the file.
    """

    def __init__(self, tree: ast.Module) -> None:
        self._classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        self._names = dict(_given(tree))
        self._open: list[str] = []
        self.shaped = False
        """Whether what was read since this was reset needs Python objects made of JSON values."""

    def read(self, node: ast.expr, name: str) -> Read:
        """The schema of the annotation ``node`` of the parameter ``name``.

        Raises:
            UnsupportedError: it has none.
        """
        if len(self._open) > MAX_DEPTH:
            raise UnsupportedError(f"the type of {name} is nested too deeply")
        self._open.append("")
        try:
            return self._read(node, name)
        finally:
            self._open.pop()

    def default(self, node: ast.expr, name: str) -> object:
        """The plain value of a default; a member of an Enum is its value.

        Raises:
            UnsupportedError: it is none.
        """
        match node:
            case ast.Attribute(value=ast.Name(id=owner), attr=member) if owner in self._classes:
                members = _members(self._classes[owner])
                if member in members:
                    return members[member]
            case _:
                pass
        try:
            return ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
            raise UnsupportedError(f"the default of {name} is not a plain value") from error

    def _read(self, node: ast.expr, name: str) -> Read:
        match node:
            case ast.Constant(value=str(text)):
                try:
                    return self.read(source.expression(text), name)
                except SyntaxError as error:
                    raise UnsupportedError(f"the annotation of {name} is not Python") from error
            case ast.BinOp(op=ast.BitOr()):
                return self._union([node.left, node.right], name)
            case ast.Subscript(value=value, slice=inner):
                return self._subscript(_last(value), inner, name, node)
            case ast.Name() | ast.Attribute():
                return self._named(_last(node), name, node)
            case _:
                raise _unknown(name, node)

    def _named(self, word: str, name: str, node: ast.expr) -> Read:
        if word in self._classes:
            return self._class(word, name)
        if word in self._names:
            with_name = self._names[word]
            self._enter(word, name)
            try:
                return self.read(with_name, name)
            finally:
                self._open.pop()
        if word in TYPES:
            return Read({"type": TYPES[word]})
        if word in {"list", "List", "Sequence"}:
            return Read({"type": "array"})
        if word in {"dict", "Dict", "Mapping"}:
            return Read({"type": "object"})
        raise _unknown(name, node)

    def _subscript(self, word: str, inner: ast.expr, name: str, node: ast.expr) -> Read:  # noqa: PLR0911 - one a form
        several = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        match word:
            case "Optional":
                return Read(self.read(inner, name).schema, nullable=True)
            case "Union":
                return self._union(several, name)
            case "list" | "List" | "Sequence":
                return Read({"type": "array", "items": self.read(inner, name).whole})
            case "dict" | "Dict" | "Mapping" if len(several) == 2 and _last(several[0]) == "str":
                return Read({"type": "object", **self._values(several[1], name)})
            case "Literal":
                return _literal(several, name)
            case "Annotated" if len(several) > 1:
                return self._annotated(several, name)
            case "Required" | "NotRequired":
                return self.read(inner, name)
            case _:
                raise _unknown(name, node)

    def _values(self, node: ast.expr, name: str) -> dict[str, Any]:
        return {} if _last(node) == "Any" else {"additionalProperties": self.read(node, name).whole}

    def _union(self, members: Sequence[ast.expr], name: str) -> Read:
        rest = [member for member in members if not (isinstance(member, ast.Constant) and member.value is None)]
        if len(rest) != 1:
            raise UnsupportedError(f"parameter {name} has more than one type; only … | None is understood")
        found = self.read(rest[0], name)
        return Read(found.schema, found.nullable or len(rest) < len(members))

    def _annotated(self, several: Sequence[ast.expr], name: str) -> Read:
        schema, nullable = self.read(several[0], name)
        for extra in several[1:]:
            match extra:
                case ast.Constant(value=str(text)):
                    schema = {**schema, "description": " ".join(text.split())}
                case ast.Call(func=func, args=args, keywords=keywords):
                    schema = self._bounded(schema, _last(func), args, keywords, name)
                case _:
                    raise UnsupportedError(f"the annotation of {name} holds {ast.unparse(extra)}, which says nothing")
        return Read(schema, nullable)

    def _bounded(
        self, schema: dict[str, Any], word: str, args: list[ast.expr], keywords: list[ast.keyword], name: str
    ) -> dict[str, Any]:
        given = {str(each.arg): self.default(each.value, name) for each in keywords}
        if word == "Len":
            given |= dict(zip(("min_length", "max_length"), (self.default(each, name) for each in args), strict=False))
        elif word in _BOUNDS and len(args) + len(given) == 1:
            given = {word: self.default(args[0], name) if args else next(iter(given.values()))}
        elif word not in {"Field", "Interval"} or args:
            raise UnsupportedError(f"the annotation of {name} holds {word}(…), which is not understood")
        found = dict(schema)
        for key, value in given.items():
            if value is None:
                continue
            if key in {"description", "title"}:
                found.setdefault("description", " ".join(str(value).split()))
                continue
            found[_bound(key, str(schema["type"]), value, name)] = value
        return found

    def _class(self, word: str, name: str) -> Read:
        node = self._classes[word]
        bases = {_last(base) for base in node.bases}
        self.shaped = True
        if bases & {"Enum", "StrEnum", "IntEnum"}:
            return _enumeration(_members(node), name, word)
        dataclass = any(
            _last(each.func if isinstance(each, ast.Call) else each) == "dataclass" for each in node.decorator_list
        )
        if not dataclass and "TypedDict" not in bases:
            raise UnsupportedError(f"the type {word} of {name} is no TypedDict, dataclass or Enum")
        if bases - {"TypedDict", "object"}:
            raise UnsupportedError(f"the type {word} of {name} has other classes below it, which are not read")
        self._enter(word, name)
        try:
            return Read(self._fields(node, name, total=dataclass or _total(node)))
        finally:
            self._open.pop()

    def _fields(self, node: ast.ClassDef, name: str, *, total: bool) -> dict[str, Any]:
        says = described(ast.get_docstring(node) or "", "Attributes")
        properties: dict[str, Any] = {}
        required: list[str] = []
        for field in node.body:
            if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
                continue
            key = field.target.id
            where = f"{name}.{key}"
            mark = _last(field.annotation.value) if isinstance(field.annotation, ast.Subscript) else ""
            if mark == "ClassVar":
                continue
            schema = self.read(field.annotation, where).whole
            if says.get(key):
                schema = {**schema, "description": says[key]}
            if field.value is not None:
                schema = {**schema, **self._field_default(field.value, where)}
            elif mark == "Required" or (total and mark != "NotRequired"):
                required.append(key)
            properties[key] = schema
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}

    def _field_default(self, node: ast.expr, name: str) -> dict[str, Any]:
        """What a dataclass gives a field; a factory makes it optional and says no more."""
        if isinstance(node, ast.Call) and _last(node.func) == "field":
            given = {each.arg: each.value for each in node.keywords}
            if "default" not in given:
                if "default_factory" not in given:
                    raise UnsupportedError(f"the field {name} has no default that can be read")
                return {}
            node = given["default"]
        value = self.default(node, name)
        return {} if value is None else {"default": value}

    def _enter(self, word: str, name: str) -> None:
        if word in self._open:
            raise UnsupportedError(f"the type {word} of {name} refers to itself")
        self._open.append(word)


def _given(tree: ast.Module) -> list[tuple[str, ast.expr]]:
    """The names that a file gives to annotations: ``Level = Literal[…]``, ``Level: TypeAlias = …``."""
    found: list[tuple[str, ast.expr]] = []
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=word)], value=value):
                found.append((word, value))
            case ast.AnnAssign(target=ast.Name(id=word), value=ast.expr() as value):
                found.append((word, value))
            case _:
                pass
    return found


def _last(node: ast.expr) -> str:
    """The last word of a dotted name: ``typing.Literal`` is Literal; empty for what is no name."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _constant(node: ast.expr) -> object:
    """A plain value; ``...`` for what is none."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return ...


def _total(node: ast.ClassDef) -> bool:
    said = [each.value for each in node.keywords if each.arg == "total"]
    return not (said and isinstance(said[0], ast.Constant) and said[0].value is False)


def _members(node: ast.ClassDef) -> dict[str, object]:
    """The members of an Enum by name; of ``auto()`` what Python gives them."""
    texts = any(_last(base) == "StrEnum" for base in node.bases)
    found: dict[str, object] = {}
    for each in node.body:
        match each:
            case ast.Assign(targets=[ast.Name(id=word)], value=ast.Call(func=func)) if _last(func) == "auto":
                numbers = [value for value in found.values() if isinstance(value, int)]
                found[word] = word.lower() if texts else max(numbers, default=0) + 1
            case ast.Assign(targets=[ast.Name(id=word)], value=value):
                found[word] = _constant(value)
            case _:
                pass
    return found


def _enumeration(members: dict[str, object], name: str, word: str) -> Read:
    values = list(members.values())
    kinds = {type(value) for value in values}
    if len(kinds) != 1 or not kinds <= {str, int}:
        raise UnsupportedError(f"the members of {word} of {name} must be all texts or all whole numbers")
    return Read({"type": TYPES[kinds.pop().__name__], "enum": list(dict.fromkeys(values))})


def _literal(members: Sequence[ast.expr], name: str) -> Read:
    values = [_constant(member) for member in members]
    kinds = {type(value) for value in values if value is not None}
    kind = next(iter(kinds), None)
    if len(kinds) != 1 or kind not in {str, int, bool}:
        raise UnsupportedError(f"the choices of {name} must be all strings or all whole numbers")
    kept = [value for value in values if value is not None]
    return Read({"type": TYPES[cast("type", kind).__name__], "enum": kept}, None in values)


def _bound(key: str, kind: str, value: object, name: str) -> str:
    """The keyword of JSON schema for a bound."""
    word = _BOUNDS.get(key, "")
    if re.fullmatch("min|max", word):
        if kind not in _LENGTHS or isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise UnsupportedError(f"the bound {key} of {name} needs a text or a list, and a whole number")
        return word + _LENGTHS[kind]
    if not word:
        raise UnsupportedError(f"the bound {key} of {name} is not understood")
    if kind not in {"integer", "number"} or isinstance(value, bool) or not isinstance(value, int | float):
        raise UnsupportedError(f"the bound {key} of {name} needs a number")
    return word


def _unknown(name: str, node: ast.expr) -> UnsupportedError:
    return UnsupportedError(f"parameter {name} has the annotation {ast.unparse(node)[:200]}; {UNDERSTOOD}")
