"""Numbers, expressions and units in all their forms: right, or a sentence; never another number."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.skills.conftest import skill_module

tools = skill_module("calculator", "tools")
units = skill_module("calculator", "units")

SIGNS = {"+": "+＋", "-": "-−–", "*": "*×·✕", "/": "/÷"}
DIGITS = ("0123456789", "０１２３４５６７８９", "٠١٢٣٤٥٦٧٨٩")


def value(expression: str) -> Fraction | float:
    told = tools.calculate(expression)
    return (
        Fraction(told.get("fraction", told["result"])) if told["exact"] or "fraction" in told else float(told["result"])
    )


@st.composite
def numbers(draw: st.DrawFn, style: str) -> tuple[str, Fraction]:
    """A number as ``style`` writes it: thousands, decimal sign."""
    thousands, point = {"en": (",", "."), "de": (".", ","), "ch": ("’", "."), "fr": ("\u202f", ","), "py": ("", ".")}[
        style
    ]
    whole = draw(st.integers(0, 10**7))
    part = draw(st.text("0123456789", min_size=1, max_size=5))
    assume(style in {"en", "py", "ch"} or len(part) != 3)
    grouped = f"{whole:,}".replace(",", thousands)
    digits = draw(st.sampled_from(DIGITS))
    return f"{grouped}{point}{part}".translate(str.maketrans("0123456789", digits)), Fraction(f"{whole}.{part}")


@st.composite
def sums(draw: st.DrawFn) -> tuple[str, Fraction]:
    """Terms of one style between signs of any kind."""
    style = draw(st.sampled_from(["en", "de", "ch", "fr", "py"]))
    text, total = draw(numbers(style))
    for _ in range(draw(st.integers(0, 3))):
        further, amount = draw(numbers(style))
        sign = draw(st.sampled_from("+-"))
        text += f" {draw(st.sampled_from(SIGNS[sign]))} {further}"
        total += amount if sign == "+" else -amount
    return text, total


@settings(deadline=None)
@given(sums())
def test_sums_of_numbers_of_any_country_are_right(case):
    text, total = case
    assert value(text) == total


@settings(deadline=None)
@given(st.recursive(
    st.integers(0, 99).map(lambda n: (str(n), Fraction(n))),
    lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner, st.integers(0, 3)).map(
        lambda t: (
            f"({t[0][0]} {SIGNS[t[1]][t[3] % len(SIGNS[t[1]])]} {t[2][0]})",
            None if None in (t[0][1], t[2][1]) or (t[1] == "/" and t[2][1] == 0) else {
                "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b,
            }[t[1]](t[0][1], t[2][1]),
        )
    ),
    max_leaves=12,
))  # fmt: skip
def test_trees_are_walked_rightly(case):
    text, right = case
    if right is None:
        with pytest.raises(ValueError, match="divides by zero"):
            value(text)
    else:
        told = tools.calculate(text)
        assert (
            Fraction(told["result"]) == right
            if told["exact"]
            else abs(float(told["result"]) - right) <= abs(right) / 10**13
        )


@settings(deadline=None, max_examples=300)
@given(st.text(st.sampled_from("0123456789.,;'+-*/^%!()√°πeExX ofmaxlogmin½²③一,０％\u202f=&|~[]\"\\"), max_size=40))
def test_whatever_is_typed_is_a_number_or_a_sentence(text):
    sentence = "."
    try:
        assert tools.calculate(text)["result"]
    except ValueError as error:
        sentence = str(error)
    assert sentence.endswith(".")


def test_every_symbol_and_name_stands_for_one_thing():
    symbols = [
        prefix + symbol
        for each in units._PREFIXED.values()
        for written, prefixes, _, _ in each
        for symbol in written.split()
        for prefix in ("", *prefixes)
    ]
    symbols += [
        symbol for table in units._TABLES.values() for words in table for symbol in words.partition("|")[0].split()
    ]
    names = [name for table in units._TABLES.values() for words in table for name in words.partition("|")[2].split()]
    names += [n for each in units._PREFIXED.values() for *_, written, _ in each for n in written.split()]
    assert len(symbols) == len(set(symbols)), sorted(s for s in symbols if symbols.count(s) > 1)
    assert len(names) == len(set(names)), sorted(s for s in names if names.count(s) > 1)
    assert not {
        name for name in units._names() if (found := units._symbols().get(name)) and found != units._names()[name]
    }


def test_units_go_there_and_back():
    by_kind: dict[str, list[str]] = {}
    for symbol, (kind, _) in units._symbols().items():
        by_kind.setdefault(kind, []).append(symbol)
    for first, *rest in by_kind.values():
        for symbol in rest:
            there = units.convert(Fraction(7, 3), first, symbol)
            assert units.convert(there, symbol, first) == Fraction(7, 3)


@settings(deadline=None, max_examples=500)
@given(st.sampled_from(sorted(units._symbols())), st.data())
def test_a_symbol_in_other_letters_is_never_another_unit(symbol, data):
    """Report 24: what stands for itself is itself; else it is refused, or the one unit of those letters."""
    written = "".join(data.draw(st.sampled_from([c.lower(), c.upper(), c])) for c in symbol)
    meant = {units._symbols()[known] for known in units._symbols() if known.casefold() == written.casefold()}
    assume(units._name(written) not in units._names())
    try:
        found = units._find(written)
    except ValueError:
        found = None
    assert found == units._symbols().get(written, found)
    assert found is None or written in units._symbols() or {found} == meant


@pytest.mark.parametrize(
    ("amount", "source", "target", "result"),
    [
        (500, "mW", "W", "0.5"), (500, "MW", "kW", "500000"), (100, "Mb", "MB", "12.5"), (8, "Gb", "GB", "1"),
        (8, "kb", "kB", "1"), (1, "Mg", "kg", "1000"), (3, "mPa", "Pa", "0.003"), (3, "mJ", "J", "0.003"),
        (2, "Mm", "km", "2000"), (1, "Ms", "s", "1000000"), (1, "NM", "m", "1852"), (1, "ps", "ns", "0.001"),
        (20, "℃", "°F", "68"), (20, "ºC", "K", "293.15"), (1, "㎞", "m", "1000"), (5, "㎡", "m²", "5"),
        (2, "㎏", "g", "2000"), (1, "µm", "nm", "1000"), (1, "μm", "nm", "1000"), (1, "㎽", "W", "0.001"),
        (1, "KM", "m", "1000"), (1, "Kg", "g", "1000"), (1, "KWH", "Wh", "1000"), (5, "mL", "ml", "5"),
        (1, "Kilowattstunden", "J", "3600000"), (2, "heures", "min", "120"), (2, "horas", "min", "120"),
        (3, "Quadratmeter", "m2", "3"), (1, "square foot", "in²", "144"), (2, "mètres carrés", "m²", "2"),
        (100, "Mb/s", "MB/s", "12.5"), (60, "l/min", "l/s", "1"), (36, "km per hour", "m/s", "10"),
        (3, "MILES", "miles", "3"), (1, "cubic metre", "litres", "1000"), (1, "Mo", "kB", "1000"),
    ],
)  # fmt: skip
def test_symbols_mean_what_they_mean(amount, source, target, result):
    """Report 24."""
    assert tools.convert(amount, source, target)["result"] == result


@pytest.mark.parametrize(
    ("unit", "named"),
    [
        ("MS", "Ms"), ("MM", "mm"), ("mpa", "MPa"), ("mw", "MW"), ("gb", "Gb"), ("mb", "MB"), ("Kb", "kb"), ("M", "m"),
        ("G", "g"), ("S", "s"), ("nM", "nm"), ("H", "h"), ("Ps", "PS"), ("Cal", "kcal"), ("w", "W"), ("kM", "km"),
    ],
)  # fmt: skip
def test_what_could_be_two_units_is_a_sentence_that_names_them(unit, named):
    """Report 24."""
    with pytest.raises(ValueError, match=rf"\b{named}\b"):
        tools.convert(1, unit, unit)


def test_nothing_is_colder_than_nothing():
    with pytest.raises(ValueError, match="absolute zero"):
        tools.convert(-300, "°C", "K")
