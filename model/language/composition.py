"""Take JSON schemas that are composed of others apart: references, ``allOf``, alternatives of objects.

A declaration of a tool knows one object with its properties. What a schema says by composition is brought to that:
every property of every alternative is offered, and which of them belong together is said in words.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import unquote, urldefrag, urljoin

ALTERNATIVES = ("anyOf", "oneOf")
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_CONDITIONS = ("if", "then", "else", "dependentSchemas", "dependencies")
_MOST_NODES = 20_000
"""Nodes that are searched for names; a schema with more has none that we need."""
_MAX_WORDS = 600


class References:
    """What the references of one schema lead to.

    Args:
        root: the whole schema.
    """

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._base = _identity(root)
        self._named: dict[str, Mapping[str, Any]] | None = None

    def follow(self, reference: str) -> Mapping[str, Any] | None:
        """The schema that a reference names: by a pointer, an anchor or an ``$id`` within the whole; None if none."""
        place, fragment = urldefrag(reference)
        documents = [self._root] if not place else self._documents(place)
        if not place and fragment and not fragment.startswith("/"):
            return self._names().get(f"#{fragment}")
        found = (_pointed(document, unquote(fragment)) for document in documents)
        first = next((each for each in found if each is not None), None)
        if first is None and not place:  # of a document inside, which counts from its own root
            inner = (_pointed(each, unquote(fragment)) for each in self._names().values())
            first = next((each for each in inner if each is not None), None)
        return first

    def _documents(self, place: str) -> list[Mapping[str, Any]]:
        if place == self._base:
            return [self._root]
        whole = urljoin(self._base, place)
        names = self._names()
        ends = (each for name, each in names.items() if not name.startswith("#") and name.endswith(f"/{place}"))
        return [each for each in (names.get(place), names.get(whole), next(ends, None)) if each is not None]

    def _names(self) -> dict[str, Mapping[str, Any]]:
        """Every schema within that has a name: ``$id`` as it stands and whole, ``#`` and its anchor."""
        if self._named is None:
            self._named = {}
            for node, _ in zip(_nodes(self._root), range(_MOST_NODES), strict=False):
                name = _identity(node)
                if name:
                    self._named.setdefault(name, node)
                    self._named.setdefault(urljoin(self._base, name), node)
                for key in ("$anchor", "$dynamicAnchor"):
                    if isinstance(node.get(key), str):
                        self._named.setdefault(f"#{node[key]}", node)
        return self._named


def _identity(node: Mapping[str, Any]) -> str:
    found = node.get("$id", node.get("id"))
    return found if isinstance(found, str) else ""


def _nodes(root: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    waiting: list[object] = [root]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            yield cast("Mapping[str, Any]", value)
            waiting += value.values()
        elif isinstance(value, list):
            waiting += cast("list[Any]", value)


def _pointed(document: Mapping[str, Any], pointer: str) -> Mapping[str, Any] | None:
    """What a JSON pointer (RFC 6901) leads to; steps through lists are numbers."""
    found: object = document
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, Mapping):
            found = found.get(name)
        elif isinstance(found, list) and name.isdecimal() and int(name) < len(cast("list[Any]", found)):
            found = cast("list[Any]", found)[int(name)]
        else:
            return None
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else None


