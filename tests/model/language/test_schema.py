"""Schemas of every origin come to one normal form, and hostile ones to a sentence."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deskhand.model.errors import ModelError
from deskhand.model.language.schema import MAX_TEXT, SchemaError, normalise
from deskhand.model.language.shape import Shape, canonical


def one(schema: dict[str, Any], **around: Any) -> Shape:
    return dict(normalise({"properties": {"p": schema}, **around}).properties)["p"]


def test_references_are_inlined_and_keep_what_stands_beside_them() -> None:
    shape = one(
        {"$ref": "#/$defs/a~1b", "description": "here"}, **{"$defs": {"a/b": {"type": "integer", "minimum": 2}}}
    )
    assert (shape.kind, shape.minimum, shape.description) == ("integer", 2, "here Minimum: 2.")


@pytest.mark.parametrize(
    "schema",
    [
        {"type": ["string", "null"]},
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
        {"oneOf": [{"type": "null"}, {"type": "string"}]},
        {"type": "string", "nullable": True},
        {"type": "STRING", "nullable": True},
    ],
)
def test_every_way_to_say_optional_text_is_one(schema: dict[str, Any]) -> None:
    assert one(schema) == Shape("string", nullable=True)


def test_a_union_keeps_its_variants_and_says_so() -> None:
    shape = one({"description": "Which.", "anyOf": [{"type": "integer"}, {"type": "string", "enum": ["all"]}]})
    assert [variant.kind for variant in shape.variants] == ["integer", "string"]
    assert shape.description == "Which. One of: integer or string."


def test_unions_of_constants_become_one_enum() -> None:
    assert one({"oneOf": [{"const": "a"}, {"const": "b"}, {"enum": ["c", None]}]}).enum == ("a", "b", "c")
    assert one({"oneOf": [{"const": "a"}, {"const": None}]}).nullable


def test_what_the_format_cannot_say_goes_into_the_description() -> None:
    shape = one({"type": "number", "description": "How much.", "default": 0, "exclusiveMaximum": 9, "multipleOf": 3})
    assert shape.description == "How much. Default: 0. Less than 9. A multiple of 3."
    assert one({"enum": [1, 2.5, True]}).description == "One of: 1, 2.5, true."


def test_values_of_an_enum_that_are_not_of_its_type_are_dropped() -> None:
    shape = one({"type": ["string", "integer"], "enum": ["a", 1, None]})
    assert [variant.enum for variant in shape.variants] == [("a",), (1,)]
    assert one({"type": "string", "enum": [1, 2]}).enum == (1, 2)


def test_maps_keep_the_type_of_their_values() -> None:
    shape = one({"type": "dict", "additionalProperties": {"type": "float"}})
    assert shape.open
    assert shape.items == Shape("number")
    assert shape.description == "Any names; values of type number."
    assert not one({"properties": {"a": {}}, "additionalProperties": {"type": "float"}}).open


def test_all_of_is_merged() -> None:
    parts = [{"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"properties": {"b": {}}}]
    shape = normalise({"allOf": parts, "properties": {"c": {}}, "required": ["c"]})
    assert {name for name, _ in shape.properties} == {"a", "b", "c"}
    assert shape.required == ("a", "c")


def test_parameters_may_be_named_like_keywords() -> None:
    names = ("type", "description", "required", "properties", "nullable", "$ref", "enum")
    shape = normalise({"properties": {name: {"type": "string"} for name in names}, "required": list(names)})
    assert tuple(name for name, _ in shape.properties) == names == shape.required


def test_exclusive_bounds_of_integers_are_made_inclusive() -> None:
    shape = one({"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 10, "maximum": 50})
    assert (shape.minimum, shape.maximum) == (1, 9)


def test_names_sort_as_jinja2_sorts_them() -> None:
    assert canonical({"b": 0, "A": 0, "a": 0, "C": 0}) == ["A", "a", "b", "C"]


RECURSIVE = {
    "$defs": {"n": {"properties": {"child": {"$ref": "#/$defs/n"}}}},
    "properties": {"n": {"$ref": "#/$defs/n"}},
}
DEEP: dict[str, Any] = {"type": "string"}
for _ in range(40):
    DEEP = {"type": "array", "items": DEEP}


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        (RECURSIVE, "The schema of grow can't be used: parameters.n.child refers to itself through #/$defs/n."),
        ({"properties": {"p": {"$ref": "#/nowhere"}}}, "parameters.p refers to #/nowhere, which is not there"),
        ({"properties": {"p": {"$ref": "other.json#/x"}}}, "which is not inside the schema"),
        ({"properties": {"p": DEEP}}, "is nested more than 16 levels deep"),
        ({"properties": {f"p{i}": {} for i in range(2000)}}, "holds more than 1000 schemas"),
        ({"properties": {"p": {"type": "quaternion"}}}, "parameters.p has the unknown type quaternion"),
        ({"properties": {"p": 3}}, "parameters.p is not a JSON schema"),
        ({"properties": 3}, "properties that are not an object"),
        ({"type": "string"}, "must be an object"),
        ({"$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"}, "refers to itself"),
    ],
)
def test_bad_schemas_end_in_a_sentence(schema: dict[str, Any], says: str) -> None:
    with pytest.raises(ModelError, match=re.escape(says)):
        normalise(schema, "grow")


def test_long_descriptions_are_cut_and_unwritable_characters_replaced() -> None:
    assert len(one({"description": "x" * 10_000_000}).description) == MAX_TEXT
    assert one({"description": "a\0b\ud800"}).description == "a\ufffdb\ufffd"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
KEYWORDS = """type $ref anyOf oneOf allOf enum const items properties required minimum maxItems exclusiveMinimum
nullable default description minItems"""
keywords = st.sampled_from(KEYWORDS.split())
schemas = st.dictionaries(keywords, json_values | st.dictionaries(keywords, json_values, max_size=3), max_size=6)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(schemas)
def test_anything_is_a_shape_or_a_sentence(schema: dict[str, Any]) -> None:
    try:
        shape = normalise(schema)
    except SchemaError:
        return
    assert shape.kind == "object"


A_AND_B = {"a": {"type": "string"}, "b": {"type": "integer"}}
EITHER = [{"required": ["a"]}, {"required": ["b"]}]
OBJECTS = [{"type": "object", "properties": {name: schema}, "required": [name]} for name, schema in A_AND_B.items()]


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "object", "properties": A_AND_B, "anyOf": EITHER}, "Give at least one of these: a; or b."),
        ({"properties": A_AND_B, "oneOf": EITHER}, "Give exactly one of these: a; or b."),
        ({"oneOf": OBJECTS}, "Give exactly one of these: a; or b."),
        ({"type": "object", "anyOf": OBJECTS}, "Give at least one of these: a; or b."),
        ({"allOf": [{"oneOf": OBJECTS}, {"anyOf": EITHER}]}, "Give exactly one of these: a; or b. Give at least one"),
        ({"properties": {"a": A_AND_B["a"]}, "allOf": [{"properties": {"b": A_AND_B["b"]}}]}, ""),
        ({"properties": {"a": A_AND_B["a"]}, "if": {}, "then": {"properties": {"b": A_AND_B["b"]}}}, ""),
        ({"anyOf": [{"$ref": "#/$defs/x"}, OBJECTS[1]], "$defs": {"x": OBJECTS[0]}}, "Give at least one of these"),
        ({"properties": {"a": A_AND_B["a"]}, "dependentSchemas": {"a": OBJECTS[1]}}, ""),
    ],
)
def test_every_property_of_every_form_is_offered_and_the_choice_is_said(schema: dict[str, Any], said: str) -> None:
    """Report 9; at the root and in an object within."""
    whole = normalise(schema)
    inner = one({"type": "object", **schema} if "$defs" not in schema else {"type": "object", "anyOf": OBJECTS})
    for shape in (whole, inner):
        assert {name: inner.kind for name, inner in shape.properties} == {"a": "string", "b": "integer"}
        assert shape.required == ()
    assert whole.description.startswith(said)


def test_what_every_form_requires_is_required() -> None:
    forms = [{"properties": {"kind": {"const": kind}, kind: {}}, "required": ["kind", kind]} for kind in ("a", "b")]
    shape = normalise({"oneOf": forms})
    assert shape.required == ("kind",)
    assert dict(shape.properties)["kind"].enum == ("a", "b")
    assert shape.description == 'Give exactly one of these: kind = "a" and a; or kind = "b" and b.'


def test_an_object_within_that_has_several_forms_is_one_too() -> None:
    shape = one({"anyOf": [*OBJECTS, {"type": "null"}]})
    assert (shape.kind, shape.nullable, [name for name, _ in shape.properties]) == ("object", True, ["a", "b"])
    assert shape.description == "Give at least one of these: a; or b."
    assert one({"anyOf": [OBJECTS[0], {"type": "string"}]}).kind == "any"
    assert [n for n, _ in normalise({"properties": {"a": {}}, "dependencies": {"a": OBJECTS[1]}}).properties] == [
        "a",
        "b",
    ]


def test_a_description_is_said_once() -> None:
    assert one({"type": ["string", "null"], "description": "Which."}).description == "Which."


def test_a_type_beside_alternatives_stays() -> None:
    shape = one({"type": "string", "oneOf": [{"format": "date"}, {"format": "date-time"}]})
    assert (shape.kind, shape.description) == ("string", "Either: Format: date; or: Format: date-time.")
    assert one({"type": "integer", "anyOf": [{"minimum": 1}, {"maximum": -1}]}).kind == "integer"


def test_references_by_pointer_anchor_and_identity_are_followed() -> None:
    around = {
        "$id": "https://x.example/root.json",
        "$defs": {"a b%": {"type": "integer"}, "n": {"$anchor": "n", "type": "integer"}},
        "definitions": {"i": {"$id": "inner.json", "type": "integer", "$defs": {"k": {"type": "integer"}}}},
        "anything": [{"type": "integer"}],
    }
    for reference in ("#/$defs/a%20b%25", "#n", "inner.json", "https://x.example/inner.json", "inner.json#/$defs/k"):
        assert one({"$ref": reference}, **around).kind == "integer", reference
    assert one({"$ref": "https://x.example/root.json#/anything/0"}, **around).kind == "integer"


def test_values_that_are_objects_are_said() -> None:
    shape = one({"enum": ["a", {"k": 1}]})
    assert (shape.kind, shape.enum, shape.description) == ("any", (), 'One of: a, {"k": 1}.')


def test_entries_of_a_list_by_place_are_offered() -> None:
    for shape in (
        one({"type": "array", "items": [{"type": "string"}, {"type": "integer"}]}),
        one({"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "integer"}}),
    ):
        assert shape.items is not None
        assert [variant.kind for variant in shape.items.variants] == ["string", "integer"]


def test_a_property_that_says_that_it_is_required_is() -> None:
    assert normalise(
        {"properties": {"a": {"required": True}, "b": {"required": False}}, "required": True}
    ).required == ("a",)


composed = st.recursive(
    st.fixed_dictionaries({}, optional={"properties": st.dictionaries(st.sampled_from("abcd"), st.just({}))}),
    lambda inner: st.fixed_dictionaries(
        {"type": st.just("object")},
        optional={
            "properties": st.dictionaries(st.sampled_from("abcd"), st.sampled_from([{}, {"type": "string"}])),
            "required": st.lists(st.sampled_from("abcd")),
            "anyOf": st.lists(inner, max_size=3),
            "oneOf": st.lists(inner, max_size=3),
            "allOf": st.lists(inner, max_size=3),
            "then": inner,
        },
    ),
    max_leaves=8,
)


def named(schema: dict[str, Any]) -> set[str]:
    parts = [part for key in ("anyOf", "oneOf", "allOf") for part in schema.get(key, [])]
    parts += [schema["then"]] if "then" in schema else []
    return set(schema.get("properties", {})).union(*map(named, parts))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(composed)
def test_no_property_is_lost_by_composition(schema: dict[str, Any]) -> None:
    """Report 9."""
    shape = normalise(schema)
    assert {name for name, _ in shape.properties} == named(schema)
    assert set(schema.get("required", [])) & named(schema) <= set(shape.required)
