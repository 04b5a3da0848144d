"""What a secret looks like in text that was read off a picture: `redaction`'s forms with the mistakes of reading."""

from __future__ import annotations

import re
from typing import Literal

from deskhand.agent.safety import redaction
from deskhand.agent.safety.redaction import Secret

_DASHES = str.maketrans("—–−‐‑一：＝；＿＠／﹣", "------:=;_@/-")
BULLETS = re.compile(r"[●•∙·⬤◦○*]{4,}")
_BLOBS = re.compile(r"[●•∙·⬤◦○*.…oO0○°]+")
"""What rows of bullets are read as: also as zeros and dots."""


def _read(words: str) -> str:
    """A pattern that also takes what reading makes of its letters: zeros for o, ones for l and i, blanks for _."""
    return re.sub(
        r"(?<![\\\[])[oil](?![^\[]*\])", lambda each: {"o": "[o0]+", "i": "[i1l]", "l": "[li1]"}[each[0]], words
    )


_WORD = _read(
    r"pass(?:word|wd|phrase|code|wort| ?phrase)|kennwort|kennsatz|pwd|mot de passe|contraseña|wachtwoord|senha|"
    r"secret|api[ _-]?(?:key|token|secret)|access[ _-]?(?:key|token)|secret[ _-]?key|private[ _-]?key|token|"
    r"client[ _-]?secret|auth[ _-]?token|security[ _-]?code|sicherheitscode|recovery[ _-]?code"
)
_SHORT = r"pin(?:[ -]?code|[ -]?nummer)?|puk|cvc2?|cvv2?|tan|prüfziffer|kartenprüfnummer"
_LABEL = re.compile(rf"(?i)\W*(?:[\w-]+\s+){{0,3}}[\w-]*(?:{_WORD})(?:\s*\([^)]*\))?\s*[*:]*\s*")
_LABEL_OF_DIGITS = re.compile(rf"(?i)\W*(?:[\w-]+[\s-]+){{0,2}}(?:{_SHORT})(?:\s*\([^)]*\))?\s*[*:]*\s*")
_BESIDE = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?i)(?<![\w-])(?:{_SHORT})\s*(?:[:=#]|\bis\b|\bist\b|lautet)?\s*(?P<value>\d{{3,8}})(?![\w/.,-])",
        (
            rf"(?i)(?:{_WORD})(?:\s+(?:for|für)\s[^:=]{{1,40}}:|\s+(?:is|ist|lautet)\b:?|[\"']?\s*[:=])\s*"
            r"[\"'“„]?(?P<value><[^>]*>|[^\s\"'“”,;]{4,})"
        ),
    )
)
"""Values in one line with their names."""
_MISREAD = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("key", r"\bA[KX][I1l|]A[A-Z0-9][A-Za-z0-9]{13,17}\b"),
        ("key", r"\bA[Il1|]za[\w-][\w -]{28,34}[\w-]"),
        ("key", r"\b(?:gh[pousr][ _-]?|github[ _]pat[ _]|glpat[ -]|npm[ _]|hf[ _])[A-Za-z0-9][\w-]{18,}"),
        ("key", r"\b[sprS][kK][ _-](?:[l1I][i1l]ve|test|ant|pr[o0]j|[o0]r)[ _-]?[\w-]{16,}"),
        ("key", r"\bx[o0]x[abeprs][ -][\w-]{10,}"),
        ("token", r"\bey[JjIl]\w[\w-]{7,}[. ]{1,2}ey[JjIl]\w[\w-]{7,}(?:[. ]{1,2}[\w-]{8,})?"),
    )
)
"""Forms of `redaction` as they are read: I, l and 1 alike, a blank for an underscore, parts that are lost."""
_ORDINARY = re.compile(
    r"(?i)(?:show|hide|forgot|forgotten|change|changed|reset|edit|copy|copied|required|optional|anzeigen|ändern|"
    r"geändert|vergessen|kopieren|anmelden|login|next|weiter|submit|cancel|abbrechen|save|speichern|invalid|wrong|"
    r"username|benutzername|email|e-mail|none|null|true|false|never|nie|enter|repeat|confirm|strong|weak|expired|"
    r"unchanged|set|<[^>]*>|\$\{?\w+\}?|\d{1,2}\.\d{1,2}\.\d{2,4}|\d{4}-\d\d-\d\d|[^\W\d]+\?)[.!…]?"
)


def plain(text: str) -> str:
    """The text with plain dashes and colons for what those are read as in other scripts; as long."""
    return text.translate(_DASHES)


def is_dots(text: str) -> bool:
    """Whether it is a row of bullets, or what one is read as."""
    return bool(_BLOBS.fullmatch(text.replace(" ", "")))


def label(text: str) -> Literal["", "word", "digits"]:
    """Whether it names a secret that stands beside it or below it, of digits (a PIN) or of any characters."""
    if _LABEL_OF_DIGITS.fullmatch(text):
        return "digits"
    return "word" if _LABEL.fullmatch(text) else ""


def in_row(text: str) -> list[Secret]:
    """Secrets of one row, by their form or by their name in front of them."""
    values = [match for form in _BESIDE for match in form.finditer(text) if not _ORDINARY.fullmatch(match["value"])]
    beside = [Secret(*match.span("value"), "password") for match in values]
    return [*formed(text), *beside]


def formed(text: str) -> list[Secret]:
    """Secrets by their form alone, and what `redaction` finds."""
    misread = [Secret(*match.span(), kind) for kind, form in _MISREAD for match in form.finditer(text)]
    return [*redaction.find(text, misread=True), *misread]


def is_value(text: str, *, digits: bool) -> bool:
    """Whether it may be what a label names: one word, as passwords are, and no sentence below a heading."""
    if is_dots(text):
        return True
    if digits:
        return bool(re.fullmatch(r"\d(?:[ -]?\d){2,7}", text))
    ordinary = _ORDINARY.fullmatch(text) or label(text)
    words = text.split()
    return len(text) >= 4 and not ordinary and (len(words) == 1 or (len(words) == 2 and bool(re.search(r"\d", text))))
