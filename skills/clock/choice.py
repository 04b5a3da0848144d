"""Which timer is meant: the pasta timer, the 12 minute one, the one at 7, the last one, all of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

import clock_times  # pyright: ignore[reportMissingImports] - beside this file, which Deskhand puts on the path
import days  # pyright: ignore[reportMissingImports] - likewise
import lengths  # pyright: ignore[reportMissingImports] - likewise
import numbers_in_words  # pyright: ignore[reportMissingImports] - likewise
import store  # pyright: ignore[reportMissingImports] - likewise
import wording  # pyright: ignore[reportMissingImports] - likewise

_ALL = re.compile(r"\b(?:all|every|everything|both|alle[rns]?|beide[nr]?|tout|tous|toutes|todos?|todas?|ambos)\b")
_NEWEST = re.compile(r"\b(?:latest|newest|most recent|neueste[nrs]?|jungste[nrs]?|(?:mas )?reciente|recent)\b")
_LAST = re.compile(r"\b(?:last|letzte[nrs]?|derniere?|ultim[oa])\b")
_OLDEST = re.compile(r"\b(?:oldest|alteste[nrs]?)\b")
_ORDINALS = (
    r"first|1st|next|erste[nrs]?|nachste[nrs]?|premiere?|prochaine?|primer[oa]?|proxim[oa]",
    r"second|2nd|zweite[nrs]?|deuxieme|segund[oa]",
    r"third|3rd|dritte[nrs]?|troisieme|tercer[oa]?",
    r"fourth|4th|vierte[nrs]?|quatrieme|cuart[oa]",
    r"fifth|5th|funfte[nrs]?|cinquieme|quint[oa]",
)
_ENGLISH = """the a an my that this those these it one ones them of for about to with called named please timer timers
reminder reminders alarm alarms countdown set running i at on in from and s"""
_GERMAN = """der die das den dem mein meine meinen meiner fur mit von um am es einen eine ein wecker erinnerung
erinnerungen uber an"""
_FRENCH = """le la les l un une mon ma mes pour de des du minuteur minuteurs rappel rappels alarme avec a au"""
_SPANISH = """el los las lo mi mis para del temporizador temporizadores recordatorio recordatorios alarma sobre con y"""
_FILLERS = frozenset(word for words in (_ENGLISH, _GERMAN, _FRENCH, _SPANISH) for word in words.split())
"""Words that tell no timer from another."""


def choose(words: str, every: Sequence[store.Entry], now: datetime) -> list[store.Entry]:
    """Those that the words mean: one, or all if they say so.

    Args:
        words: the person's.
        every: the next first.
        now: an aware local time.

    Raises:
        ValueError: none is meant or it is not clear which; a sentence that names those that there are.
    """
    if not every:
        raise ValueError("No timer or reminder is set.")
    wanted = words.strip().casefold()
    exact = [entry for entry in every if wanted and wanted in {entry.id, entry.label.casefold(), entry.name.casefold()}]
    if len(exact) == 1:
        return exact
    plain = re.sub(r"\bones?\b(?! (?:hour|min|sec|day))", " ", numbers_in_words.plain(words))
    text = lengths.prepared(numbers_in_words.digits(plain))
    together, text = bool(_ALL.search(text)), _ALL.sub(" ", text)
    found, text = _by_time(list(every), text, now)
    order = [entry for entry in found if _bears(entry, _left(text))]
    picked, rest = _by_order(order or found, text)
    if picked is not None and not (order and _left(text) and len(order) == 1):
        found = [entry for entry in picked if _bears(entry, _left(rest))]
    else:
        found = order
    if found and (together or len(found) == 1):
        return found
    listed = "; ".join(told(entry, now) for entry in (found or every)[:8])
    if not found:
        raise ValueError(f"None is like “{words.strip()[:60]}”. There is: {listed}.")
    raise ValueError(f"Several can be meant: {listed}. Ask which.")


def told(entry: store.Entry, now: datetime) -> str:
    """One of several, in words."""
    verb = "ends" if entry.seconds else "comes"
    often = f", {wording.OFTEN[entry.repeat]}" if entry.repeat in wording.OFTEN else ""
    return f"the {entry.name}, which {verb} {wording.moment(entry.local, now)}{often}"


def _left(text: str) -> list[str]:
    return [word for word in re.findall(r"\w+", text) if word not in _FILLERS]


def _bears(entry: store.Entry, words: Sequence[str]) -> bool:
    """Whether a label has all of the words, or their beginnings."""
    label = re.findall(r"\w+", numbers_in_words.digits(numbers_in_words.plain(entry.label)))
    kind = ["timer"] if entry.seconds else ["reminder"]
    return all(any(own.startswith(word) or word.rstrip("s") == own for own in (*label, *kind)) for word in words)


def _by_time(found: list[store.Entry], text: str, now: datetime) -> tuple[list[store.Entry], str]:
    """Those of a length, a time of the day or a day that the words name, and the words without it."""
    length = lengths.find(text)
    if length and length.seconds:
        text = f"{text[: length.start]} {text[length.end :]}"
        found = [entry for entry in found if abs(entry.seconds - length.seconds) < 1]
    rest, modifiers = days.modifiers(text)
    if modifiers.ahead is not None or modifiers.weekday is not None:
        day = days.find("", modifiers._replace(next=False), now.date())
        found, text = [entry for entry in found if entry.local.date() == day], rest
    try:
        part, rest = clock_times.part_of(text)
        time, rest = clock_times.find(rest)
    except ValueError:
        return found, text
    if time is not None:
        hours = {time.hour % 24} if time.sure else {time.hour % 12, time.hour % 12 + 12}
        hours = {hour for hour in hours if part is None or (part == "morning") == (hour < 12)}
        found = [e for e in found if e.local.hour in hours and e.local.minute == time.minute]
    return (found, rest) if time is not None else (found, text)


def _by_order(found: list[store.Entry], text: str) -> tuple[list[store.Entry] | None, str]:
    """The one of that place in the order, and the words without it; None if they name no place.

    The last one can be the one set last or the last of the list: if these are two, both are meant.
    """
    by_age = sorted(found, key=lambda entry: entry.set)
    if _NEWEST.search(text):
        return by_age[-1:], _NEWEST.sub(" ", text)
    if _OLDEST.search(text):
        return by_age[:1], _OLDEST.sub(" ", text)
    if _LAST.search(text):
        return list({entry.id: entry for entry in (*found[-1:], *by_age[-1:])}.values()), _LAST.sub(" ", text)
    for place, names in enumerate(_ORDINALS):
        if re.search(rf"\b(?:{names})\b", text):
            return found[place : place + 1], re.sub(rf"\b(?:{names})\b", " ", text)
    if match := re.search(r"\b(?:number|no|nummer|nr|numero) ?(\d)\b", text):
        return found[int(match[1]) - 1 : int(match[1])], text.replace(match[0], " ")
    return None, text
