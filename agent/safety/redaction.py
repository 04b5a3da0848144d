"""Secrets in text: found by their own form or by the word before them, and painted over before anything is logged."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

LONGEST_KEPT = 4_000
"""Characters of one text that a log keeps."""

_NAMES = (
    r"pass(?:word|wd|phrase|code|wort)?|pwd|kennwort|secret|token|api[ _-]?key|access[ _-]?key|private[ _-]?key|"
    r"client[ _-]?secret|auth(?:orization)?|credentials?|cvv|cvc"
)


@dataclass(frozen=True, slots=True)
class Secret:
    """A place in a text that holds a secret.

    Attributes:
        start: index of its first character.
        end: index behind its last.
        kind: what it is, for a person.
    """

    start: int
    end: int
    kind: str


_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.DOTALL))
    for kind, pattern in (
        ("private key", r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"),
        # Published prefixes of the services' own keys, as their documentation names them.
        ("key", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
        ("key", r"\bAIza[\w-]{35}"),
        ("key", r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{22,}|glpat-[\w-]{20,}|npm_[A-Za-z0-9]{30,})"),
        ("key", r"\b(?:sk|pk|rk)[-_](?:live_|test_|ant-|proj-|or-)?[\w-]{20,}"),
        ("key", r"\b(?:xox[abeprs]-[\w-]{10,}|hf_[A-Za-z0-9]{30,}|pypi-[\w-]{40,}|SG\.[\w-]{16,}\.[\w-]{16,})"),
        ("token", r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}"),
        ("token", r"(?i:\bbearer\s+)(?P<value>[\w.~+/-]{12,}=*)"),
        ("password", r"\b[a-z][a-z0-9+.-]*://[^\s/:@]+:(?P<value>[^\s/@]+)@"),
        (
            "password",
            rf"(?i)(?<![\w])[\w-]*(?:{_NAMES})[\"']?\s*(?:[:=]|\bis\b|=>)\s*[\"']?(?P<value><[^>]*>|[^\s\"',;]{{4,}})",
        ),
        ("password", rf"(?i)--?(?:{_NAMES})[ =](?P<value>[^\s\"',;-][^\s\"',;]{{3,}})"),
    )
)

_CARD = re.compile(r"(?<![\d.])(?:\d[ -]?){12,18}\d(?![\d.]?\d)")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4}){3,8}\b")
_MAIL = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")
_NAMED = re.compile(rf"(?i)(?:^|[^a-z])(?:{_NAMES})$")
_PLACEHOLDER = re.compile(r"(?i)[*•·xX.…]+|<[^>]*>|\$\{?\w+\}?|none|null|true|false|required|invalid|incorrect|wrong")


def find(text: str, *, mail: bool = False) -> list[Secret]:
    """Every secret of a text, in order, none inside another.

    Args:
        text: of any length.
        mail: whether addresses of e-mail count.
    """
    found: list[Secret] = []
    for kind, form in _FORMS:
        for match in form.finditer(text):
            span = match.span("value") if "value" in form.groupindex else match.span()
            if not _PLACEHOLDER.fullmatch(text[slice(*span)]):
                found.append(Secret(*span, kind))
    found += [Secret(*match.span(), "card") for match in _CARD.finditer(text) if _is_card(match.group())]
    found += [Secret(*span, "account") for match in _IBAN.finditer(text) if (span := _account(match))]
    found += [Secret(*match.span(), "address") for match in _MAIL.finditer(text)] if mail else []
    return _apart(found)


def redact(text: str, *, mail: bool = False) -> str:
    """The text with ``⟨key⟩``, ``⟨password⟩`` … in place of every secret."""
    out: list[str] = []
    at = 0
    for secret in find(text, mail=mail):
        out += [text[at : secret.start], f"⟨{secret.kind}⟩"]
        at = secret.end
    return "".join([*out, text[at:]])


def for_log(value: Any, longest: int = LONGEST_KEPT) -> Any:  # noqa: ANN401 - a JSON value
    """A JSON value that may be logged: without secrets, long texts cut, and nothing kept under a secret's name."""
    match value:
        case str():
            text = redact(value)
            return text if len(text) <= longest else f"{text[:longest]}… ({len(text)} characters)"
        case Mapping():
            entries = cast("Mapping[Any, Any]", value)
            return {
                redact(str(key)): "⟨password⟩" if entry and _NAMED.search(str(key)) else for_log(entry, longest)
                for key, entry in entries.items()
            }
        case list() | tuple():
            return [for_log(entry, longest) for entry in cast("Sequence[Any]", value)]
        case int() if _is_card(str(value)):
            return "⟨card⟩"
        case _:
            return value


def _is_card(text: str) -> bool:
    """Whether digits are a card's number: its length, its first digit and its check digit (ISO/IEC 7812, Luhn)."""
    digits = [int(character) for character in text if character.isdigit()]
    if not 13 <= len(digits) <= 19 or digits[0] not in {3, 4, 5, 6} or len(set(digits)) < 2:
        return False
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(digits[-1::-2])) % 10 == 0


def _account(match: re.Match[str]) -> tuple[int, int] | None:
    """Where an account's number is whose check digits are right (ISO 13616, modulo 97).

    Words in capitals may follow it: the longest beginning that checks is taken.
    """
    text = match.group()
    for end in range(len(text), 14, -1):
        compact = text[:end].replace(" ", "")
        if text[end - 1] != " " and 15 <= len(compact) <= 34 and _checks(compact):
            return match.start(), match.start() + end
    return None


def _checks(iban: str) -> bool:
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97 == 1


def _apart(found: Sequence[Secret]) -> list[Secret]:
    """Join what overlaps under the name of the one that begins first."""
    kept: list[Secret] = []
    for secret in sorted(found, key=lambda secret: (secret.start, -secret.end)):
        if kept and secret.start < kept[-1].end:
            kept[-1] = Secret(kept[-1].start, max(kept[-1].end, secret.end), kept[-1].kind)
        else:
            kept.append(secret)
    return kept
