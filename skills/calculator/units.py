"""Units and what they are worth, exactly; symbols are told apart by case, as mW and MW, Mb and MB, mPa and MPa.

Values are those of NIST Special Publication 811 (2008), Appendix B; all exact by definition. The calorie is the
thermochemical one, the horsepower the mechanical one, PS the metric one, the year the Julian one. Prefixes are SI's,
those of bits and bytes IEC's.
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction as F  # noqa: N817 - a table of a hundred of them
from functools import cache

_PREFIXES = {
    "T": ("tera", F(10**12)), "G": ("giga", F(10**9)), "M": ("mega", F(10**6)), "k": ("kilo", F(1000)),
    "h": ("hecto hekto", F(100)), "d": ("deci dezi", F(1, 10)), "c": ("centi zenti", F(1, 100)),
    "m": ("milli mili", F(1, 1000)), "μ": ("micro mikro", F(1, 10**6)), "u": ("", F(1, 10**6)),
    "n": ("nano", F(1, 10**9)), "p": ("pico piko", F(1, 10**12)),
}  # fmt: skip
_BINARY = {"Ki": F(2**10), "Mi": F(2**20), "Gi": F(2**30), "Ti": F(2**40)}

# Symbols that take prefixes, the prefixes, and names, which take the names of the prefixes; worth of one without any.
_PREFIXED: dict[str, tuple[tuple[str, str, str, F], ...]] = {
    "length": (("m", "TGMkhdcmμunp", "meter metre metro", F(1)),),
    "mass": (("g", "TGMkdcmμunp", "gram gramm gramme gramo", F(1, 1000)),),
    "time": (("s", "GMkmμunp", "second seconde sekunde segundo", F(1)),),
    "volume": (("l L", "Mkhdcmμun", "liter litre litro", F(1, 1000)),),
    "data": (
        ("B", "TGMk", "byte octet", F(8)), ("b bit", "TGMk", "bit", F(1)), ("o", "TGMk", "", F(8)),
    ),
    "energy": (
        ("J", "TGMkmμun", "joule julio", F(1)), ("cal", "k", "calorie kalorie caloria", F(4184, 1000)),
        ("Wh", "TGMkm", "watthour wattstunde wattheure vatiohora", F(3600)),
        ("eV", "TGMkm", "electronvolt elektronenvolt", F(1_602_176_634, 10**28)),
    ),
    "power": (("W", "TGMkmμunp", "watt vatio", F(1)),),
    "pressure": (("Pa", "GMkhmμu", "pascal", F(1)), ("bar", "km", "bar", F(10**5))),
    "frequency": (("Hz", "TGMkmμu", "hertz", F(1)),),
}  # fmt: skip

# Symbols before the bar, exactly as they are written; names behind it, without regard to case, accents and plural.
_TABLES: dict[str, dict[str, F]] = {
    "length": {
        "in | inch inche zoll pouce pulgada": F(254, 10_000), "ft | foot feet fuss": F(3048, 10_000),
        "yd | yard yarda": F(9144, 10_000), "mi | mile meile milla": F(1_609_344, 1000),
        "nmi NM sm | nauticalmile seemeile": F(1852), "au AU | astronomicalunit": F(149_597_870_700),
        "ly | lightyear lichtjahr": F(9_460_730_472_580_800), "Å | angstrom": F(1, 10**10),
    },
    "area": {
        "ha | hectare hektar hectarea": F(10**4), "ac | acre": F(40_468_564_224, 10**7), "sqm": F(1), "sqkm": F(10**6),
        "sqft": F(9_290_304, 10**8), "sqin": F(64_516, 10**8), "sqmi": F(2_589_988_110_336, 10**6),
        "sqyd": F(83_612_736, 10**8),
    },
    "volume": {
        "cc ccm": F(1, 10**6), "gal | gallon": F(3_785_411_784, 10**12), "qt | quart": F(946_352_946, 10**12),
        "pt | pint": F(473_176_473, 10**12), "| cup": F(2_365_882_365, 10**13),
        "floz | fluidounce": F(295_735_295_625, 10**16), "tbsp | tablespoon": F(1_478_676_478_125, 10**17),
        "tsp | teaspoon": F(492_892_159_375, 10**17), "| imperialgallon": F(454_609, 10**8),
        "| imperialpint": F(56_826_125, 10**11),
    },
    "mass": {
        "mcg": F(1, 10**9), "t | tonne tonelada metricton": F(1000), "lb lbs | pound": F(45_359_237, 10**8),
        "oz | ounce unze once onza": F(28_349_523_125, 10**12), "st | stone": F(635_029_318, 10**8),
        "| ton shortton": F(90_718_474, 10**5), "| longton": F(10_160_469_088, 10**7),
    },
    "time": {
        "sec secs": F(1), "min mins | minute minuto": F(60), "h hr hrs | hour stunde heure hora": F(3600),
        "d | day tag jour dia": F(86_400), "wk | week woche semaine semana": F(604_800),
        "yr | year jahr annee ano": F(31_557_600),
    },
    "speed": {"mph": F(44_704, 10**5), "kmh kph": F(5, 18), "mps": F(1), "kn kt kts | knot knoten": F(1852, 3600),
              "fps": F(3048, 10_000)},
    "data per time": {"bps": F(1), "kbps": F(10**3), "Mbps": F(10**6), "Gbps": F(10**9), "Bps": F(8),
                      "kBps": F(8000), "MBps": F(8 * 10**6), "GBps": F(8 * 10**9)},
    "data": {"KB": F(8 * 10**3), **{f"{sign}B": 8 * worth for sign, worth in _BINARY.items()},
             **{f"{sign}bit": worth for sign, worth in _BINARY.items()}},
    "energy": {"BTU Btu": F(105_505_585_262, 10**8)},
    "power": {"PS ch": F(73_549_875, 10**5), "hp HP | horsepower": F(74_569_987_158_227_022, 10**14)},
    "pressure": {
        "atm": F(101_325), "psi": F(8_896_443_230_521, 1_290_320_000), "mmHg Torr": F(101_325, 760),
    },
    "angle": {
        "° deg | degree grad grado": F(1), "| turn": F(360), "arcmin | arcminute": F(1, 60),
        "arcsec | arcsecond": F(1, 3600),
    },
    "frequency": {"rpm": F(1, 60)},
}  # fmt: skip

_REFUSED = {
    "Cal": "cal, the calorie, or kcal, the kilocalorie of food", "nM": "nm, the nanometre, or NM, the nautical mile",
    "w": "W, the watt, or week", "'": "foot or arcminute", '"': "inch or arcsecond", "a": "year or are",
}  # fmt: skip
"""What people write for two things."""

_TEMPERATURES = {
    "c": "C", "°c": "C", "celsius": "C", "centigrade": "C", "f": "F", "°f": "F", "fahrenheit": "F", "k": "K",
    "kelvin": "K", "°k": "K",
}  # fmt: skip

_SCALES = {"K": (F(1), F(0)), "C": (F(1), F(27_315, 100)), "F": (F(5, 9), F(45_967, 100))}
"""Kelvin a degree, and what is added to reach absolute zero."""

_POWERS = {"square": 2, "sq": 2, "quadrat": 2, "cubic": 3, "cu": 3, "kubik": 3}
_POWERS_BEHIND = {"carre": 2, "cuadrado": 2, "cube": 3, "cubico": 3}


def convert(value: F, source: str, target: str) -> F:
    """Convert exactly.

    Raises:
        ValueError: a unit is unknown or stands for two, or they measure different things.
    """
    warm = (_temperature_of(source), _temperature_of(target))
    if warm[0] and warm[1]:
        return _temperature(value, warm[0], warm[1])
    (kind, worth), (other, unit) = _find(source), _find(target)
    if kind != other:
        raise ValueError(f"{source} measures {kind} and {target} {other}.")
    return value * worth / unit


def _temperature_of(unit: str) -> str | None:
    name = re.sub(r"^(?:degrees?|deg|grad|degres?|grados?)\s*", "", _name(_signs(unit)), flags=re.IGNORECASE)
    return _TEMPERATURES.get(name)


def _temperature(value: F, source: str, target: str) -> F:
    (scale, zero), (other, ground) = _SCALES[source], _SCALES[target]
    if value + zero < 0:
        raise ValueError("That is below absolute zero.")
    return (value + zero) * scale / other - ground


def _signs(unit: str) -> str:
    """The same in the signs of the tables: ℃, ㎞ and ㎡ in single letters, both signs for micro as one."""
    plain = unicodedata.normalize("NFKC", unit.replace("º", "°").replace("˚", "°").replace("℃", "°C"))
    return " ".join(plain.replace("∕", "/").replace("⁄", "/").replace("µ", "μ").split()).rstrip(".")


def _name(text: str) -> str:
    """A name without regard to case and accents."""
    return "".join(c for c in unicodedata.normalize("NFD", text.casefold()) if not unicodedata.combining(c))


@cache
def _symbols() -> dict[str, tuple[str, F]]:
    """Every symbol, exactly as it is written."""
    found: dict[str, tuple[str, F]] = {}
    for kind, units in _PREFIXED.items():
        for symbols, prefixes, _, worth in units:
            for symbol in symbols.split():
                found |= {sign + symbol: (kind, _PREFIXES[sign][1] * worth) for sign in prefixes}
                found[symbol] = (kind, worth)
    for kind, table in _TABLES.items():
        for words, worth in table.items():
            found |= dict.fromkeys(words.partition("|")[0].split(), (kind, worth))
    return found


@cache
def _names() -> dict[str, tuple[str, F]]:
    """Every name, as of `_name`."""
    found: dict[str, tuple[str, F]] = {}
    for kind, units in _PREFIXED.items():
        for _, prefixes, names, worth in units:
            for name in names.split():
                found[name] = (kind, worth)
                for sign in prefixes:
                    found |= {
                        prefix + name: (kind, _PREFIXES[sign][1] * worth) for prefix in _PREFIXES[sign][0].split()
                    }
    for kind, table in _TABLES.items():
        for words, worth in table.items():
            found |= dict.fromkeys(words.partition("|")[2].split(), (kind, worth))
    return found


def _find(unit: str) -> tuple[str, F]:
    """What a unit measures, and its worth.

    Raises:
        ValueError: there is none of that name, or two whose symbols differ in case only.
    """
    text = _signs(unit)
    above, slash, below = re.sub(r"\s+(?:per|pro|por|par)\s+|(?<=[a-z])p(?=/)", "/", text).partition("/")
    if found := _one(text, unit):
        return found
    if slash and (over := _one(above.strip(), unit)) and (under := _one(below.strip(), unit)) and under[0] == "time":
        kind = "speed" if over[0] == "length" else f"{over[0]} per time"
        return kind, over[1] / under[1]
    similar = [symbol for symbol in _symbols() if symbol.casefold() == text.casefold()]
    if similar:
        raise ValueError(
            f"“{unit[:40]}” is no unit: large and small letters differ. Write {' or '.join(_told(s) for s in similar)}."
        )
    raise ValueError(f"There is no unit “{unit[:40]}” here.")


def _told(symbol: str) -> str:
    kind, worth = _symbols()[symbol]
    names = (name for name, known in _names().items() if known == (kind, worth))
    return f"{symbol} ({next(names, kind)})"


def _one(text: str, unit: str) -> tuple[str, F] | None:
    """A unit without a slash: by its symbol, its name, as a power of a length, by a symbol in other letters."""
    if text in _REFUSED:
        raise ValueError(f"“{unit[:40]}” can be {_REFUSED[text]}: write which.")
    symbols, names = _symbols(), _names()
    joined = text.replace(" ", "").replace("_", "").replace("-", "")
    if text in symbols or joined in symbols:
        return symbols[text if text in symbols else joined]
    name = _name(joined)
    for wanted in (name, *(name.removesuffix(end) for end in ("s", "es", "n", "en", "e"))):
        if len(wanted) > 2 and wanted in names:
            return names[wanted]
    if found := _power(text, unit):
        return found
    # KM, Kg and kwh are plain; nM, MM or a single letter are not.
    similar = {symbols[symbol] for symbol in symbols if symbol.casefold() == joined.casefold()}
    plain = len(joined) > 1 and joined in {joined.upper(), joined.lower(), joined.capitalize()}
    folded = next(iter(similar)) if len(similar) == 1 else None
    return folded if plain and folded and not (folded[0] == "data" and joined[-1:] in "bBoO") else None


def _power(text: str, unit: str) -> tuple[str, F] | None:
    """An area or a volume by a length: m2, ft^3, square feet, Quadratmeter, mètre carré."""
    power, rest = 0, text
    if match := re.fullmatch(r"(\D+?)\s*\^?\s*([23])", text):
        rest, power = match[1], int(match[2])
    elif match := re.fullmatch(r"(square|sq\.?|quadrat|cubic|cu\.?|kubik)[\s_]*(.+)", text, re.IGNORECASE):
        rest, power = match[2], _POWERS[match[1].casefold().rstrip(".")]
    elif match := re.fullmatch(r"(.+?)s? (carre|cuadrado|cube|cubico)s?", _name(text)):
        rest, power = match[1], _POWERS_BEHIND[match[2]]
    found = _one(rest.strip(), unit) if power and rest.strip() != text else None
    if not found or found[0] != "length":
        return None
    return ("area" if power == 2 else "volume"), found[1] ** power
