"""The skill calculator: exact, safe, and one sentence for what can't be calculated."""

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
    found = call("calculator_calculate", expression=expression).value
    assert (found["result"], found["exact"]) == (result, True)
    assert found["say"].startswith(result)


def test_what_is_not_exact_says_so(call):
    third = call("calculator_calculate", expression="1/3").value
    assert third == {
        "say": "about 0.333333333333333, exactly 1/3",
        "result": "0.333333333333333",
        "exact": False,
        "fraction": "1/3",
    }
    assert call("calculator_calculate", expression="sqrt(2)").value["result"] == "1.41421356237310"[:-1]
    assert call("calculator_calculate", expression="sin(pi/2)").value["result"] == "1"


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        ("1/0", "That divides by zero."),
        ("9**9**9", "The result is too large."),
        ("10.0**5000 * 10.0**5000", "The result is too large."),
        ("exp(10000)", "The result is too large."),
        ("(-8)**0.5", "That has no real result."),
        ("log(-1)", "log can't be calculated with that."),
        ("factorial(100000)", "whole numbers from 0 to 500"),
        ("__import__('os').system('true')", "can't be calculated."),
        ("open('/etc/passwd')", "can't be calculated."),
        ("[1 for x in (1,)]", "can't be calculated."),
        ("x + 1", "no expression that can be calculated."),
        ("True + 1", "can't be calculated."),
        ("1 +", "is no expression"),
        ("", "Give an expression"),
        ("(" * 400 + "1" + ")" * 400, "Give an expression"),
        ("(" * 200 + "1" + ")" * 200, "too many brackets"),
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


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("min(1,200,3)", "1"),
        ("0x10", "16"),
        ("1,5 + 2,3", "3.8"),
        ("１２＋３", "15"),
        ("٣٫٥ + ١", "4.5"),
        ("15% of 80", "12"),
        ("17 % of 240", "40.8"),
        ("17.5% of 2,340 plus 12", "421.5"),
        ("15 Prozent von 80", "12"),
        ("15 % de 80", "12"),
        ("15% off 80", "68"),
        ("80 + 15%", "92"),
        ("200 − 25 %", "150"),
        ("10% + 5%", "0.15"),
        ("3(4+5)", "27"),
        ("(1+2)(3+4)", "21"),
        ("√16 + 2√9", "10"),
        ("6×7 − 8÷2", "38"),
        ("3 x 4", "12"),
        ("5!", "120"),
        ("3² + 2³", "17"),
        ("1½ + ¼", "1.75"),
        ("2 × 10⁻³", "0.002"),
        ("-2^2", "-4"),
        ("2^3^2", "512"),
        ("1.234,5 * 2", "2469"),
        ("1,234.5 * 2", "2469"),
        ("1.000.000 + 1", "1000001"),
        ("1,00,000 + 1", "100001"),
        ("1'234.5 + 1\u202f000", "2234.5"),
        ("max(2,5; 3)", "3"),
        ("10 mod 3", "1"),
        ("sum(1, 2, 3) / mean(1, 2, 3)", "3"),
        ("sin(90°)", "1"),
        ("2 + 2 =", "4"),
    ],
)
def test_what_people_type_is_understood(call, expression, result):
    """Report E8."""
    assert call("calculator_calculate", expression=expression).value["result"] == result


@pytest.mark.parametrize(
    "expression",
    [
        "factorial(3.5)", "3.5!", "(-3)!", "5!!", "round(1234,567)", "round(1,5)", "log(1,024)", "abs(-5,300)",
        "sqrt(1,000)", "max(1,000, 2)", "6/2(1+2)", "1/2pi", "15% 80", "1,5 + 2.5", "1.234 + 0,5", "3 4", "3 of 5",
        "1,2,3", "1..5", "①+1", "三", "2 = 3", "$5 + 3", "5 km", "half of 80", "1e999999999", "0xfg", "²", "max()",
    ],
)  # fmt: skip
def test_what_can_be_read_in_two_ways_or_none_is_a_sentence(call, expression):
    """Report E8: never a silently wrong number."""
    error = call("calculator_calculate", expression=expression).error
    assert error.endswith((".", "]"))
    assert "Error" not in error


def test_a_result_says_how_it_was_understood_where_that_is_not_plain(call):
    def said(expression):
        return call("calculator_calculate", expression=expression).value["say"]

    assert said("min(1,200,3)") == "1 (a comma parts the numbers there)"
    assert said("80 + 15%") == "92 (the percentage is of what stands before it)"
    assert said("log(100)").endswith("(the natural logarithm; log10 is the decimal one)")
    assert said("17.5% of 2,340 plus 12") == "421.5"
    told = call("calculator_convert", value=100, source="Mb", target="MB").value
    assert told["say"] == "100 Mb is 12.5 MB."
