"""Moments as people say them, in four languages, relative to a now: tomorrow at 9, halb acht, demain à 9 heures.

Days in words and dates are read by dateparser; times of the day, lengths and what is ambiguous are read here, since of
270 phrases it reads 114 rightly and 53 wrongly (docs/adr/0041). Every word has to be understood: what is left over, or
means two things, is a sentence that asks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import clock_times  # pyright: ignore[reportMissingImports] - beside this file, which Deskhand puts on the path
import days  # pyright: ignore[reportMissingImports] - likewise
import lengths  # pyright: ignore[reportMissingImports] - likewise
import numbers_in_words  # pyright: ignore[reportMissingImports] - likewise
import wording  # pyright: ignore[reportMissingImports] - likewise

LONGEST = 120
"""Characters of a moment in words."""

_EVERY = {
    "weekdays": r"every (?:week ?day|working day|workday)|(?:on )?weekdays|(?:an )?werktags?|an werktagen|jeden werktag"
    r"|(?:tous )?les jours ouvres|en semaine|(?:todos )?los dias laborables|entre semana",
    "daily": r"(?:every|each) day|daily|taglich|jeden tag|tous les jours|chaque jour|quotidiennement|diariamente"
    r"|(?:todos los|cada) dias?|every (?=morning|afternoon|evening|night)|jeden (?=morgen|abend|nachmittag|mittag)"
    r"|tous les (?=matins|soirs)|todas las (?=mananas|tardes|noches)",
    "monthly": r"(?:every|each) month|monthly|jeden monat|monatlich|tous les mois|chaque mois|cada mes|mensualmente",
    "yearly": r"(?:every|each) year|yearly|annually|jedes jahr|jahrlich|tous les ans|chaque annee|cada ano",
    "weekly": r"(?:every|each) week|weekly|jede woche|wochentlich|toutes les semaines|chaque semaine|cada semana"
    r"|(?:every|each) (?=[a-z]+day)|jeden (?=\w+tag|mittwoch)|tous les (?=\w+dis?\b|dimanches?)"
    r"|chaque (?=\w+di\b|dimanche)|(?:todos los|cada) (?=lunes|martes|miercoles|jueves|viernes|sabado|domingo)",
}
_PLURALS = (("mananas", "por la manana"), ("tardes", "por la tarde"), ("noches", "por la noche"), ("matins", "matin"),
            ("soirs", "soir"))  # fmt: skip
_MARKS = re.compile(
    r"\b(?:in|dans|dentro de|innerhalb(?: von)?|en|d'ici|after|nach|apres|for|for another|pendant|within)\b(?= \d)"
)
_FROM_NOW = re.compile(
    r"'s time\b|\b(?:from (?:now|today)|later|ab (?:jetzt|heute)|spater|plus tard|mas tarde)"
    r"\b"
)
_ARTICLES = re.compile(
    r"\b(?:an?|une?|una|eine[rmns]?|half|halben|demi\S*|media|anderthalb\S*|\S+einhalb|viertel\S*|drei\w+) "
)
_SMALL = "at on the of in um am den dem der an zum ab a au le la les de du el los las y et and for by"
_FILLERS = frozenset(_SMALL.split())
_NIGHT = 6
"""Hours of the night: nobody means them without saying so, unless they are near."""
_NEAR = timedelta(hours=4)
LONGEST_AHEAD = timedelta(days=366)


class AskError(ValueError):
    """The moment is not clear; the sentence says what to ask the person."""


@dataclass(frozen=True)
class Moment:
    """What was meant.

    Attributes:
        due: when it is, in seconds since the epoch.
        wall: by the clock on the wall; not what it shows then on a day that lacks this time.
        repeat: how often, if the words say so; else empty.
        note: what was added to the words, for the person; may be empty.
        length: in seconds, if the words are a length of less than a day.
    """

    due: float
    wall: datetime
    repeat: str = ""
    note: str = ""
    length: float = 0.0


def read(text: str, now: datetime) -> Moment:
    """Read a moment that is to come.

    Args:
        text: in words or as a date and time.
        now: an aware local time.

    Raises:
        AskError: it is past, or not clear; a sentence.
    """
    plain = numbers_in_words.plain(text)
    if not plain or len(plain) > LONGEST:
        raise _unclear(text)
    try:
        return _stamp(plain, now) or _Reading(text, plain, now).moment()
    except AskError:
        raise
    except (ValueError, OverflowError) as error:
        raise _unclear(text) from error


def _unclear(text: str) -> AskError:
    return AskError(f"“{text.strip()[:60]}” is no date and time that is clear: ask for the day and the time.")


def _stamp(plain: str, now: datetime) -> Moment | None:
    """A date and time as machines write it: 2026-12-24 18:00, with a zone or without."""
    match = re.fullmatch(
        r"(\d{4})[-/.](\d\d?)[-/.](\d\d?)[ t](\d\d?:\d\d(?::\d\d)?)(?:\.\d+)?( ?z| ?[+-]\d\d:?\d\d)?", plain
    )
    if not match:
        return None
    year, month, day = (int(match[number]) for number in (1, 2, 3))
    hour, minute, second = (int(number) for number in f"{match[4]}:0".split(":")[:3])
    wall = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - by the clock on the wall
    if match[5]:
        zone = match[5].strip().replace("z", "+00:00")
        wall = datetime.fromisoformat(f"{wall.isoformat()}{zone}").astimezone().replace(tzinfo=None)
    return _to_come(wall, now)


def _to_come(wall: datetime, now: datetime, repeat: str = "", note: str = "") -> Moment:
    if wall - now.replace(tzinfo=None) > LONGEST_AHEAD:
        raise AskError("A reminder can't be further away than a year.")
    for again in (wall, wall.replace(fold=1)):  # a time that the clock shows twice that night: the one to come
        if again.timestamp() > now.timestamp():
            there = datetime.fromtimestamp(again.timestamp())  # noqa: DTZ006 - likewise
            lacking = there.replace(fold=0) != wall.replace(fold=0)
            missing = f"that day lacks {wording.time(wall)}, for the clocks go forward" if lacking else ""
            return Moment(again.timestamp(), wall.replace(fold=0), repeat, "; ".join(filter(None, (note, missing))))
    raise AskError(f"That was {wording.moment(wall, now)}, which has passed: ask which day is meant.")


class _Reading:
    """One text while it is read: what was found is taken out of ``rest``."""

    def __init__(self, text: str, plain: str, now: datetime) -> None:
        self._text = text
        self._weekly = False
        self._now = now
        self._here = now.replace(tzinfo=None)
        self._repeat, plain = _repeat(plain)
        plain = re.sub(r"^\+ ?(?=\d)", "", plain)
        self._rest = re.sub(
            r"\bla una\b", "la 1", numbers_in_words.digits(re.sub(r"\b([ap])\.? ?m\b\.?", r"\1m", plain))
        )

    def moment(self) -> Moment:
        length = self._length()
        self._rest, modifiers = days.modifiers(self._rest)
        self._weekly = modifiers.weekday is not None and not modifiers.this
        part, self._rest = clock_times.part_of(self._rest)
        time, self._rest = clock_times.find(self._rest)
        if time is None and (part or modifiers):
            time = self._number()
        day = self._day(modifiers, length)
        if length and length.seconds:
            if time or part or day:
                raise _unclear(self._text)
            return self._after(length)
        if length and day is None:
            day = lengths.after(length, self._here).date()
            if time is None and part is None:
                return _to_come(datetime.combine(day, self._here.time()), self._now, self._repeat)
        if time is None:
            return self._without_time(day, part)
        return self._at(day, time, part)

    def _length(self) -> lengths.Length | None:
        """A length, which is taken out; 9h30 and sept heures et demie are times unless something says otherwise."""
        marked = bool(_MARKS.search(_ARTICLES.sub("1 ", self._rest)))
        marked = marked or bool(_FROM_NOW.search(self._rest) or re.search(r"\dh ?\d+ ?m|\d ?h(?:ou)?rs?\b", self._rest))
        if not marked and re.search(r"\d ?h(?:eures?)?\b|\d{1,2}h\d\d", self._rest):
            bare = re.fullmatch(r"(\d{1,2}) ?h(?:eures?)? ?(\d\d|et demie)?", self._rest)
            if not bare or int(bare[1]) > _NIGHT or "heure" in self._rest:
                if bare and int(bare[1]) <= _NIGHT and "heure" in self._rest:
                    raise AskError(f"“{self._text.strip()}” can be a length or a time: ask which.")
                return None
        text = lengths.prepared(self._rest)
        found = lengths.find(text)
        if found is None:
            return None
        if not marked and found.start and re.search(r"\b(?:past|to|vor|nach|before|after)\b", text[found.end :]):
            return None
        if not marked and re.search(r"\d+ (?:minutes?|minuten) (?:past|to|before|after|vor|nach)\b", text):
            return None
        if found.seconds + found.days + found.months <= 0 or text[: found.start].rstrip().endswith("-"):
            raise _unclear(self._text)
        self._rest = _FROM_NOW.sub(" ", _MARKS.sub(" ", f"{text[: found.start]} {text[found.end :]}"))
        self._rest = re.sub(r"\b(?:in|dans|dentro|innerhalb|en|d'ici|after|nach|for|within|pendant)\b", " ", self._rest)
        return found

    def _number(self) -> clock_times.ClockTime | None:
        """A bare number beside a day or a part of it, which is an hour: 9 tomorrow morning."""
        match = re.search(r"(?<![\w.:/-])(\d{1,2})(?![\w.:/-])", self._rest)
        if match is None or days.holds_month(self._rest):
            return None
        self._rest = f"{self._rest[: match.start()]} {self._rest[match.end() :]}"
        return clock_times.ClockTime(int(match[1])) if int(match[1]) <= 24 else None

    def _after(self, length: lengths.Length) -> Moment:
        start = self._here
        if length.days or length.months:
            start = lengths.after(replace(length, seconds=0), start)
        due = start.timestamp() + length.seconds if start != self._here else self._now.timestamp() + length.seconds
        wall = datetime.fromtimestamp(due)  # noqa: DTZ006 - the clock on the wall
        whole = length.seconds if start == self._here else 0.0
        if due - self._now.timestamp() > LONGEST_AHEAD.total_seconds():
            raise AskError("A reminder can't be further away than a year.")
        return Moment(due, wall, self._repeat, length=whole)

    def _day(self, modifiers: days.Modifiers, length: lengths.Length | None) -> date | None:
        rest = " ".join(self._rest.replace(",", " ").split())
        if not rest and not modifiers:
            return None
        words = [word for word in rest.split() if word not in _FILLERS and not (length and word == "from")]
        if not words and not modifiers:
            return None
        found = days.find(" ".join(words), modifiers, self._here.date())
        if found is None or (length and not modifiers):
            raise _unclear(self._text)
        if isinstance(found, str):
            raise AskError(found)
        if length:
            found = lengths.after(length, datetime.combine(found, self._here.time())).date()
        return found

    def _without_time(self, day: date | None, part: clock_times.Part | None) -> Moment:
        if day is None or part not in {None, "morning"}:
            raise AskError(f"“{self._text.strip()[:60]}” names no time: ask at what time.")
        wall = datetime.combine(day, datetime.min.time()).replace(hour=9)
        if wall <= self._here:
            raise AskError(f"“{self._text.strip()[:60]}” names no time: ask at what time.")
        return _to_come(wall, self._now, self._repeat, "no time was given")

    def _at(self, day: date | None, time: clock_times.ClockTime, part: clock_times.Part | None) -> Moment:
        if part is not None:
            time, later = _within(time, part)
            if day is not None:
                return self._on(day, time, later)
        if self._repeat and not time.sure:
            time = self._by_day(day or self._here.date() + timedelta(days=1), time)
        if day is not None:
            return self._on(day, self._by_day(day, time), 0)
        return self._next(time)

    def _on(self, day: date, time: clock_times.ClockTime, later: int) -> Moment:
        wall = self._wall(day, time, later)
        passed = max(wall.timestamp(), wall.replace(fold=1).timestamp()) <= self._now.timestamp()
        if passed and day == self._here.date() and self._weekly:
            wall += timedelta(days=7)
        elif passed and day == self._here.date():
            raise AskError(f"Today {wording.time(wall)} has passed: ask whether tomorrow is meant.")
        return _to_come(wall, self._now, self._repeat)

    @staticmethod
    def _wall(day: date, time: clock_times.ClockTime, later: int) -> datetime:
        return datetime.combine(day, datetime.min.time()) + timedelta(days=later, seconds=time.seconds)

    def _by_day(self, day: date, time: clock_times.ClockTime) -> clock_times.ClockTime:
        """The half of the day that is meant on a named day: by day, and on this one what is to come."""
        if time.hour == 24 and day != self._here.date():
            raise AskError("Midnight begins one day and ends another: ask which night is meant.")
        if time.sure:
            return time
        twelve = replace(time, hour=time.hour % 12)
        halves = [replace(twelve, hour=twelve.hour + 12 * half) for half in (0, 1)]
        if day == self._here.date() and not self._repeat:
            to_come = [each for each in halves if self._wall(day, each, 0) > self._here]
            by_day = [each for each in to_come if each.hour >= _NIGHT] or to_come
            return by_day[0] if by_day else halves[1]
        if time.hour == 12:
            return replace(halves[1], sure=True)
        if time.hour <= _NIGHT:
            said = " or ".join(wording.time(self._wall(day, each, 0)) for each in halves)
            raise AskError(f"“{self._text.strip()[:60]}” can be {said}: ask which.")
        return replace(halves[0], sure=True)

    def _next(self, time: clock_times.ClockTime) -> Moment:
        """The next time that the clock shows it; a clock with a face shows most times twice a day."""
        today = self._here.date()
        hours = [time.hour] if time.sure else [time.hour % 12, time.hour % 12 + 12]
        walls = sorted(
            self._wall(today + timedelta(n), replace(time, hour=hour), 0) for n in (-1, 0, 1) for hour in hours
        )
        wall = next(
            wall for wall in walls if max(wall.timestamp(), wall.replace(fold=1).timestamp()) > self._now.timestamp()
        )
        if not time.sure and wall.hour < _NIGHT and wall - self._here > _NEAR:
            said = f"{wording.moment(wall, self._now)} or {wording.moment(wall + timedelta(hours=12), self._now)}"
            raise AskError(f"“{self._text.strip()[:60]}” can be {said}: ask which.")
        return _to_come(wall, self._now, self._repeat)


def _within(time: clock_times.ClockTime, part: clock_times.Part) -> tuple[clock_times.ClockTime, int]:
    """The time in its part of the day, and how many days later: two at night is on the next.

    Raises:
        ValueError: it is not in that part.
    """
    hour, time = time.hour, replace(time, sure=True)
    late = replace(time, hour=hour + 12) if hour < 12 else time
    if part == "morning" and hour < 12:
        return time, 0
    if part == "afternoon" and 1 <= hour <= 20 and not 8 < hour < 12:
        return late, 0
    if part == "evening" and (4 <= hour < 12 or hour >= 16):
        return late, 0
    if part == "night" and (6 <= hour < 12 or hour >= 18):
        return late, 0
    if part in {"evening", "night"} and hour == 12:
        return replace(time, hour=0), 1
    if part == "night" and hour < 6:
        return time, 1
    raise ValueError("not in that part of the day")


def _repeat(plain: str) -> tuple[str, str]:
    for repeat, pattern in _EVERY.items():
        text, count = re.subn(rf"\b(?:{pattern})(?:\b|(?<= ))", " ", plain, count=1)
        if count:
            for plural, one in _PLURALS:
                text = re.sub(rf"\b{plural}\b", one, text)
            return repeat, " ".join(
                re.sub(
                    r"\b(lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|sabado|domingo)s\b", r"\1", text
                ).split()
            )
    return "", plain
