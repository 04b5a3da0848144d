"""Numbers between bounds: the grammar matches exactly those, checked as regular expressions."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deskhand.model.language.digits import LARGEST, number
from deskhand.model.language.literals import scalar
from deskhand.model.language.shape import Kind, Shape

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy


def matches(text: str, kind: Kind, low: float | None, high: float | None) -> bool:
    """GBNF of numbers is a regular expression with quotes and blanks."""
    form = number(Shape(kind, minimum=low, maximum=high)).replace(".", r"\.").replace('"', "").replace(" ", "")
    return re.fullmatch(form, text) is not None


bounds = st.none() | st.integers(-1200, 1200) | st.integers(-(10**18), 10**18)


@CALM
@given(bounds, bounds, st.integers(-1500, 1500) | st.integers(-(10**16), 10**16))
def test_integers_are_held_to_their_bounds(low: int | None, high: int | None, value: int) -> None:
    least = -LARGEST if low is None else max(-LARGEST, low)
    most = LARGEST if high is None else min(LARGEST, high)
    # Contradictory bounds are no bounds.
    inside = least <= value <= most if least <= most else abs(value) <= LARGEST
    assert matches(str(value), "integer", low, high) == inside


@pytest.mark.parametrize(("low", "high"), [(0, 0), (1, 1000), (-5, 17), (-300, -7), (99, 101), (0.5, 9.5), (7, 7)])
def test_small_ranges_exhaustively(low: float, high: float) -> None:
    found = [value for value in range(-1111, 1112) if matches(str(value), "integer", low, high)]
    assert found == [value for value in range(-1111, 1112) if low <= value <= high]


@pytest.mark.parametrize("text", ["", "-", "-0", "00", "01", "+1", "1.", ".5", "1.50", "1e3", "1.5", "1_0", "9" * 16])
def test_other_spellings_are_no_integers(text: str) -> None:
    assert not matches(text, "integer", None, None)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        *(
            (text, True)
            for text in ("1.5", "0.0", "-0.25", "12", "0.00000000000001", "125700000000.0", "123456789012345.0")
        ),
        *((text, True) for text in ("1e3", "8.854e-12", "-1E+9", "1.6e-19", "1e-09", "9e99")),
        *(
            (text, False)
            for text in ("1.50", "00.5", "10e3", "1.0e3", "1.e3", "1e", "1e999", "0e1", "1234567890123456.0")
        ),
    ],
)
def test_fractions(text: str, good: bool) -> None:
    assert matches(text, "number", None, None) == good


def test_fractions_are_held_to_their_sign() -> None:
    assert matches("1.5", "number", 0, None)
    assert not matches("-1.5", "number", 0, None)
    assert not matches("-1", "number", 0.5, None)
    assert matches("-1.5", "number", None, -1)
    assert not matches("1", "number", None, -1)


@CALM
@given(st.floats(-99_999_999, 99_999_999).map(lambda value: round(value, 7)))
def test_what_may_be_written_is_written_back_so(value: float) -> None:
    if matches(scalar(value), "number", None, None):
        assert scalar(float(scalar(value))) == scalar(value)
    else:
        assert len(scalar(value).lstrip("-").replace(".", "")) > 14


@settings(CALM, max_examples=1000)
@given(st.floats(allow_nan=False, allow_infinity=False) | st.floats(-1e6, 1e6) | st.floats(-1e15, 1e15))
def test_any_float_of_few_digits_may_be_written(value: float) -> None:
    short = float(f"{value:.13g}")
    # From 1e15 to 1e16 they are rendered with 16 digits, of which not all are exact; a model writes an exponent there.
    if not short or 1e-99 < abs(short) < 1e15 or 1e16 <= abs(short) < 1e99:
        assert matches(scalar(short), "number", None, None), scalar(short)
