"""Lengths of time as people say them: in an hour and a half, 1h30, anderthalb Stunden, une demi-heure, media hora."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

_UNITS = {
    "hour": r"hours?|hrs?|h|stunden?|std|heures?|horas?",
    "minute": r"minutes?|minuten|mins?|m|minutos?",
    "second": r"seconds?|secs?|s|sekunden?|sek|secondes?|segundos?|seg",
    "day": r"days?|d|tage?n?|jours?|dias?",
    "week": r"weeks?|wochen?|semaines?|semanas?",
    "month": r"months?|monate?n?|mois|mes(?:es)?",
    "year": r"years?|jahre?n?|ans?|annees?|anos?",
}
_SECONDS = {"hour": 3600, "minute": 60, "second": 1}
_ONE = r"(?:an?|une?|eine[rmns]?|ein|una?|one|1)"
_A = re.compile(rf"\b{_ONE} (?=(?:{'|'.join(_UNITS.values())})\b)")
_HALVES = (
    (rf"\b{_ONE} (?:hour|heure|hora|stunde) (?:and a half|et demie?|y media|und (?:eine )?halbe?)\b", "1.5 hour"),
    (r"\b(\d+) (?:hours?|heures?|horas?) (?:and a half|et demie?|y media)\b", r"\1.5 hour"),
    (r"\b(\d+)(?: and a half|einhalb) (?:hours?|stunden)\b", r"\1.5 hour"),
    (r"\b(?:anderthalb|eineinhalb)e? stunden?\b", "1.5 hour"),
    (r"\b(?:an? )?half (?:an? )?hour\b|\b(?:eine[rn]? )?halbe[nr]? stunde\b", "0.5 hour"),
    (r"\b(?:une )?demi[- ]heure\b|\bmedia hora\b", "0.5 hour"),
    (r"\b(?:an? )?(?:3|three)[- ]quarters of an hour\b|\b(?:eine[rn]? )?dreiviertelstunde\b", "0.75 hour"),
    (r"\b3 quarts d'heure\b|\b3 cuartos de hora\b", "0.75 hour"),
    (r"\b(?:an? )?quarter (?:of an )?hour\b|\b(?:eine[rn]? )?viertelstunde\b|\b(?:un )?quart d'heure\b", "0.25 hour"),
    (r"\b(?:un )?cuarto de hora\b", "0.25 hour"),
    (r"\ba couple of (?=hours|minutes|days|weeks)", "2 "),
)
_GERMAN_NUMBERS = {
    "zwei": 2,
    "drei": 3,
    "vier": 4,
    "funf": 5,
    "sechs": 6,
    "sieben": 7,
    "acht": 8,
    "neun": 9,
    "zehn": 10,
}
_GERMAN_HALF = re.compile(rf"\b({'|'.join(_GERMAN_NUMBERS)})einhalb\b")
_QUANTITY = r"(\d+(?:[.,]\d+)?)[- ]?"
_PIECE = "|".join(f"{_QUANTITY}(?:{words})" for words in _UNITS.values())
_AND = r"(?:,? (?:and |und |et |y )?|,)"
_LENGTH = re.compile(rf"(?<![\w.:/-])(?:{_PIECE})(?:{_AND}(?:{_PIECE}))*(?![\w:/])")
_ONE_PIECE = re.compile(
    f"(?:{'|'.join(f'(?P<{unit}>{_QUANTITY}(?:{words}))' for unit, words in _UNITS.items())})(?![a-z])"
)


@dataclass(frozen=True)
class Length:
    """A length: what is counted in seconds, and what in days of the calendar.

    Attributes:
        seconds: exactly that long.
        days: of 23 to 25 hours where the clocks change.
        months: to the same day.
        start: where it begins in the text.
        end: and ends.
    """

    seconds: float = 0.0
    days: float = 0
    months: float = 0
    start: int = 0
    end: int = 0


def prepared(text: str) -> str:
    """Halves, quarters and articles as numbers of units; ``text`` is of `numbers_in_words`."""
    text = _GERMAN_HALF.sub(lambda match: f"{_GERMAN_NUMBERS[match[1]]}.5", text)
    for pattern, put in _HALVES:
        text = re.sub(pattern, put, text)
    return _A.sub("1 ", text)


def find(text: str) -> Length | None:
    """The first length in a prepared text; None if there is none. ``9h30`` is one where it can't be a time of day."""
    if match := re.search(r"(?<![\w.:])(\d{1,3})h(\d{2})(?: ?m(?:in)?)?(?!\w)", text):
        return Length(seconds=int(match[1]) * 3600 + int(match[2]) * 60, start=match.start(), end=match.end())
    match = _LENGTH.search(text)
    if match is None:
        return None
    total: dict[str, float] = {}
    for piece in _ONE_PIECE.finditer(match[0]):
        unit = next(name for name in _UNITS if piece[name])
        number = re.match(r"\d+(?:[.,]\d+)?", piece[0])
        total[unit] = total.get(unit, 0) + float(number[0].replace(",", ".") if number else 0)
    seconds = sum(total.get(unit, 0) * worth for unit, worth in _SECONDS.items())
    days = total.get("day", 0) + 7 * total.get("week", 0)
    months = total.get("month", 0) + 12 * total.get("year", 0)
    return Length(seconds, days, months, match.start(), match.end())


def after(length: Length, now: datetime) -> datetime:
    """The time on the wall after a length that is no part of a day.

    Raises:
        ValueError: it is no whole number of days or months, or too long.
    """
    if (
        length.days != int(length.days)
        or length.months != int(length.months)
        or length.days > 4000
        or length.months > 120
    ):
        raise ValueError("Give whole days, weeks or months.")
    months = now.month - 1 + int(length.months)
    year, month = now.year + months // 12, months % 12 + 1
    day = now.day
    while True:
        try:
            return now.replace(year=year, month=month, day=day) + timedelta(days=int(length.days))
        except ValueError:
            day -= 1  # a month from the 31st is the last of one that lacks it
