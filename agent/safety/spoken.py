"""Words as they are heard: what is typed and what is spoken become the same words. Numbers are read in English."""

from __future__ import annotations

import re
import unicodedata

_SMALL = {
    word: number
    for number, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ]
    )
}
_TENS = {
    word: 10 * number
    for number, word in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2
    )
}
_TOKEN = re.compile(r"[^\W\d_]+|\d+")


def spelled(number: float) -> str:
    """A whole number from 1 to 99 as a word where it has one, else in digits."""
    return next((word for word, value in (_SMALL | _TENS).items() if value == number), f"{number:g}")


def words(text: str) -> list[str]:
    """The words of a text: one case, no marks between them, numbers as digits.

    ``Delete Notes-2.txt!`` and ``delete notes two t x t`` differ in spacing alone: ``notes 2 t x t``.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = re.sub(r"['’]", "", plain)
    plain = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", plain)
    plain = re.sub(r"(?<=\d)\.(?=\d)", " point ", plain)
    plain = re.sub(r"(?<![\w])[-−](?=\d)", " minus ", plain)
    plain = plain.replace("%", " percent ").replace("&", " and ")
    return _counted([_digits(token) for token in _TOKEN.findall(plain)])


def _digits(token: str) -> str:
    """Digits of any script as those of ours."""
    if not token.isdecimal():
        return token
    return "".join(str(unicodedata.decimal(char)) for char in token)


def _counted(tokens: list[str]) -> list[str]:
    found: list[str] = []
    at = 0
    while at < len(tokens):
        value, used = _number(tokens, at)
        found.append(str(value) if used else tokens[at])
        at += used or 1
    return found


def _number(tokens: list[str], at: int) -> tuple[int, int]:
    """The number whose words begin ``at``, and how many they are; none if they are no number's."""
    total, used = _below_thousand(tokens, at)
    if used and tokens[at + used : at + used + 1] == ["thousand"] and total > 0:
        rest, more = _below_thousand(tokens, at + used + 1)
        return total * 1000 + rest, used + 1 + more
    return total, used


def _below_thousand(tokens: list[str], at: int) -> tuple[int, int]:
    value, used = _below_hundred(tokens, at)
    if used and 0 < value < 10 and tokens[at + used : at + used + 1] == ["hundred"]:
        used += 1
        joined = 1 if tokens[at + used : at + used + 1] == ["and"] else 0
        rest, more = _below_hundred(tokens, at + used + joined)
        return 100 * value + rest, used + (joined + more if more else 0)
    return value, used


def _below_hundred(tokens: list[str], at: int) -> tuple[int, int]:
    word = tokens[at] if at < len(tokens) else ""
    if word in _TENS:
        unit = _SMALL.get(tokens[at + 1], 0) if at + 1 < len(tokens) else 0
        return (_TENS[word] + unit, 2) if 0 < unit < 10 else (_TENS[word], 1)
    return (_SMALL[word], 1) if word in _SMALL else (0, 0)
