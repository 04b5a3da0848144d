import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deskhand.agent.tools.arguments import MisfitError, fit

SCHEMA = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "count": {"type": "integer"},
        "rate": {"type": "number"},
        "on": {"type": "boolean"},
        "mode": {"type": "string", "enum": ["a", "b"]},
        "words": {"type": "array", "items": {"type": "string"}},
        "maybe": {"type": ["integer", "null"]},
    },
    "required": ["text"],
}


@pytest.mark.parametrize(
    ("given_", "fitted"),
    [
        ({"count": 5.0}, {"count": 5}),
        ({"count": "5"}, {"count": 5}),
        ({"rate": "1.5"}, {"rate": 1.5}),
        ({"rate": 2}, {"rate": 2}),
        ({"on": "True"}, {"on": True}),
        ({"count": None}, {}),
        ({"maybe": 3}, {"maybe": 3}),
        ({"mode": "b", "words": ["x"]}, {"mode": "b", "words": ["x"]}),
        ({"count": 2**80}, {"count": 2**80}),
    ],
)
def test_repairs_change_the_form_and_not_the_meaning(given_, fitted):
    result = fit(SCHEMA, {"text": "t", **given_})
    assert result == {"text": "t", **fitted}
    assert [type(value) for value in result.values()] == [type(value) for value in {"text": "t", **fitted}.values()]


@pytest.mark.parametrize(
    ("given_", "reason"),
    [
        ({"text": 1}, "text must be a text"),
        ({"count": 1.5}, "whole number"),
        ({"count": True}, "whole number"),
        ({"count": "five"}, "whole number"),
        ({"count": math.inf}, "whole number"),
        ({"rate": "nan"}, "a number"),
        ({"rate": "1e999"}, "a number"),
        ({"on": 1}, "true or false"),
        ({"mode": "c"}, "one of: a, b"),
        ({"words": "x"}, "must be a list"),
        ({"words": ["x", 1]}, r"words\[1\] must be a text"),
        ({"other": 1}, "no parameter other"),
        ({"text": None}, "must be a text"),
    ],
)
def test_what_does_not_fit_is_said(given_, reason):
    with pytest.raises(MisfitError, match=reason):
        fit(SCHEMA, {"text": "t", **given_})


def test_a_missing_parameter_is_said():
    with pytest.raises(MisfitError, match="text is missing"):
        fit(SCHEMA, {})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)  # a busy machine is no fault of ours
@given(st.dictionaries(st.sampled_from([*SCHEMA["properties"], "other"]), JSON))
def test_anything_fits_or_is_refused_and_nothing_else(arguments):
    try:
        fitted = fit(SCHEMA, arguments)
    except MisfitError:
        return
    assert fit(SCHEMA, fitted) == fitted


@pytest.mark.parametrize(
    ("schema", "value", "error"),
    [
        ({"type": "integer", "minimum": 3}, 2, "a must be at least 3."),
        ({"type": "number", "exclusiveMaximum": 1}, 1.0, "a must be less than 1."),
        ({"type": "number", "maximum": 1}, "1.5", "a must be at most 1."),
        ({"type": "integer", "exclusiveMinimum": 0}, 0, "a must be more than 0."),
        ({"type": "string", "minLength": 2}, "x", "a must have at least 2 characters."),
        ({"type": "array", "items": {"type": "integer"}, "maxItems": 1}, [1, 2], "a must have at most 1 entries."),
        ({"type": "object"}, "x", "a must be an object."),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, {"k": "x"}, "a.k must be a whole number."),
    ],
)
def test_bounds_and_objects_are_checked(schema, value, error):
    with pytest.raises(MisfitError) as found:
        fit({"type": "object", "properties": {"a": schema}, "required": ["a"]}, {"a": value})
    assert str(found.value) == error
