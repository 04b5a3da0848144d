"""Times of the day as people say them: 7:30 pm, half past seven, halb acht, sept heures et quart, seis menos cuarto."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Part = Literal["morning", "afternoon", "evening", "night"]

_PARTS: tuple[tuple[str, Part], ...] = (
    (r"de la madrugada", "night"),
    (r"(?:in the |this |at )?mornings?|du matin|(?:ce )?matin|(?:de|por) la manana|esta manana", "morning"),
    (
        r"am morgen|morgens|(?:in der )?fruhe?|vormittags?|am vormittag|(?<=heute )morgen|(?<=@weekday )morgen",
        "morning",
    ),
    (r"(?:in the |this )?afternoon|nachmittags?|am nachmittag|de l'apres-?midi|(?:cet )?apres-?midi", "afternoon"),
    (r"(?:de|por) la tarde|esta tarde", "afternoon"),
    (r"(?:in the |this )?evening|abends?|am abend|du soir|(?:ce )?soir|(?:de|por) la noche|esta noche", "evening"),
    (r"at night|nachts?|in der nacht|de la nuit|cette nuit", "night"),
)


@dataclass(frozen=True)
class ClockTime:
    """A time of the day.

    Attributes:
        hour: 0 to 24; 24 is the midnight that ends a day.
        minute: of it.
        second: of it.
        sure: it is meant by the clock of 24 hours, and not once in the morning and once in the evening.
    """

    hour: int
    minute: int = 0
    second: int = 0
    sure: bool = False

    @property
    def seconds(self) -> int:
        """Since the day began."""
        return self.hour * 3600 + self.minute * 60 + self.second


def part_of(text: str) -> tuple[Part | None, str]:
    """The part of the day that a text names, and the text without it.

    Raises:
        ValueError: it names two.
    """
    found: list[Part] = []
    for pattern, part in _PARTS:
        text, count = re.subn(rf"(?<![\w@])(?:{pattern})(?!\w)", " ", text)
        if count:
            found.append(part)
    if len(set(found)) > 1:
        raise ValueError("two parts of the day")
    return (found[0] if found else None), text


def find(text: str) -> tuple[ClockTime | None, str]:
    """The time of the day in a text of `numbers_in_words`, and the text without it.

    Raises:
        ValueError: there are two, or one that no clock shows.
    """
    found: list[ClockTime] = []
    for pattern, read in _FORMS:
        while match := pattern.search(text):
            found.append(read(match))
            text = f"{text[: match.start()]} {text[match.end() :]}"
    if len(found) > 1 or any(not _shown(each) for each in found):
        raise ValueError("no time that a clock shows")
    return (found[0] if found else None), text


def _shown(time: ClockTime) -> bool:
    most = 24 if time.minute == time.second == 0 else 23
    return 0 <= time.hour <= most and 0 <= time.minute < 60 and 0 <= time.second < 60


def _said(match: re.Match[str], name: str) -> str:
    """A named piece; empty if the pattern has none of that name."""
    return match.groupdict().get(name) or ""


def _read(match: re.Match[str]) -> ClockTime:
    """A time by its pieces: ``hour`` and ``minute``, or how ``much`` on which ``way`` from the hour, and which half."""
    hour, half = int(match["hour"]), _said(match, "half")
    if half and not 1 <= hour <= 12:
        raise ValueError("no hour of twelve")
    # 07:30 and 10:30 are written by the clock of 24 hours, and so is 7h.
    long = len(match["hour"]) == 2 and bool(_said(match, "minute"))
    sure = not 1 <= hour <= 12 or long or match["hour"][0] == "0" or bool(_said(match, "exact"))
    minutes = int(_said(match, "minute") or 0) + _minutes(match)
    if int(_said(match, "minute") or 0) > 59 or hour > 24:
        raise ValueError("no time that a clock shows")
    total = hour * 60 + minutes
    if total < 60 <= hour * 60 and not sure:
        total += 720  # a quarter to one is by the face of a clock behind twelve
    if half:
        total = total % 720 + (720 if half == "pm" else 0)
    return ClockTime(total // 60, total % 60, int(_said(match, "second") or 0), sure=sure or bool(half))


def _noon(match: re.Match[str]) -> ClockTime:
    return ClockTime(12, _minutes(match), sure=True)


def _behind_midnight(match: re.Match[str]) -> ClockTime:
    return ClockTime(0, _minutes(match), sure=True)


def _midnight(_: re.Match[str]) -> ClockTime:
    return ClockTime(24, sure=True)


def _minutes(match: re.Match[str]) -> int:
    """How far from the hour: half past, viertel vor, moins le quart; halb and dreiviertel count up to the hour."""
    much = _said(match, "much")
    worth = 30 if much in _HALF else 15 if much in _QUARTER else int(much or 0)
    behind = worth if _said(match, "way") not in _BEFORE else -worth
    return behind - {"halb": 30, "viertel": 45, "dreiviertel": 15, "": 0}[_said(match, "upto")]


_HALF = {"half", "media", "demi", "demie"}
_QUARTER = {"quarter", "viertel", "cuarto", "quart", "le quart"}
_BEFORE = {"to", "before", "till", "vor", "moins", "menos"}

_HOUR = r"(?P<hour>\d{1,2})"
_MUCH = r"(?P<much>half|quarter|viertel|media|cuarto|demie?|(?:le )?quart|\d{1,2})"
_AMPM = r"(?: ?(?P<half>am|pm)\b)?"
_AT = r"(?:(?:at|um|gegen|ab|vers|a|around|about|by) )?"
_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], ClockTime]], ...] = tuple(
    (re.compile(rf"(?<![\w.:/@-]){pattern}(?![\w:/])"), read)
    for pattern, read in (
        (rf"(?:a )?minuit et {_MUCH}", _behind_midnight),
        (rf"(?:a )?midi et {_MUCH}", _noon),
        (r"(?:at |um |am |a |12 )?(?:noon|midday|mittags?|midi|(?:el )?mediodia)", _noon),
        (r"(?:at |um |a |12 )?(?:midnight|mitternacht|minuit|(?:la )?medianoche)", _midnight),
        (rf"{_AT}(?:a )?{_MUCH}(?: minutes?)? (?P<way>past|after|to|before|till) {_HOUR}(?: o'?clock)?{_AMPM}", _read),
        (rf"{_AT}{_HOUR}:(?P<minute>\d\d)(?::(?P<second>[0-5]\d)(?:\.\d+)?)?{_AMPM}(?P<exact> ?(?:uhr|h))?", _read),
        (rf"{_AT}{_HOUR}\.(?P<minute>\d\d)(?: ?(?P<half>am|pm)|(?P<exact> ?uhr))", _read),
        (rf"(?:um|at) {_HOUR}\.(?P<minute>\d\d)", _read),
        (rf"{_AT}{_HOUR} (?P<minute>[0-5]\d) ?(?P<half>am|pm)", _read),
        (rf"(?:at|um|a las) {_HOUR} (?P<minute>[0-5]\d)", _read),
        (rf"{_AT}{_HOUR} ?(?P<half>am|pm)", _read),
        (rf"{_AT}(?P<much>half) {_HOUR}{_AMPM}", _read),
        (rf"{_AT}{_MUCH}(?: minuten)? (?P<way>vor|nach) (?:(?P<upto>halb) )?{_HOUR}(?: uhr)?", _read),
        (rf"{_AT}(?P<upto>halb|viertel|dreiviertel) {_HOUR}(?: uhr)?", _read),
        (rf"{_AT}{_HOUR} ?h(?:eures?)? (?P<way>et|moins) {_MUCH}", _read),
        (rf"{_AT}{_HOUR}(?P<exact> ?h(?:eures?)?)(?: ?(?P<minute>\d{{1,2}}))?", _read),
        (rf"{_AT}{_HOUR} uhr(?: (?P<minute>\d{{1,2}}))?", _read),
        (rf"(?:a |sobre |hacia )?las? {_HOUR}(?: (?P<way>y|menos) {_MUCH})?(?: en punto)?", _read),
        (rf"{_AT}{_HOUR} o'?clock", _read),
        (rf"(?:at|um|gegen|vers|around|about|by) {_HOUR}", _read),
    )
)  # fmt: skip
