"""The skill calculator: exact, safe, and one sentence for what can't be calculated."""

from fractions import Fraction

import pytest


@pytest.fixture
def call(bundled):
    return bundled(None)


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("0.1 + 0.2", "0.3"),
        ("80 * 15 / 100", "12"),
        ("1/3 + 1/6", "0.5"),
        ("2**200", str(2**200)),
        ("2^10", "1024"),
        ("1,000 + 1", "1001"),
        ("sqrt(144)", "12"),
        ("sqrt(0.25) − 1", "-0.5"),
        ("round(2.5) + round(-2.5) + round(3.14159, 2)", "3.14"),
        ("max(1, 5, 3) % 3", "2"),
        ("-(3 - 5) * +2", "4"),
        ("factorial(20)", "2432902008176640000"),
        ("7 // 2", "3"),
        ("1e3 * 1_000", "1000000"),
    ],
)
def test_what_can_be_exact_is_exact(call, expression, result):
    assert call("calculator_calculate", expression=expression).value == {"result": result, "exact": True}


def test_what_is_not_exact_says_so(call):
    third = call("calculator_calculate", expression="1/3").value
    assert third == {"result": "0.333333333333333", "exact": False, "fraction": "1/3"}
    assert call("calculator_calculate", expression="sqrt(2)").value["result"] == "1.41421356237310"[:-1]
    assert call("calculator_calculate", expression="sin(pi/2)").value == {"result": "1", "exact": False}


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        ("1/0", "That divides by zero."),
        ("9**9**9", "The result is too large."),
        ("10.0**5000 * 10.0**5000", "The result is too large."),
        ("exp(10000)", "The result is too large."),
        ("(-8)**0.5", "That has no real result."),
        ("log(-1)", "log can't be calculated with that."),
        ("factorial(100000)", "There is no function factorial"),
        ("__import__('os').system('true')", "can't be calculated."),
        ("open('/etc/passwd')", "can't be calculated."),
        ("[1 for x in (1,)]", "can't be calculated."),
        ("x + 1", "can't be calculated."),
        ("True + 1", "can't be calculated."),
        ("1 +", "is no expression"),
        ("", "Give an expression"),
        ("(" * 400 + "1" + ")" * 400, "Give an expression"),
        ("f(1)", "There is no function f;"),
    ],
)
def test_what_can_not_be_calculated_is_a_sentence(call, expression, error):
    assert error in call("calculator_calculate", expression=expression).error


@pytest.mark.parametrize(
    ("value", "source", "target", "result"),
    [
        (1, "mile", "km", "1.609344"),
        (100, "°F", "°C", "37.7777777777778"),
        (-40, "C", "F", "-40"),
        (0, "Celsius", "Kelvin", "273.15"),
        (10, "GB", "GiB", "9.31322574615478515625"),
        (1, "Mbit", "kB", "125"),
        (5, "feet", "inches", "60"),
        (1, "fluid ounce", "ml", "29.5735295625"),
        (36, "km/h", "m/s", "10"),
        (1, "kWh", "J", "3600000"),
        (1, "hour", "minutes", "60"),
        (0.1, "m", "cm", "10"),
        (1, "acre", "m²", "4046.8564224"),
    ],
)
def test_units_are_converted_exactly(call, value, source, target, result):
    found = call("calculator_convert", value=value, source=source, target=target).value
    assert (found["result"], found["unit"]) == (result, target)


def test_units_that_do_not_fit_are_said(call):
    assert call("calculator_convert", value=1, source="kg", target="m").error == "kg measures mass and m length."
    assert "no unit “parsnip”" in call("calculator_convert", value=1, source="parsnip", target="m").error


def test_every_unit_stands_for_one_thing():
    import importlib.util
    from pathlib import Path

    file = Path(__file__).parents[2] / "skills" / "calculator" / "units.py"
    spec = importlib.util.spec_from_file_location("calculator_units", file)
    assert spec is not None
    assert spec.loader is not None
    units = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(units)
    names = [name for table in units._TABLES.values() for words in table for name in words.split()]
    assert len(names) == len(set(names))
    for table in units._TABLES.values():
        first, *rest = (words.split()[0] for words in table)
        for name in rest:
            there = units.convert(Fraction(7, 3), first, name)
            assert units.convert(there, name, first) == Fraction(7, 3)
