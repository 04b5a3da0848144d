"""A server's JSON schema as one that a declaration, a grammar and the check of arguments all understand.

References are put in their places, ``allOf`` is merged, alternatives of objects become one object with the properties
of all, a list of types becomes ``anyOf``. What our declaration has no word for is written into the description, so that
the model knows as much as the server tells. Whatever the server sends comes out as an object schema of bounded size:
the server checks its arguments itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from deskhand.model.language.composition import Composition, Parts

MAX_DEPTH = 8
MAX_NODES = 200
MAX_TEXT = 400
"""Characters of one parameter's description."""
MAX_ENUM = 100
"""Values that are offered as such; of more the first are named, and any is passed on."""

_TYPES: Mapping[str, str] = {
    **{kind: kind for kind in ("string", "integer", "number", "boolean", "null", "object", "array")},
    # Python's and other names, which hand-written schemas use.
    "str": "string",
    "text": "string",
    "int": "integer",
    "float": "number",
    "double": "number",
    "bool": "boolean",
    "dict": "object",
    "map": "object",
    "list": "array",
    "tuple": "array",
    "none": "null",
}
_KEPT = (
    "default", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "pattern", "format",
    "minLength", "maxLength", "minItems", "maxItems", "uniqueItems",
)  # fmt: skip
"""Keywords that `deskhand.model.language.schema` reads or puts into words."""

_WORDLESS = (
    "not", "contains", "patternProperties", "propertyNames", "dependentRequired", "minProperties",
    "maxProperties", "contentEncoding", "contentMediaType",
)  # fmt: skip
"""Keywords that are said as JSON."""

_SHARED = ("type", "enum", "const", "properties", "required", "items", *_KEPT[1:])
"""Keywords that hold for each alternative beside which they stand."""


def plain(schema: object) -> dict[str, Any]:
    """Bring the parameters of a tool to a form that all of ours can use; anything is accepted.

    Returns:
        An object's schema; its description says which properties belong together, if they do not all.
    """
    given = cast("Mapping[str, Any]", schema) if isinstance(schema, Mapping) else {}
    root = {key: value for key, value in given.items() if key != "description"}
    made = _Plainer(given).node({**root, "type": "object"}, 0, ())
    properties: dict[str, Any] = made.get("properties", {})
    required = [name for name in made.get("required", []) if name in properties]
    whole = {"properties": properties, "required": required, "description": made.get("description", "")}
    return {"type": "object", **{key: value for key, value in whole.items() if value or key == "properties"}}


