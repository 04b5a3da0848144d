"""Numbers as people write them: 1,000.5 and 1.000,5, ١٢ and １２, 1'000, 0x10, 1½; or a sentence, never a guess."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal, InvalidOperation
from fractions import Fraction

MOST_EXPONENT = 8_000

_SPACES = "\u00a0\u202f\u2009"
"""Spaces that part thousands and nothing else."""
_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-", strict=True))
_SIGNS = {
    "×": "*", "⨯": "*", "✕": "*", "✖": "*", "⋅": "*",
    "·": "*", "∗": "*", "•": "*", "÷": "/", "∕": "/", "⁄": "/", "−": "-", "–": "-", "‐": "-",
    "٫": ".", "٬": ",", "’": "'", "٪": "%", "﹪": "%", "∶": "/", "º": "°", "˚": "°",
}  # fmt: skip

NUMERAL = re.compile(rf"(?:\d(?:[\d.,'_{_SPACES}]*\d)?\.?|\.\d[\d_]*)(?:[eE][+-]?\d+(?![\w.]))?")
"""A number with everything that may part its digits; a comma within a list of arguments is cut off before."""
_PLAIN = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_THOUSANDS = r"\d{1,3}(?:SIGN\d{3})+"
_INDIAN = r"\d{1,2}(?:,\d{2})+,\d{3}"


def plain(text: str) -> str:
    """The same in plain digits and signs: superscripts become powers, ½ a sum in brackets.

    Raises:
        ValueError: a sign stands for a number in a way that can't be calculated with.
    """
    text = re.sub(f"[{''.join(_SUPERSCRIPTS)}]+", lambda m: f"^({''.join(_SUPERSCRIPTS[c] for c in m[0])})", text)
    text = re.sub(r"(\d*)\s?([¼-¾⅐-⅞])", _vulgar, text)
    found: list[str] = []
    for char in text:
        sign = _SIGNS.get(char, char)
        if unicodedata.category(sign[:1]) == "Nd":
            found.append(str(unicodedata.decimal(sign)))
        elif unicodedata.category(sign[:1]) in {"No", "Nl"} and not "₀" <= sign <= "₉":
            raise ValueError(f"“{char}” is no number that can be calculated with: write it in digits.")
        elif sign in _SPACES:
            found.append(sign)
        else:
            folded = unicodedata.normalize("NFKC", sign)
            found.append("".join(_SIGNS.get(part, part) for part in folded))
    return "".join(found)


def _vulgar(match: re.Match[str]) -> str:
    part = Fraction(unicodedata.numeric(match[2])).limit_denominator(10)
    return f"({match[1] or 0}+{part.numerator}/{part.denominator})"


class Commas:
    """What a comma and a point mean in one expression: decided by the numbers that can be read in one way only.

    Args:
        numerals: all of the expression.
    """

    def __init__(self, numerals: list[str]) -> None:
        self._decimal_comma = any(map(_has_decimal_comma, numerals))
        self._decimal_point = any(map(_has_decimal_point, numerals))
        self._doubtful = self._decimal_comma and any(re.fullmatch(r"\d{1,3}\.\d{3}", each) for each in numerals)

    def value(self, numeral: str) -> Fraction:
        """The number; exactly as written, 0.1 is a tenth.

        Raises:
            ValueError: it can be read in two ways, or in none.
        """
        if (self._decimal_comma and self._decimal_point) or (self._doubtful and re.search("[.,]", numeral)):
            raise ValueError("Points and commas are mixed: write decimals with a point, and thousands with nothing.")
        body, mark, exponent = (
            re.split(r"([eE])", numeral, maxsplit=1) if re.search("[eE]", numeral) else (numeral, "", "")
        )
        digits = self._digits(body) + mark + exponent
        if mark and abs(int(exponent)) > MOST_EXPONENT:
            raise OverflowError
        if not _PLAIN.fullmatch(digits):
            raise ValueError(f"“{numeral}” is no number: write decimals with a point, and thousands with nothing.")
        try:
            return Fraction(Decimal(digits))
        except InvalidOperation as error:
            raise ValueError(f"“{numeral}” is no number.") from error

    def _digits(self, body: str) -> str:
        for sign in ("'", "_", *_SPACES):
            if sign in body:
                whole, _, rest = body.partition(".")
                if sign != "_" and not re.fullmatch(_THOUSANDS.replace("SIGN", re.escape(sign)), whole.split(",")[0]):
                    return ""
                body = whole.replace(sign, "") + (f".{rest}" if rest else "")
        if self._decimal_comma:
            whole, _, part = body.partition(",")
            if "." in whole and not re.fullmatch(_THOUSANDS.replace("SIGN", r"\."), whole):
                return ""
            return whole.replace(".", "") + (f".{part}" if part else "")
        if re.fullmatch(_THOUSANDS.replace("SIGN", r"\."), body) and body.count(".") > 1:
            return body.replace(".", "")
        if "," in body and not re.fullmatch(rf"(?:{_THOUSANDS.replace('SIGN', ',')}|{_INDIAN})(?:\.\d*)?", body):
            return ""
        return body.replace(",", "")


def _has_decimal_comma(numeral: str) -> bool:
    """Whether its comma can part nothing but whole and decimals."""
    body = re.split("[eE]", numeral)[0]
    whole, comma, part = body.partition(",")
    if not comma or "," in part or "." in part:
        return False
    return len(part) != 3 or not 0 < len(whole) <= 3 or whole.startswith("0") or "." in whole


def _has_decimal_point(numeral: str) -> bool:
    """Whether its point can part nothing but whole and decimals."""
    body = re.split("[eE]", numeral)[0]
    whole, point, part = body.partition(".")
    if not point or "." in part or "," in part:
        return False
    return len(part) != 3 or not 0 < len(whole) <= 3 or whole.startswith("0") or "," in whole
