"""Units and what they are worth, exactly: international yard and pound, SI prefixes, IEC for bits and bytes.

Values are those of NIST Special Publication 811 (2008), Appendix B; all exact by definition. The calorie is the
thermochemical one, the horsepower the mechanical one, PS the metric one, the year the Julian one.
"""

from __future__ import annotations

from fractions import Fraction as F  # noqa: N817 - a table of a hundred of them

_TABLES: dict[str, dict[str, F]] = {
    "length": {
        "m meter metre": F(1), "km kilometer kilometre": F(1000), "dm": F(1, 10), "cm centimeter centimetre": F(1, 100),
        "mm millimeter millimetre": F(1, 1000), "µm um micrometer": F(1, 10**6), "nm nanometer": F(1, 10**9),
        "in inch inches": F(254, 10_000), "ft foot feet": F(3048, 10_000), "yd yard": F(9144, 10_000),
        "mi mile": F(1_609_344, 1000), "nmi nautical_mile": F(1852),
        "au": F(149_597_870_700), "ly": F(9_460_730_472_580_800),
    },
    "area": {
        "m2 m² sqm": F(1), "km2 km²": F(10**6), "cm2 cm²": F(1, 10**4), "mm2 mm²": F(1, 10**6), "ha hectare": F(10**4),
        "acre": F(40_468_564_224, 10**7), "sqft ft2 ft²": F(9_290_304, 10**8), "sqin in2 in²": F(64_516, 10**8),
        "sqmi mi2 mi²": F(2_589_988_110_336, 10**6), "sqyd yd2 yd²": F(83_612_736, 10**8),
    },
    "volume": {
        "m3 m³": F(1), "l liter litre": F(1, 1000), "dl": F(1, 10**4), "cl": F(1, 10**5), "ml cm3 cm³": F(1, 10**6),
        "gal gallon": F(3_785_411_784, 10**12), "qt quart": F(946_352_946, 10**12), "pt pint": F(473_176_473, 10**12),
        "cup": F(2_365_882_365, 10**13), "floz fl_oz fluid_ounce": F(295_735_295_625, 10**16),
        "tbsp tablespoon": F(1_478_676_478_125, 10**17), "tsp teaspoon": F(492_892_159_375, 10**17),
        "imperial_gallon": F(454_609, 10**8), "imperial_pint": F(56_826_125, 10**11),
        "ft3 ft³": F(28_316_846_592, 10**12),
    },
    "mass": {
        "kg kilogram": F(1), "g gram": F(1, 1000), "mg milligram": F(1, 10**6), "µg ug microgram": F(1, 10**9),
        "t tonne": F(1000), "lb lbs pound": F(45_359_237, 10**8), "oz ounce": F(28_349_523_125, 10**12),
        "st stone": F(635_029_318, 10**8), "ton short_ton": F(90_718_474, 10**5), "long_ton": F(10_160_469_088, 10**7),
    },
    "time": {
        "s sec second": F(1), "ms millisecond": F(1, 1000), "µs us": F(1, 10**6), "ns": F(1, 10**9),
        "min minute": F(60),
        "h hr hour": F(3600), "d day": F(86_400), "week": F(604_800), "year": F(31_557_600),
    },
    "speed": {
        "m/s mps": F(1), "km/h kmh kph": F(5, 18), "mph mi/h": F(44_704, 10**5), "kn knot kt": F(1852, 3600),
        "ft/s fps": F(3048, 10_000),
    },
    "data": {
        "byte bytes B": F(8), "bit bits b": F(1), "kB KB kilobyte": F(8 * 10**3), "MB megabyte": F(8 * 10**6),
        "GB gigabyte": F(8 * 10**9), "TB terabyte": F(8 * 10**12), "KiB": F(8 * 2**10), "MiB": F(8 * 2**20),
        "GiB": F(8 * 2**30), "TiB": F(8 * 2**40), "kbit": F(10**3), "Mbit": F(10**6), "Gbit": F(10**9),
    },
    "energy": {
        "J joule": F(1), "kJ": F(1000), "MJ": F(10**6), "cal calorie": F(4184, 1000), "kcal": F(4184), "Wh": F(3600),
        "kWh": F(3_600_000), "eV": F(1_602_176_634, 10**28), "BTU Btu": F(105_505_585_262, 10**8),
    },
    "power": {
        "W watt": F(1), "kW kilowatt": F(1000), "MW": F(10**6), "PS": F(73_549_875, 10**5),
        "hp horsepower": F(74_569_987_158_227_022, 10**14),
    },
    "pressure": {
        "Pa pascal": F(1), "hPa mbar": F(100), "kPa": F(1000), "bar": F(10**5), "MPa": F(10**6), "atm": F(101_325),
        "psi": F(8_896_443_230_521, 1_290_320_000), "mmHg Torr": F(101_325, 760),
    },
    "angle": {"deg degree °": F(1), "turn": F(360), "arcmin": F(1, 60), "arcsec": F(1, 3600)},
}  # fmt: skip

_TEMPERATURES = {"c": "C", "°c": "C", "celsius": "C", "f": "F", "°f": "F", "fahrenheit": "F", "k": "K", "kelvin": "K"}

_SCALES = {"K": (F(1), F(0)), "C": (F(1), F(27_315, 100)), "F": (F(5, 9), F(45_967, 100))}
"""Kelvin a degree, and what is added to reach absolute zero."""


def convert(value: F, source: str, target: str) -> F:
    """Convert exactly.

    Raises:
        ValueError: a unit is unknown, or they measure different things.
    """
    warm = (_TEMPERATURES.get(source.strip().casefold()), _TEMPERATURES.get(target.strip().casefold()))
    if warm[0] and warm[1]:
        return _temperature(value, warm[0], warm[1])
    (kind, worth), (other, unit) = _find(source), _find(target)
    if kind != other:
        raise ValueError(f"{source} measures {kind} and {target} {other}.")
    return value * worth / unit


def _temperature(value: F, source: str, target: str) -> F:
    (scale, zero), (other, ground) = _SCALES[source], _SCALES[target]
    return (value + zero) * scale / other - ground


def _find(unit: str) -> tuple[str, F]:
    """What a unit measures and its worth; as written first, since MB and Mb differ, then without case or plural."""
    name = "_".join(unit.split())
    for fold in (False, True):
        for wanted in (name, name.removesuffix("s")):
            for kind, table in _TABLES.items():
                for words, worth in table.items():
                    known = words.casefold().split() if fold else words.split()
                    if (wanted.casefold() if fold else wanted) in known:
                        return kind, worth
    raise ValueError(f"There is no unit “{unit[:40]}” here.")