class _Plainer:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._composition = Composition(root, self._spend)
        self._nodes = 0

    def _spend(self) -> bool:
        self._nodes += 1
        return self._nodes <= MAX_NODES

    def node(self, schema: object, depth: int, inside: tuple[str, ...]) -> dict[str, Any]:
        """One schema; ``inside`` are the references around it."""
        enough = self._spend()
        if not isinstance(schema, Mapping) or not schema:
            return {}
        if depth > MAX_DEPTH or not enough:
            return {"description": _cut(f"JSON Schema: {_json(cast('Mapping[str, Any]', schema))}")}
        parts = self._composition.apart(cast("Mapping[str, Any]", schema), inside)
        notes = [f"As {reference[:80]}." for reference in parts.unknown]
        notes += [f"{key}: {_json(value)}" for each in parts.conditions for key, value in each.items()]
        if self._composition.is_object(parts):
            raw, union = self._composition.absorbed(parts), []
        else:
            raw, union = parts.node, [branch for _, branches in parts.groups for branch in branches]
        made = self._either(raw, union, depth, parts) if union else self._one(raw, depth, parts, notes)
        about = _text(raw.get("description")) or (_text(raw.get("title")) if "const" in raw else "")
        text = " ".join(part for part in (about, made.get("description", ""), *notes) if part)
        return {**made, "description": _cut(text)} if text else made

    def _either(self, raw: Mapping[str, Any], union: list[Any], depth: int, parts: Parts) -> dict[str, Any]:
        """A schema with alternatives: those, or their type alone where it is the same for all."""
        beside = {key: raw[key] for key in _SHARED if key in raw}
        forms = [{**beside, **each} if isinstance(each, Mapping) else each for each in union[:MAX_ENUM]]
        nodes = [self.node(each, depth + 1, parts.inside) for each in forms]
        some = [each for each in nodes if each.get("type") != "null"]
        nullable = len(some) < len(nodes) or raw.get("nullable") is True
        kept = {"default": raw["default"]} if isinstance(raw.get("default"), str | int | float) else {}
        if len(some) == 1:
            # A value or null: the check of arguments knows that as a list of types.
            return {**kept, **some[0], **(_nullable(some[0]) if nullable else {})}
        kinds = {each.get("type") if isinstance(each.get("type"), str) else None for each in some}
        kind = kinds.pop() if len(kinds) == 1 else "several"
        if kind in {"string", "integer", "number", "boolean"} or (
            kind is None and all("enum" in each for each in some)
        ):
            alike = {**kept, **({"type": kind} if kind else {}), **_alike(some)}
            return {**alike, **(_nullable(alike) if nullable else {})}
        return {**kept, "anyOf": nodes} if some else {"type": "null"}

    def _one(self, raw: Mapping[str, Any], depth: int, parts: Parts, notes: list[str]) -> dict[str, Any]:
        """A schema without alternatives."""
        said = [_TYPES.get(kind.lower()) for kind in _listed(raw.get("type")) if isinstance(kind, str)]
        kinds = [kind for kind in dict.fromkeys(said) if kind]
        some = [kind for kind in kinds if kind != "null"]
        if len(some) > 1:
            each = [{**raw, "type": kind, "description": ""} for kind in kinds]
            return {"anyOf": [self.node(one, depth + 1, parts.inside) for one in each]}
        made: dict[str, Any] = {}
        if some:
            made["type"] = [some[0], "null"] if "null" in kinds or raw.get("nullable") is True else some[0]
        elif kinds or "properties" in raw:
            made["type"] = "object" if "properties" in raw else "null"
        made |= self._inner(raw, depth, parts.inside, notes)
        notes += [f"{key}: {_json(raw[key])}" for key in _WORDLESS if key in raw]
        return made

    def _inner(self, raw: Mapping[str, Any], depth: int, inside: tuple[str, ...], notes: list[str]) -> dict[str, Any]:
        made = {key: raw[key] for key in _KEPT if isinstance(raw.get(key), str | int | float | bool)}
        values = _listed(raw["enum"]) if "enum" in raw else [raw["const"]] if "const" in raw else []
        if len(values) > MAX_ENUM or not all(isinstance(value, str | int | float | bool | None) for value in values):
            notes.append(f"One of {len(values)}: {_json(values)}")
        elif values:
            made["enum"] = values
        entries = self._entries(raw, notes)
        if entries is not None:
            made["items"] = self.node(entries, depth + 1, inside)
        listed = raw.get("properties")
        if isinstance(listed, Mapping):
            made |= self._properties(cast("Mapping[Any, Any]", listed), raw, depth, inside)
        values = raw.get("additionalProperties")
        if isinstance(values, Mapping) and values and not made.get("properties"):
            made["additionalProperties"] = self.node(values, depth + 1, inside)
        return made

    def _properties(
        self, listed: Mapping[Any, Any], raw: Mapping[str, Any], depth: int, inside: tuple[str, ...]
    ) -> dict[str, Any]:
        some = [(str(name), inner) for name, inner in list(listed.items())[:MAX_NODES] if inner is not False]
        properties = {name: self.node(inner, depth + 1, inside) for name, inner in some}
        # “required” within a property is how JSON Schema said it until its draft 3.
        marked = [name for name, inner in some if isinstance(inner, Mapping) and inner.get("required") is True]
        wanted = dict.fromkeys(name for name in (*_listed(raw.get("required")), *marked) if isinstance(name, str))
        return {"properties": properties, "required": [name for name in wanted if name in properties]}

    @staticmethod
    def _entries(raw: Mapping[str, Any], notes: list[str]) -> object:
        """What the entries of a list are; where each place has its own schema, any of those, and the order in words."""
        items, places = raw.get("items"), _listed(raw.get("prefixItems"))
        if isinstance(items, list):
            items, places = raw.get("additionalItems"), cast("list[Any]", items)
        if not places:
            return items
        notes.append(f"In this order: {_json(places)}")
        distinct = [each for number, each in enumerate(places) if each not in places[:number]]
        more = [items] if isinstance(items, Mapping) and items not in distinct else []
        return {"anyOf": [*distinct, *more]}


def _alike(nodes: list[dict[str, Any]]) -> dict[str, Any]:
    """What any of several schemas of the same type allows: their values, if all name them; the rest in words."""
    values = [value for each in nodes for value in each.get("enum", ())] if all("enum" in n for n in nodes) else []
    said: list[str] = []
    for each in nodes:
        if values and len(each["enum"]) == 1:
            said += [f"{_json(each['enum'][0])}: {each['description']}"] if each.get("description") else []
            continue
        limits = [f"{key} {_json(each[key])}" for key in _KEPT if key in each]
        enum = [f"one of {_json(each['enum'])}"] if "enum" in each and not values else []
        said.append(", ".join(part for part in (each.get("description", ""), *limits, *enum) if part))
    distinct = list(dict.fromkeys(said))
    text = f"Either: {'; or: '.join(one or 'anything' for one in distinct)}." if any(distinct) else ""
    made: dict[str, Any] = {"enum": list(dict.fromkeys(values))} if values else {}
    return {**made, "description": text} if text else made


def _nullable(schema: Mapping[str, Any]) -> dict[str, Any]:
    kind = schema.get("type")
    return {"type": [kind, "null"]} if isinstance(kind, str) else {}


def _listed(value: object) -> list[Any]:
    if isinstance(value, list):
        return cast("list[Any]", value)
    return [] if value is None else [value]


def _text(value: object) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""


def _json(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)[:MAX_TEXT]
    except (ValueError, TypeError, RecursionError):
        return "?"


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
