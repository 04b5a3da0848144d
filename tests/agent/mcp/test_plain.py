"""Any schema of a server becomes one that our declaration, grammar and argument check take."""

import contextlib
import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deskhand.agent.mcp.plain import plain
from deskhand.agent.tools import arguments
from deskhand.model.language.schema import normalise

SLOWLY = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
NAMES = st.sampled_from(["a", "b", "<|turn>", "ü", ""])
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.floats(), st.sampled_from(["string", "object", "x", "#/$defs/a"])
)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8
)
KEYS = [
    "type", "properties", "required", "items", "enum", "const", "anyOf", "oneOf", "allOf", "$ref", "description", "not",
    "additionalProperties", "minimum", "maxItems", "default", "format", "if", "nullable",
]  # fmt: skip
SCHEMAS = st.recursive(
    st.dictionaries(st.sampled_from(KEYS), JSON, max_size=4),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["object", "array", "string", ["string", "null"], ["integer", "string"], "quux"]),
            "properties": st.dictionaries(NAMES, inner, max_size=3),
            "items": inner,
            "anyOf": st.lists(inner, max_size=3),
            "allOf": st.lists(inner, max_size=3),
            "$ref": st.sampled_from(["#/$defs/a", "#", "#/properties/a", "other.json"]),
            "$defs": st.dictionaries(NAMES, inner, max_size=2),
            "required": st.lists(NAMES, max_size=3),
            "description": st.text(max_size=20),
        },
    ),
    max_leaves=12,
)


@SLOWLY
@given(SCHEMAS)
def test_every_schema_becomes_one_that_works(schema):
    made = plain(schema)
    assert made["type"] == "object"
    shape = normalise(made)
    json.dumps(made)
    assert set(shape.required) <= {name for name, _ in shape.properties}


@SLOWLY
@given(SCHEMAS, st.dictionaries(NAMES, JSON, max_size=3))
def test_the_check_of_arguments_never_breaks_on_one(schema, given_arguments):
    with contextlib.suppress(arguments.MisfitError):
        arguments.fit(plain(schema), given_arguments)


def test_references_are_put_in_and_circles_are_named():
    schema = {
        "type": "object",
        "properties": {"place": {"$ref": "#/$defs/place"}, "tree": {"$ref": "#/$defs/tree"}},
        "required": ["place"],
        "$defs": {
            "place": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
            "tree": {"type": "object", "properties": {"left": {"$ref": "#/$defs/tree"}}},
        },
    }
    made = plain(schema)
    assert made["properties"]["place"] == {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    }
    assert made["properties"]["tree"]["properties"]["left"] == {"description": "As #/$defs/tree."}
    assert arguments.fit(made, {"place": {"city": "Bonn"}}) == {"place": {"city": "Bonn"}}


def test_what_has_no_word_is_said_in_the_description():
    schema = {
        "properties": {
            "a": {"type": "string", "not": {"const": "x"}, "description": "A  letter."},
            "b": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}], "default": None},
            "c": {"type": ["integer", "string"]},
            "d": {"allOf": [{"type": "string"}, {"description": "From all."}]},
        }
    }
    made = plain(schema)["properties"]
    assert made["a"] == {"type": "string", "description": 'A letter. not: {"const": "x"}'}
    assert made["b"] == {"type": ["integer", "null"], "minimum": 1}
    assert [each["type"] for each in made["c"]["anyOf"]] == ["integer", "string"]
    assert made["d"] == {"type": "string", "description": "From all."}


def test_a_schema_of_any_size_stays_small():
    wide = {"properties": {f"p{number}": {"properties": {"x": {"type": "string"}}} for number in range(5_000)}}
    assert len(json.dumps(plain(wide))) < 40_000


def test_no_form_of_report_9_loses_a_property_or_its_type():
    two = {"a": {"type": "string", "description": "An a."}, "b": {"type": "integer"}}
    either = [{"required": ["a"]}, {"required": ["b"]}]
    for keyword, least in (("anyOf", "at least"), ("oneOf", "exactly")):
        for schema in (
            {"type": "object", "properties": two, keyword: either},
            {keyword: [{"properties": two}, *either]},
        ):
            made = plain(schema)
            assert made["properties"] == two
            assert made["description"].startswith(f"Give {least} one of these: ")
            inner = plain({"properties": {"target": {"type": "object", **schema}}})["properties"]["target"]
            assert inner["properties"] == two
    dated = plain({"properties": {"when": {"type": "string", "oneOf": [{"format": "date"}, {"format": "time"}]}}})
    assert dated["properties"]["when"]["type"] == "string"
    listed = plain({"properties": {"p": {"type": "array", "prefixItems": [{"type": "number"}, {"type": "string"}]}}})
    assert [each["type"] for each in listed["properties"]["p"]["items"]["anyOf"]] == ["number", "string"]
    assert "In this order" in listed["properties"]["p"]["description"]


def test_fixed_values_stay_values_and_many_or_whole_ones_are_said():
    modes = [{"const": "f", "title": "Fast"}, {"const": "s", "title": "Slow"}]
    made = plain({"properties": {"m": {"oneOf": modes}, "o": {"enum": [1, {"k": 2}]}, "z": {"enum": list(range(600))}}})
    assert made["properties"]["m"]["enum"] == ["f", "s"]
    assert made["properties"]["m"]["description"] == 'Either: "f": Fast; or: "s": Slow.'
    assert made["properties"]["o"] == {"description": 'One of 2: [1, {"k": 2}]'}
    assert arguments.fit(made, {"z": 599, "o": {"k": 2}}) == {"z": 599, "o": {"k": 2}}


@SLOWLY
@given(st.dictionaries(st.sampled_from("abcde"), SCHEMAS, min_size=1), SCHEMAS)
def test_no_property_at_the_root_is_lost(properties, around):
    made = plain({**around, "type": "object", "properties": properties})
    assert set(properties) <= set(made["properties"])
    assert {name for name, _ in normalise(made).properties} == set(made["properties"])
