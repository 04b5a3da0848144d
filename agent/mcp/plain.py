"""A server's JSON schema as one that a declaration, a grammar and the check of arguments all understand.

References are put in their places, ``allOf`` is merged, a list of types becomes ``anyOf``. What our declaration has no
word for is written into the description, so that the model knows as much as the server tells. Whatever the server sends
comes out as an object schema of bounded size: the server checks its arguments itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

MAX_DEPTH = 8
MAX_NODES = 200
MAX_TEXT = 400
"""Characters of one parameter's description."""
MAX_ENUM = 100

_TYPES = frozenset({"string", "integer", "number", "boolean", "null", "object", "array"})
_KEPT = (
    "default", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "pattern", "format",
    "minLength", "maxLength", "minItems", "maxItems", "uniqueItems",
)  # fmt: skip
"""Keywords that `deskhand.model.language.schema` reads or puts into words."""

_WORDLESS = (
    "not", "if", "then", "else", "contains", "prefixItems", "patternProperties", "propertyNames", "dependentRequired",
    "dependentSchemas", "minProperties", "maxProperties", "contentEncoding", "contentMediaType",
)  # fmt: skip
"""Keywords that are said as JSON."""


def plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Bring the parameters of a tool to a form that all of ours can use; anything is accepted."""
    made = _Plainer(schema).node(schema, 0, ())
    properties: dict[str, Any] = made.get("properties", {})
    required = [name for name in made.get("required", []) if name in properties]
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


class _Plainer:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._nodes = 0

    def node(self, schema: object, depth: int, inside: tuple[str, ...]) -> dict[str, Any]:
        """One schema; ``inside`` are the references around it."""
        self._nodes += 1
        if not isinstance(schema, Mapping) or not schema:
            return {}
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            return {"description": _cut(f"JSON Schema: {_json(cast('Mapping[str, Any]', schema))}")}
        raw, inside, notes = self._merged(cast("Mapping[str, Any]", schema), inside)
        kinds = [kind for kind in _listed(raw.get("type")) if isinstance(kind, str) and kind in _TYPES]
        union = [*_listed(raw.get("anyOf")), *_listed(raw.get("oneOf"))]
        some = [kind for kind in kinds if kind != "null"]
        if len(some) > 1 and not union:
            union = [{**raw, "type": kind, "description": ""} for kind in kinds]
        made: dict[str, Any] = {}
        if union:
            made["anyOf"] = [self.node(each, depth + 1, inside) for each in union[:MAX_ENUM]]
            alone = [each for each in made["anyOf"] if each.get("type") != "null"]
            if len(alone) == 1:
                # A value or null: the check of arguments knows that as a list of types.
                made = {**alone[0], **_nullable(alone[0])} if len(made["anyOf"]) > 1 else alone[0]
        elif some:
            made["type"] = [some[0], "null"] if "null" in kinds else some[0]
        elif kinds or "properties" in raw:
            made["type"] = "object" if "properties" in raw else "null"
        if not union:
            made |= self._inner(raw, depth, inside)
            notes += [f"{key}: {_json(raw[key])}" for key in _WORDLESS if key in raw]
        text = " ".join(part for part in (_text(raw.get("description")), made.get("description", ""), *notes) if part)
        return {**made, "description": _cut(text)} if text else made

    def _inner(self, raw: Mapping[str, Any], depth: int, inside: tuple[str, ...]) -> dict[str, Any]:
        made = {key: raw[key] for key in _KEPT if isinstance(raw.get(key), str | int | float | bool)}
        values = _listed(raw["enum"]) if "enum" in raw else [raw["const"]] if "const" in raw else []
        if scalars := [value for value in values if isinstance(value, str | int | float | bool | None)]:
            made["enum"] = scalars[:MAX_ENUM]
        if "items" in raw:
            made["items"] = self.node(raw["items"], depth + 1, inside)
        listed = raw.get("properties")
        if isinstance(listed, Mapping):
            properties = {
                str(name): self.node(inner, depth + 1, inside)
                for name, inner in list(cast("Mapping[Any, Any]", listed).items())[:MAX_NODES]
                if inner is not False
            }
            made["properties"] = properties
            wanted = dict.fromkeys(name for name in _listed(raw.get("required")) if isinstance(name, str))
            made["required"] = [name for name in wanted if name in properties]
        values = raw.get("additionalProperties")
        if isinstance(values, Mapping) and values and not made.get("properties"):
            made["additionalProperties"] = self.node(values, depth + 1, inside)
        return made

    def _merged(
        self, schema: Mapping[str, Any], inside: tuple[str, ...]
    ) -> tuple[dict[str, Any], tuple[str, ...], list[str]]:
        """A schema with its references and ``allOf`` put in, and what could not be."""
        raw, notes = dict(schema), list[str]()
        for _ in range(MAX_DEPTH):
            reference = raw.pop("$ref", None)
            if reference is None:
                break
            found = self._follow(str(reference))
            if found is None or str(reference) in inside:
                notes.append(f"As {str(reference)[:80]}.")
                break
            inside = (*inside, str(reference))
            raw = {**found, **raw}
        raw.pop("$ref", None)
        for part in _listed(raw.pop("allOf", None))[:MAX_ENUM]:
            self._nodes += 1
            if isinstance(part, Mapping) and self._nodes <= MAX_NODES:
                one, inside, more = self._merged(cast("Mapping[str, Any]", part), inside)
                notes += more
                both = [each.get("properties") for each in (one, raw)]
                required = [*_listed(one.get("required")), *_listed(raw.get("required"))]
                raw = {**one, **raw, "required": required}
                properties = {k: v for each in both if isinstance(each, Mapping) for k, v in each.items()}
                if properties:
                    raw["properties"] = properties
        return raw, inside, notes

    def _follow(self, reference: str) -> dict[str, Any] | None:
        found: object = self._root
        if not reference.startswith("#"):
            return None
        for step in reference[1:].split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            found = found.get(name) if isinstance(found, Mapping) else None
        return dict(found) if isinstance(found, Mapping) else None


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
