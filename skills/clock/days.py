"""Days as people say them: tomorrow, next Monday, 24 December, le 1er janvier, 24.12.; read by dateparser."""

from __future__ import annotations

import re
import warnings
from datetime import date, datetime, timedelta
from functools import cache
from typing import NamedTuple

_LANGUAGES = ["en", "de", "fr", "es"]

_RELATIVE = (
    (r"the day after tomorrow|day after tomorrow|overmorrow|ubermorgen|apres-?demain|pasado manana", 2),
    (r"tomorrow|tomorow|tmrw|tmr|demain|morgen|manana", 1),
    (r"today|heute|aujourd'hui|hoy", 0),
    (r"tonight", 0),
)
_PAST = r"yesterday|last \w+|gestern|vorgestern|letzte[nrs]? \w+|hier|avant-hier|\w+ dernier|ayer|anteayer|\w+ pasado"
_WEEKDAYS = (
    r"mondays?|montags?|lundi|lunes|mon|mo",
    r"tuesdays?|dienstags?|mardi|martes|tues?|di",
    r"wednesdays?|mittwochs?|mercredi|miercoles|weds?|mi",
    r"thursdays?|donnerstags?|jeudi|jueves|thurs?|thu|do",
    r"fridays?|freitags?|vendredi|viernes|fri|fr",
    r"saturdays?|samstags?|sonnabends?|samedi|sabado|sat|sa",
    r"sundays?|sonntags?|dimanche|domingo|sun|so",
)
_NEXT = r"next|nachste[nrms]?"
_THIS = r"this coming|this|coming|kommende[nrms]?|diese[nrms]?|ce|cet|este|esta"
_NEXT_WEEK = (
    r"next week|nachste[rn]? woche|in der nachsten woche|(?:de )?la semaine prochaine|(?:de )?la semana que viene"
    r"|(?:de )?la proxima semana"
)
_COMPOUND = re.compile(
    r"\b(montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag)(morgen|vormittag|mittag|nachmittag|abend|nacht)s?\b"
)
_MONTHS = re.compile(
    r"\b(?:jan|feb|fev|mar|apr|avr|abr|mai|may|jun|juin|jul|juil|aug|aou|ago|sep|oct|okt|nov|dec|dez|dic|ene|enero)"
    r"|\d{1,2}\. ?\d|\d/\d|\b\d{4}\b"
)


class Modifiers(NamedTuple):
    """What was said about the day in words that are the same in every sentence.

    Attributes:
        ahead: days from today.
        weekday: 0 for Monday.
        next: “next” stood before it.
        this: “this” or “coming” stood before it.
        next_week: it is in the next week of the calendar.
        past: it is gone by.
    """

    ahead: int | None = None
    weekday: int | None = None
    next: bool = False
    this: bool = False
    next_week: bool = False
    past: bool = False

    def __bool__(self) -> bool:
        """Whether anything was said."""
        return self != Modifiers()


def holds_month(text: str) -> bool:
    """Whether a number in the text can be a day of a month."""
    return bool(_MONTHS.search(text))


def modifiers(text: str) -> tuple[str, Modifiers]:
    """Take out of a text of `numbers_in_words` what it says about the day, its weekday and relative words."""
    text = _COMPOUND.sub(r"\1 \2", text)
    text = re.sub(r"\b(?:tonight|ce soir|esta noche|heute nacht)\b", _tonight, text)
    text, past = re.subn(rf"\b(?:{_PAST})\b", " ", text)
    text, next_week = re.subn(rf"\b(?:{_NEXT_WEEK})\b", " ", text)
    text = re.sub(
        r"\b(?:este|ce|cet|esta|this) (?=manana|matin|tarde|apres|noche|soir|morning|afternoon|evening)",
        "@today ",
        text,
    )
    text = text.replace("@today manana", "today de la manana").replace("@today tarde", "today de la tarde")
    text = text.replace("@today", "today")
    text = re.sub(r"\b(de|por) la manana\b", r"\1 la manyana", text)
    ahead = weekday = None
    words = "|".join(f"(?P<d{number}>{names})" for number, names in enumerate(_WEEKDAYS))
    article = r"(?:(?:on|am|an|le|el|der|den|dem) )?"
    before = rf"{article}(?:(?P<next>{_NEXT}|proximo|el proximo|le prochain) |(?P<this>{_THIS}) )?"
    after = r"(?:(?P<after> prochain| que viene)|(?P<coming> qui vient))?"
    pattern = re.compile(rf"(?<![\w@]){before}(?:{words})\b\.?{after}(?P<morning> morgen)?")
    found = pattern.search(text)
    is_next = is_this = False
    if found:
        weekday = next(number for number in range(7) if found[f"d{number}"])
        is_next = bool(found["next"] or found["after"]) and "proximo" not in (found["next"] or "")
        is_this = bool(found["this"] or found["coming"])
        text = f"{text[: found.start()]} {'am morgen' if found['morning'] else ''} {text[found.end() :]}"
    if re.search(r"\bheute (?:morgen|fruh)\b", text):
        text = re.sub(r"\bheute (?:morgen|fruh)\b", "heute morgens", text)
    text = re.sub(r"\bam morgen\b", "morgens", text)
    for names, number in _RELATIVE:
        text, count = re.subn(rf"(?<![\w-])(?:{names})(?![\w-])", " ", text)
        ahead = number if count and ahead is None else ahead
    text = text.replace("la manyana", "la manana")
    return text, Modifiers(ahead, weekday, is_next, is_this, bool(next_week), bool(past))


