"""Which note is meant: the note about milk, the last one, number 2, yesterday's; and words in any of their forms."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Protocol, TypeVar

_NEWEST = re.compile(r"\b(?:last|latest|newest|most recent|letzte[nrs]?|neueste[nrs]?|derniere?|ultim[ao]|recent)\b")
_OLDEST = re.compile(r"\b(?:oldest|alteste[nrs]?|plus ancienne?|mas antigu[ao])\b")
_ORDINALS = (
    r"first|1st|erste[nrs]?|premiere?|primer[ao]?",
    r"second|2nd|zweite[nrs]?|deuxieme|segund[ao]",
    r"third|3rd|dritte[nrs]?|troisieme|tercer[ao]?",
    r"fourth|4th|vierte[nrs]?|quatrieme|cuart[ao]",
    r"fifth|5th|funfte[nrs]?|cinquieme|quint[ao]",
)
_DAYS = (
    (r"yesterday(?:'s|s)?|gestern|gestrige[nrs]?|hier|ayer", 1),
    (r"today(?:'s|s)?|heute|heutige[nrs]?|aujourd'hui|hoy", 0),
)
_ENGLISH = """the a an my that this those it one ones of for about to with called named please note notes i wrote
written on from saying says where all every both"""
_GERMAN = "der die das den dem mein meine meinen fur mit von notiz notizen uber an vom zu zur eine einen es alle beide"
_FRENCH = "le la les l un une mon ma mes pour de des du note notes sur avec a au tout tous toutes"
_SPANISH = "el los las lo mi mis para del nota notas sobre con todas todos"
_FILLERS = frozenset(word for words in (_ENGLISH, _GERMAN, _FRENCH, _SPANISH) for word in words.split())
MOST_NAMED = 6


class Note(Protocol):
    """A note, as far as it is told from others."""

    @property
    def when(self) -> str:
        """When it was written, as its heading says it."""
        ...

    @property
    def text(self) -> str:
        """What it says."""
        ...


N = TypeVar("N", bound=Note)


def folded(text: str) -> str:
    """A text without regard to case and to how its letters are composed; accents and symbols stay what they are.

    Unicode 3.13 (canonical caseless match), and the two letters i of Turkish as one.
    """
    plain = unicodedata.normalize("NFD", unicodedata.normalize("NFD", text).casefold())
    return unicodedata.normalize("NFC", plain.replace("i\u0307", "i").replace("ı", "i"))


def has(text: str, words: Sequence[str]) -> bool:
    """Whether a text has all of the folded words."""
    whole = folded(text)
    return all(word in whole for word in words)


def choose(words: str, notes: Sequence[N], today: date) -> N:
    """The one that the words mean.

    Args:
        words: the person's.
        notes: the newest first.
        today: the day.

    Raises:
        ValueError: none is meant or it is not clear which; a sentence that names those that can be.
    """
    if not notes:
        raise ValueError("There are no notes.")
    exact = [note for note in notes if words.strip() and folded(note.text) == folded(words.strip())]
    if exact:
        return exact[0]
    text = "".join(c for c in unicodedata.normalize("NFD", words.casefold()) if not unicodedata.combining(c))
    found, text = _by_day(notes, text, today)
    picked, rest = _by_order(found, text)
    wanted = _left(words, rest if picked is not None else text)
    found = [note for note in (found if picked is None else picked) if _bears(note, wanted)]
    if picked is not None and not found:  # “first” can be a word of the note
        found = [note for note in notes if _bears(note, _left(words, text))]
    if len(found) == 1:
        return found[0]
    named = "; ".join(f"“{line(note.text)}”" for note in (found or notes)[:MOST_NAMED])
    if not found:
        raise ValueError(f"No note is like “{words.strip()[:60]}”. The newest say: {named}.")
    raise ValueError(f"Several notes can be meant: {named}. Ask which.")


def line(text: str, most: int = 80) -> str:
    """The beginning of a note in one line."""
    whole = " ".join(text.split())
    return whole if len(whole) <= most else f"{whole[: most - 1].rstrip()}…"


def _left(words: str, bare: str) -> list[str]:
    """The words that tell, folded and with their accents, of those that are left in ``bare``, which has none."""
    known = set(re.findall(r"[\w']+", bare))
    found: list[str] = []
    for word in re.findall(r"[^\s.,;:!?\"“”„«»()]+", folded(words)):
        plain = "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))
        if plain not in _FILLERS and (plain in known or not re.fullmatch(r"[\w']+", plain)):
            found.append(word)
    return found


def _bears(note: Note, words: Sequence[str]) -> bool:
    """Whether a note has the words as such or as beginnings; in scripts without spaces anywhere."""
    whole = folded(note.text)
    return all(re.search(rf"(?<!\w){re.escape(word)}", whole) or (word >= "\u2e80" and word in whole) for word in words)


def _by_day(notes: Sequence[N], text: str, today: date) -> tuple[list[N], str]:
    for names, ago in _DAYS:
        rest, count = re.subn(rf"\b(?:{names})(?!\w)", " ", text)
        day = f"{today - timedelta(days=ago)}"
        if count and (found := [note for note in notes if note.when.startswith(day)]):
            return found, rest
    return list(notes), text


def _by_order(notes: Sequence[N], text: str) -> tuple[list[N] | None, str]:
    """The note of that place, and the words without it; None if they name no place.

    The first one can be the oldest or the first of the list: if these are two, both are meant.
    """
    if _NEWEST.search(text):
        return list(notes[:1]), _NEWEST.sub(" ", text)
    if _OLDEST.search(text):
        return list(notes[-1:]), _OLDEST.sub(" ", text)
    for place, names in enumerate(_ORDINALS):
        if re.search(rf"\b(?:{names})\b", text):
            both = [notes[0], notes[-1]] if place == 0 and len(notes) > 1 else notes[place : place + 1]
            return list(both), re.sub(rf"\b(?:{names})\b", " ", text)
    if match := re.search(r"\b(?:number|no|nummer|nr|numero)\.? ?(\d{1,3})\b|^\s*(\d{1,3})\s*$", text):
        place = int(match[1] or match[2])
        return list(notes[place - 1 : place]) if place else [], text.replace(match[0], " ")
    return None, text


def when(stamp: str, now: datetime) -> str:
    """When a note was written, in words that can be said: today at 2:43 in the morning."""
    then = datetime.fromisoformat(stamp)
    ago = (now.date() - then.date()).days
    part = "in the morning" if then.hour < 12 else "in the afternoon" if then.hour < 18 else "in the evening"
    year = f" {then.year}" if then.year != now.year else ""
    day = {0: "today", 1: "yesterday"}.get(ago, f"on {then.day} {then:%B}{year}")
    return f"{day} at {then.hour % 12 or 12}:{then.minute:02} {part}"