def both(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """A schema for what fits ``one`` and ``other``; where they say different things, the first counts."""
    made = {**other, **one}
    for name in ("properties", "$defs", "definitions"):
        inner = [each[name] for each in (other, one) if isinstance(each.get(name), Mapping)]
        if len(inner) > 1:
            made[name] = _together(inner[1], inner[0])
    required = [*_names_of(other.get("required")), *_names_of(one.get("required"))]
    if required:
        made["required"] = list(dict.fromkeys(required))
    elif "required" in made:
        del made["required"]
    return made


def _together(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Properties of two schemas that both hold; one that both describe is described by both."""
    made = dict(one)
    for name, schema in other.items():
        own = made.get(name)
        if isinstance(own, Mapping) and isinstance(schema, Mapping):
            made[name] = {**cast("Mapping[str, Any]", schema), **cast("Mapping[str, Any]", own)}
        made.setdefault(name, schema)
    return made


@dataclass(frozen=True)
class Parts:
    """A schema without what it is composed of.

    Attributes:
        node: its own keywords, with those of its references and of ``allOf``.
        groups: its alternatives as they stand, each group with its keyword.
        conditions: ``if`` with ``then`` and ``else``, and ``dependentSchemas``, as they stand.
        inside: the references that were put in for it, and those around it.
        unknown: references that lead nowhere, or to what they stand in.
    """

    node: dict[str, Any]
    groups: tuple[tuple[str, list[Any]], ...] = ()
    conditions: tuple[Mapping[str, Any], ...] = ()
    inside: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


class Composition:
    """Takes the schemas within one schema apart.

    Args:
        root: the whole schema.
        spend: is told of every schema that is looked at; False where no more shall be.
    """

    def __init__(self, root: Mapping[str, Any], spend: Callable[[], bool]) -> None:
        self._references = References(root)
        self._spend = spend

    def apart(self, schema: Mapping[str, Any], inside: tuple[str, ...] = ()) -> Parts:
        """Put references and ``allOf`` into a schema, and its alternatives and conditions beside it."""
        node, unknown = dict(schema), list[str]()
        while (reference := next((node.pop(key) for key in _REFERENCES if key in node), None)) is not None:
            name = str(reference)
            found = None if name in inside else self._references.follow(name)
            if found is None:
                unknown.append(name)
                continue
            inside = (*inside, name)
            node = both(node, found)
        groups = [(keyword, _list(node.pop(keyword))) for keyword in ALTERNATIVES if keyword in node]
        groups = [(keyword, branches) for keyword, branches in groups if branches]
        conditions: list[Mapping[str, Any]] = [{key: node.pop(key) for key in _CONDITIONS if key in node}]
        for part in _list(node.pop("allOf", None)):
            if isinstance(part, Mapping) and self._spend():
                one = self.apart(cast("Mapping[str, Any]", part), inside)
                node = both(node, one.node)
                groups += one.groups
                conditions += one.conditions
                unknown += one.unknown
        return Parts(node, tuple(groups), tuple(filter(None, conditions)), inside, tuple(unknown))

    def is_object(self, parts: Parts) -> bool:
        """Whether a schema is one object in several forms: by itself, or as each of its alternatives is one."""
        if is_object(parts.node):
            return bool(parts.groups or parts.conditions)
        if {"type", "enum", "const"} & set(parts.node):
            return False
        forms = [self._branch(each, parts.inside) for _, branches in parts.groups for each in branches]
        forms = [form for form in forms if form.get("type") != "null"]
        return len(forms) > 1 and all(is_object(form) and _properties(form) for form in forms)

    def absorbed(self, parts: Parts) -> dict[str, Any]:
        """An object that has the properties of all its alternatives; which belong together is in its description."""
        groups = [
            (keyword, [self._branch(each, parts.inside) for each in branches]) for keyword, branches in parts.groups
        ]
        more: list[object] = []
        for each in parts.conditions:
            more += [each.get("then"), each.get("else")]
            for depending in (each.get("dependentSchemas"), each.get("dependencies")):
                more += cast("Mapping[str, Any]", depending).values() if isinstance(depending, Mapping) else ()
        conditional = [self._branch(each, parts.inside) for each in more if isinstance(each, Mapping)]
        node = parts.node
        if not is_object(node):
            null = any(branch.get("type") == "null" for _, branches in groups for branch in branches)
            node = {**node, "type": ["object", "null"] if null else "object"}
        groups = [(keyword, [each for each in found if each.get("type") != "null"]) for keyword, found in groups]
        return _absorbed(node, groups, conditional)

    def _branch(self, schema: object, inside: tuple[str, ...]) -> dict[str, Any]:
        if not isinstance(schema, Mapping) or not self._spend():
            return {}
        parts = self.apart(cast("Mapping[str, Any]", schema), inside)
        return self.absorbed(parts) if may_be_object(parts.node) and (parts.groups or parts.conditions) else parts.node


def is_object(node: Mapping[str, Any]) -> bool:
    """Whether a schema says that it is one of an object."""
    return "object" in _list(node.get("type")) or isinstance(node.get("properties"), Mapping)


def may_be_object(node: Mapping[str, Any]) -> bool:
    """Whether a schema allows an object, as one that only says what is required does."""
    return is_object(node) or ("type" not in node and not {"enum", "const", "items"} & set(node))


def _absorbed(
    node: Mapping[str, Any],
    groups: Sequence[tuple[str, Sequence[Mapping[str, Any]]]],
    conditional: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    own = _properties(node)
    found: dict[str, list[Any]] = {}
    for branch in (*(branch for _, branches in groups for branch in branches), *conditional):
        for name, schema in _properties(branch).items():
            found.setdefault(name, []).append(schema)
    properties = {name: _described(schema, found.pop(name, [])) for name, schema in own.items()}
    properties |= {name: _any_of(schemas) for name, schemas in found.items()}
    required = dict.fromkeys(_names_of(node.get("required")))
    said = node.get("description")
    words = [said.strip()] if isinstance(said, str) and said.strip() else []
    for keyword, branches in groups:
        objects = [branch for branch in branches if may_be_object(branch)]
        if objects:
            shared = set.intersection(*(set(_names_of(branch.get("required"))) for branch in objects))
            required |= dict.fromkeys(name for name in _names_of(objects[0].get("required")) if name in shared)
            words += _choice(keyword, objects, set(required))
    made = {**node, "properties": properties, "required": list(required), "description": " ".join(words)}
    return {key: value for key, value in made.items() if value or key not in {"required", "description"}}


def _choice(keyword: str, branches: Sequence[Mapping[str, Any]], always: set[str]) -> list[str]:
    """Which properties belong together, as a sentence; nothing if there is no choice."""
    labels = list(dict.fromkeys(_label(branch, always) for branch in branches))
    if len(labels) < 2:
        return []
    least = "exactly one" if keyword == "oneOf" else "at least one"
    text = f"Give {least} of these: {'; or '.join(label or 'nothing more' for label in labels)}."
    return [text if len(text) <= _MAX_WORDS else text[: _MAX_WORDS - 1] + "…"]


def _label(branch: Mapping[str, Any], always: set[str]) -> str:
    properties, required = _properties(branch), _names_of(branch.get("required"))
    names = [name for name in required if name not in always] or [name for name in properties if name not in always]
    fixed = {
        name: schema["const"]
        for name, schema in properties.items()
        if isinstance(schema, Mapping) and "const" in schema
    }
    said = [f"{name} = {json.dumps(fixed[name], ensure_ascii=False, default=str)}" for name in fixed]
    said += [name for name in names if name not in fixed]
    title = branch.get("title")
    return " and ".join(said) or (title if isinstance(title, str) else "")


def _described(own: object, others: Sequence[Any]) -> object:
    """A property of an object that its alternatives describe as well: its own words, their values."""
    if not others:
        return own
    if not isinstance(own, Mapping) or not ({"type", "enum", "const", "$ref", *ALTERNATIVES} & set(own)):
        more = cast("Mapping[str, Any]", own) if isinstance(own, Mapping) else {}
        other = _any_of(others)
        return {**cast("Mapping[str, Any]", other), **more} if isinstance(other, Mapping) else other
    values = _values(others)
    mine = cast("Mapping[str, Any]", own)
    return mine if values is None or {"enum", "const"} & set(mine) else {**mine, "enum": values}


def _any_of(schemas: Sequence[Any]) -> object:
    """One property as several alternatives describe it."""
    distinct: list[Any] = []
    for each in schemas:
        if each not in distinct:
            distinct.append(each)
    if len(distinct) == 1:
        return distinct[0]
    values = _values(distinct)
    if values is not None:
        kept = {key: value for key, value in cast("Mapping[str, Any]", distinct[0]).items() if key != "const"}
        return {**kept, "enum": values}
    return {"anyOf": distinct}


def _values(schemas: Sequence[Any]) -> list[Any] | None:
    """The values that schemas of fixed values allow together; None if one of them allows others."""
    found: list[Any] = []
    for each in schemas:
        if not isinstance(each, Mapping):
            return None
        schema = cast("Mapping[str, Any]", each)
        values = [schema["const"]] if "const" in schema else schema.get("enum")
        if not isinstance(values, list):
            return None
        found += [value for value in cast("list[Any]", values) if value not in found]
    return found


def _properties(node: Mapping[str, Any]) -> Mapping[str, Any]:
    found = node.get("properties")
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}


def _list(value: object) -> list[Any]:
    if isinstance(value, list | tuple):
        return list(cast("Sequence[Any]", value))
    return [] if value is None else [value]


def _names_of(required: object) -> list[str]:
    return [name for name in cast("list[Any]", required) if isinstance(name, str)] if isinstance(required, list) else []
