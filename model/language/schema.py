"""JSON schemas as they come (pydantic's, MCP servers', hand-written) → one small normal form.

Gemma's declarations know types, enums of strings, nullable, properties, required and items, and nothing else; its stock
template loses or garbles the rest. So every schema is brought to a `Shape` first: references inlined, unions flattened,
and whatever the format can't say put into the description, where a model reads it as well.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from deskhand.model.errors import ModelError
from deskhand.model.language.composition import Composition, Parts
from deskhand.model.language.shape import Kind, Scalar, Shape, clean

MAX_DEPTH = 16
"""Levels of nesting; a tool for a model has two or three."""

MAX_NODES = 1000
"""Schemas within one schema, references inlined."""

MAX_TEXT = 4000
"""Characters of one description; the rest is cut off with an ellipsis."""

_TYPES: dict[str, Kind] = {
    "string": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
    "object": "object",
    "array": "array",
    # Python's names, which hand-written schemas and the Berkeley function-calling cases use.
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "dict": "object",
    "list": "array",
    "tuple": "array",
    "any": "any",
}

# What Gemma's declaration has no word for, and how a description says it.
_NOTES = {
    "default": "Default: {}.",
    "minimum": "Minimum: {}.",
    "maximum": "Maximum: {}.",
    "exclusiveMinimum": "Greater than {}.",
    "exclusiveMaximum": "Less than {}.",
    "multipleOf": "A multiple of {}.",
    "pattern": "Pattern: {}.",
    "format": "Format: {}.",
    "minLength": "At least {} characters.",
    "maxLength": "At most {} characters.",
    "minItems": "At least {} items.",
    "maxItems": "At most {} items.",
    "uniqueItems": "No item twice.",
    "examples": "Examples: {}.",
}


_COMPOSED = {"anyOf", "oneOf", "allOf", "$ref"}
"""Keywords of which a root's description says what a declaration can't."""


class SchemaError(ModelError):
    """A tool's parameters can't be understood; the sentence says which and why."""


def normalise(schema: Mapping[str, Any], tool: str = "this tool") -> Shape:
    """Bring the parameters of a tool to normal form; of several forms of them all properties, the choice in words.

    Args:
        schema: a JSON schema of an object; an empty one means no parameters.
        tool: its name, for the error's sentence.

    Raises:
        SchemaError: not an object, a reference that leads nowhere or to itself, or deeper or larger than
            `MAX_DEPTH` and `MAX_NODES` allow.
    """
    root = {key: value for key, value in {"type": "object", **schema}.items() if key != "description"}
    shape = _Normaliser(schema, tool).shape(root, "parameters", 0, ())
    if shape.kind != "object":
        raise SchemaError(f"The parameters of {tool} are of type {shape.kind}; a tool's parameters must be an object.")
    composed = _COMPOSED & set(schema)
    return replace(shape, open=False, nullable=False, description=shape.description if composed else "")


class _Normaliser:
    def __init__(self, root: Mapping[str, Any], tool: str) -> None:
        self._composition = Composition(root, self._spend)
        self._tool = tool
        self._nodes = 0

    def _spend(self) -> bool:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise self._error("it", f"holds more than {MAX_NODES} schemas")
        return True

    def _error(self, where: str, problem: str) -> SchemaError:
        return SchemaError(f"The schema of {self._tool} can't be used: {where} {problem}.")

    def shape(self, schema: object, where: str, depth: int, open_references: tuple[str, ...]) -> Shape:
        """Normalise one schema; ``where`` names it, ``open_references`` are those being inlined around it."""
        self._spend()
        if depth > MAX_DEPTH:
            raise self._error(where, f"is nested more than {MAX_DEPTH} levels deep")
        if schema is True or schema is None:
            return Shape("any")
        if not isinstance(schema, Mapping):
            raise self._error(where, "is not a JSON schema")
        parts = self._composition.apart(cast("Mapping[str, Any]", schema), open_references)
        self._check(parts, where)
        if self._composition.is_object(parts):
            node, union = self._composition.absorbed(parts), []
        else:
            node, union = parts.node, [branch for _, branches in parts.groups for branch in branches]
        if union:
            inner = [self.shape(_beside(node, each), where, depth + 1, parts.inside) for each in union]
            return self._union(node, inner)
        kinds = node.get("type")
        if isinstance(kinds, Sequence) and not isinstance(kinds, str):
            alone = {key: value for key, value in node.items() if key != "description"}
            inner = [self.shape({**alone, "type": kind}, where, depth + 1, parts.inside) for kind in kinds]
            return self._union({"description": node.get("description", "")}, inner)
        return self._plain(node, where, depth, parts.inside)

    def _check(self, parts: Parts, where: str) -> None:
        for reference in parts.unknown:
            if reference in parts.inside:
                raise self._error(where, f"refers to itself through {reference}")
            outside = "is not there" if reference.startswith("#") else "is not inside the schema"
            raise self._error(where, f"refers to {reference}, which {outside}")

    def _union(self, node: Mapping[str, Any], inner: list[Shape]) -> Shape:
        nullable = any(shape.nullable or shape.kind == "null" for shape in inner)
        shapes = list(dict.fromkeys(replace(shape, nullable=False) for shape in inner if shape.kind != "null"))
        notes = _notes(node)
        if not shapes:
            return Shape("null", _description(node, notes))
        if all(shape.enum and shape.kind == shapes[0].kind for shape in shapes):
            values = dict.fromkeys(value for shape in shapes for value in shape.enum)
            shapes = [replace(shapes[0], enum=tuple(values))]
        if len(shapes) == 1:
            only = shapes[0]
            return replace(only, nullable=nullable, description=_joined(_description(node, notes), only.description))
        if len({shape.kind for shape in shapes}) == 1 and shapes[0].kind in _SCALARS:
            return replace(_alike(shapes), nullable=nullable, description=_description(node, [*notes, _either(shapes)]))
        says = " or ".join(
            dict.fromkeys(shape.kind + (f" ({shape.description})" if shape.description else "") for shape in shapes)
        )
        notes.append(f"One of: {says}.")
        variants = tuple(inner for shape in shapes for inner in (shape.variants or (shape,)))
        return Shape("any", _description(node, notes), nullable=nullable, variants=variants)

    def _plain(self, node: dict[str, Any], where: str, depth: int, open_references: tuple[str, ...]) -> Shape:
        if "const" in node:
            node["enum"] = [node["const"]]
        kind = self._kind(node, where)
        notes = _notes(node)
        nullable = bool(node.get("nullable", False)) or kind == "null"
        values = _list(node.get("enum", ()))
        whole = any(isinstance(value, Mapping | list) for value in values)  # said in words only
        scalars = [v for v in values if isinstance(v, str | int | float | bool) and _finite(v) and not whole]
        scalars = [v for v in scalars if _fits(v, kind)] or scalars
        if None in values:
            nullable = True
        if values and (whole or not all(isinstance(value, str) for value in scalars)):
            notes.append(f"One of: {', '.join(_text(value) for value in values)}.")
        shape = Shape(
            kind,
            _description(node, notes),
            nullable=nullable,
            enum=tuple(clean(v) if isinstance(v, str) else v for v in scalars),
            minimum=_bound(node, "minimum", "exclusiveMinimum", kind, 1),
            maximum=_bound(node, "maximum", "exclusiveMaximum", kind, -1),
        )
        if kind == "array":
            items = _items(node)
            inner = None if items is None else self.shape(items, f"{where}[]", depth + 1, open_references)
            least = node.get("minItems", 0)
            return replace(shape, items=inner, min_items=least if isinstance(least, int) else 0, enum=())
        if kind == "object":
            return self._object(shape, node, where, depth, open_references)
        return shape

    def _object(
        self, shape: Shape, node: Mapping[str, Any], where: str, depth: int, open_references: tuple[str, ...]
    ) -> Shape:
        listed = node.get("properties") or {}
        if not isinstance(listed, Mapping):
            raise self._error(where, "has properties that are not an object")
        properties = tuple(
            (clean(str(name)), self.shape(inner, f"{where}.{name}", depth + 1, open_references))
            for name, inner in cast("Mapping[str, Any]", listed).items()
            if inner is not False
        )
        names = {name for name, _ in properties}
        wanted = dict.fromkeys(clean(str(name)) for name in (*_list(node.get("required", ())), *_marked(listed)))
        required = tuple(name for name in wanted if name in names)
        values = node.get("additionalProperties")
        inner = None
        if not properties and isinstance(values, Mapping) and values:
            inner = self.shape(cast("Mapping[str, Any]", values), f"{where}.*", depth + 1, open_references)
            said = _joined(shape.description, f"Any names; values of type {inner.kind}.", inner.description)
            shape = replace(shape, description=said)
        return replace(shape, properties=properties, required=required, open=not properties, items=inner, enum=())

    def _kind(self, node: Mapping[str, Any], where: str) -> Kind:
        said = node.get("type")
        if said is None:
            return _guess(node)
        if not isinstance(said, str) or said.lower() not in _TYPES:
            raise self._error(where, f"has the unknown type {_text(said)}")
        return _TYPES[said.lower()]


def _guess(node: Mapping[str, Any]) -> Kind:
    values = _list(node.get("enum", ()))
    if values and all(isinstance(value, str) or value is None for value in values):
        return "string"
    if values:
        return "any"
    if "properties" in node:
        return "object"
    return "array" if "items" in node else "any"


def _beside(node: Mapping[str, Any], branch: object) -> object:
    """An alternative with what stands beside the alternatives: its type, its values, its limits."""
    if not isinstance(branch, Mapping):
        return branch
    return {**{key: value for key, value in node.items() if key not in _OF_ALL}, **cast("Mapping[str, Any]", branch)}


_OF_ALL = frozenset({"description", "title", "default", "examples", "nullable"})
"""Keywords that are said once, of a schema with alternatives and not of each."""
_SCALARS = frozenset({"string", "integer", "number", "boolean"})


def _alike(shapes: Sequence[Shape]) -> Shape:
    """One shape for what any of several of the same type allows."""
    values = [value for shape in shapes for value in shape.enum] if all(shape.enum for shape in shapes) else []
    least = [shape.minimum for shape in shapes if shape.minimum is not None]
    most = [shape.maximum for shape in shapes if shape.maximum is not None]
    return replace(
        shapes[0],
        enum=tuple(dict.fromkeys(values)),
        minimum=min(least) if len(least) == len(shapes) else None,
        maximum=max(most) if len(most) == len(shapes) else None,
    )


def _either(shapes: Sequence[Shape]) -> str:
    said = list(dict.fromkeys(shape.description.rstrip(".") for shape in shapes))
    return f"Either: {'; or: '.join(text or 'anything' for text in said)}." if len(said) > 1 or said[0] else ""


def _items(node: Mapping[str, Any]) -> object:
    """What the entries of a list are; of one whose entries differ, any of those."""
    items, first = node.get("items"), _list(node.get("prefixItems", ()))
    if isinstance(items, list):
        items, first = node.get("additionalItems"), items
    if not first:
        return items
    distinct = [each for number, each in enumerate(first) if each not in first[:number]]
    more = [items] if isinstance(items, Mapping) and items not in distinct else []
    return {"anyOf": [*distinct, *more]}


def _marked(properties: Mapping[str, Any]) -> list[str]:
    """Properties that say of themselves that they are required, as JSON Schema did until its draft 3."""
    return [name for name, each in properties.items() if isinstance(each, Mapping) and each.get("required") is True]


def _list(value: object) -> list[Any]:
    return list(cast("Sequence[Any]", value)) if isinstance(value, list | tuple) else []


def _finite(value: object) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


def _fits(value: Scalar, kind: Kind) -> bool:
    if kind == "string":
        return isinstance(value, str)
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in ("integer", "number"):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return True


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _notes(node: Mapping[str, Any]) -> list[str]:
    """What is said of the keywords that are there; a default of false is left out, it says nothing new."""
    said = {
        key: node[key] for key in _NOTES if node.get(key) is not None and node[key] is not False and node[key] != []
    }
    return [_NOTES[key].format(_text(value)) for key, value in said.items()]


def _joined(*texts: str) -> str:
    return " ".join(text for text in texts if text)


def _description(node: Mapping[str, Any], notes: Sequence[str]) -> str:
    text = clean(_joined(str(node.get("description") or "").strip(), *notes))
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def _bound(node: Mapping[str, Any], inclusive: str, exclusive: str, kind: Kind, step: int) -> float | None:
    """The tightest inclusive bound; an exclusive one counts as inclusive for numbers that have no next neighbour."""
    found: list[float] = []
    for key, shift in ((inclusive, 0), (exclusive, step if kind == "integer" else 0)):
        value = node.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            found.append(value + shift)
    if not found:
        return None
    return max(found) if step > 0 else min(found)