def _tonight(match: re.Match[str]) -> str:
    return {
        "tonight": "today at night",
        "ce soir": "today du soir",
        "esta noche": "today por la noche",
        "heute nacht": "today nachts",
    }[match[0]]


def find(text: str, said: Modifiers, today: date) -> date | str | None:
    """The day that is meant; a sentence if it has to be asked, None if it is not understood."""
    if said.past:
        return "That day has passed: ask which day is meant."
    if said.ahead is not None:
        more = text or said.weekday is not None or said.next_week
        return None if more else today + timedelta(days=said.ahead)
    if text:
        return _dated(text, said, today)
    return None if said.weekday is None else _weekday(said.weekday, said, today)


def _weekday(weekday: int, said: Modifiers, today: date) -> date | str:
    distance = (weekday - today.weekday()) % 7
    near, far = today + timedelta(days=distance), today + timedelta(days=distance + 7)
    if said.next_week:
        return today + timedelta(days=7 - today.weekday() + weekday)
    if said.next and distance == 0:
        return far
    if said.next and today.weekday() + distance < 7:
        return f"That can be {near:%A}, {near.day} {near:%B}, or a week later, {far.day} {far:%B}: ask which."
    return near


def _dated(text: str, said: Modifiers, today: date) -> date | str | None:
    found = _numeric(text, today) or _in_words(text, today)
    if isinstance(found, date) and said.weekday is not None and found.weekday() != said.weekday:
        return f"{found.day} {found:%B} {found.year} is a {found:%A}: ask which is meant."
    return None if said.next or said.next_week else found


def _numeric(text: str, today: date) -> date | str | None:
    """24.12.2026, 24.12., 24/12/2026, 12/24/2026, 2026-12-24; two small numbers between slashes can be either way."""
    match = re.fullmatch(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})", text)
    if match:
        return date(int(match[1]), int(match[2]), int(match[3]))
    if match := re.fullmatch(r"(\d{1,2})(?:st|nd|rd|th|\.)", text):
        return _next_of_month(int(match[1]), today)
    match = re.fullmatch(r"(\d{1,2})([./-]) ?(\d{1,2})(?:[./-] ?(\d{2}|\d{4}))?\.?", text)
    if not match:
        return None
    first, second, year = int(match[1]), int(match[3]), int(match[4]) if match[4] else None
    if match[2] != "." and first <= 12 and second <= 12 and first != second:
        return f"“{text}” can be the {first}. of month {second} or the {second}. of month {first}: ask which."
    day, month = (second, first) if match[2] != "." and second > 12 else (first, second)
    if year is not None:
        return date(year + 2000 if year < 100 else year, month, day)
    return _next(day, month, today)


def _next_of_month(day: int, today: date) -> date | None:
    """The next day of that number, in this month or a later one that has it."""
    if not 1 <= day <= 31:
        return None
    found = today
    while found.day != day:
        found += timedelta(days=1)
    return found


def _next(day: int, month: int, today: date) -> date:
    """The next such day: in this year or a later one that has it."""
    for year in range(today.year, today.year + 9):
        try:
            found = date(year, month, day)
        except ValueError:
            continue
        if found >= today:
            return found
    raise ValueError("no day of any year")


def _in_words(text: str, today: date) -> date | None:
    """24 December, December 24th 2026, le 1er janvier; only where every number of the text is one of the date."""
    text = re.sub(r"\b(\d{1,2})(?:st|nd|rd|th|er|re|\.)(?!\d)", r"\1", text)
    numbers = [int(number) for number in re.findall(r"\d+", text)]
    if not numbers or len(numbers) > 2 or not re.search(r"[^\W\d]{3}", text):
        return None
    found = _parser().get_date_data(text)
    if found.date_obj is None or found.period != "day":
        return None
    meant = found.date_obj.date()
    if numbers[0] != meant.day and numbers[-1] != meant.day:
        return None
    year = next((number for number in numbers if number > 31), None)
    if year is not None:
        return meant if meant.year in {year, year + 2000} else None
    return _next(meant.day, meant.month, today) if len(numbers) == 1 else None


@cache
def _parser():  # noqa: ANN202 - a type of dateparser's, which is loaded only where a date is in words
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own about dates without a year
        from dateparser.date import DateDataParser  # noqa: PLC0415 - costs a tenth of a second

        leap = datetime(2028, 1, 1)  # noqa: DTZ001 - a year that has every day
        settings = {"RELATIVE_BASE": leap, "DATE_ORDER": "DMY", "PREFER_DAY_OF_MONTH": "first"}
        return DateDataParser(languages=_LANGUAGES, settings=settings)
