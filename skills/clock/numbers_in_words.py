"""Numbers from nought to ninety-nine as words of English, German, French and Spanish, put into digits."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

_ENGLISH = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen"""
_ENGLISH_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_GERMAN = """null eins zwei drei vier funf sechs sieben acht neun zehn elf zwolf dreizehn vierzehn funfzehn sechzehn
siebzehn achtzehn neunzehn"""
_GERMAN_TENS = "zwanzig dreissig vierzig funfzig sechzig siebzig achtzig neunzig"
_FRENCH = """zero un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept
dix-huit dix-neuf"""
_FRENCH_TENS = "vingt trente quarante cinquante soixante"
_SPANISH = """cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciseis
diecisiete dieciocho diecinueve veinte veintiuno veintidos veintitres veinticuatro veinticinco veintiseis veintisiete
veintiocho veintinueve"""
_SPANISH_TENS = "treinta cuarenta cincuenta sesenta setenta ochenta noventa"


@cache
def _words() -> dict[str, int]:
    found = {word: number for row in (_ENGLISH, _GERMAN, _FRENCH, _SPANISH) for number, word in enumerate(row.split())}
    units = {row: row.split()[1:10] for row in (_ENGLISH, _GERMAN, _FRENCH, _SPANISH)}
    for number, ten in enumerate(_ENGLISH_TENS.split(), 2):
        found[ten] = number * 10
        found |= {f"{ten}{gap}{unit}": number * 10 + n for n, unit in enumerate(units[_ENGLISH], 1) for gap in "- "}
    for number, ten in enumerate(_GERMAN_TENS.split(), 2):
        found[ten] = number * 10
        for n, unit in enumerate(units[_GERMAN], 1):
            found[f"{unit.removesuffix('s') if n == 1 else unit}und{ten}"] = number * 10 + n
    for number, ten in enumerate(_FRENCH_TENS.split(), 2):
        found[ten] = number * 10
        found |= {f"{ten}{gap}{unit}": number * 10 + n for n, unit in enumerate(units[_FRENCH], 1) for gap in "- "}
        found |= {f"{ten}{gap}et{gap}un": number * 10 + 1 for gap in "- "}
    for number, ten in enumerate(_SPANISH_TENS.split(), 3):
        found[ten] = number * 10
        found |= {f"{ten} y {unit}": number * 10 + n for n, unit in enumerate(units[_SPANISH], 1)}
    # One of something is an article, which stands before a unit: that is for who reads units.
    return {word: number for word, number in found.items() if word not in {"un", "once"}} | {"onze": 11}


@cache
def _pattern() -> re.Pattern[str]:
    words = "|".join(sorted(map(re.escape, _words()), key=len, reverse=True))
    # 24 sept is a date; a las once is eleven.
    alone = rf"(?<![\w.])(?<!\d )(?<!\d\. )(?:{words}|(?<=las )once)(?!\w)"
    return re.compile(rf"{alone}|(?<!\w)(?:{words})(?= (?:min|sec|sek|stun|hour|heur|hora))")


def plain(text: str) -> str:
    """The same without case, accents and signs of other keyboards, in plain digits, with one space between words."""
    text = "".join(str(unicodedata.decimal(char)) if unicodedata.category(char) == "Nd" else char for char in text)
    for fraction, decimal in (("¼", ".25"), ("½", ".5"), ("¾", ".75")):
        text = re.sub(rf"(\d?)\s?{fraction}", lambda match, decimal=decimal: (match[1] or "0") + decimal, text)
    text = unicodedata.normalize("NFKC", text).casefold().replace("’", "'").replace("`", "'").replace("´", "'")
    text = "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))
    return " ".join(re.sub(r"[\u2010-\u2015\u2212]", "-", text).split()).strip(' .,!?;"“”„«»')


def digits(text: str) -> str:
    """What `plain` gives, with numbers in digits."""
    return _pattern().sub(lambda match: str(11 if match[0] == "once" else _words()[match[0]]), text)
