"""Secrets in text: found by their own form or by the word before them, and painted over before anything is logged."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

Redaction = Literal["off", "log", "pixels"]
"""What is kept out of what: ``off``: nothing; ``log``: secrets out of the log; ``pixels``: out of pictures too."""

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
        ("token", r"(?i:\bauthorization[\"']?\s*[:=]\s*[\"']?(?:basic|digest|token)\s+)(?P<value>[^\s\"',;]{4,})"),
        ("password", r"\b[a-z][a-z0-9+.-]*://[^\s/:@]+:(?P<value>[^\s/@]+)@"),
        (
            "password",
            rf"(?i)(?<![\w])[\w-]*(?:{_NAMES})[\"']?\s*(?:[:=]|\bis\b|=>)\s*[\"']?(?P<value><[^>]*>|[^\s\"',;]{{4,}})",
        ),
        ("password", rf"(?i)--?(?:{_NAMES})[ =](?P<value>[^\s\"',;-][^\s\"',;]{{3,}})"),
    )
)

_CARD = re.compile(r"(?<![\d.])(?:\d[ -]?){12,18}\d(?![\d.]?\d)")
_GROUPED = re.compile(r"(?<![\d.])(?:[3-6]\d{3}(?:([ -])\d{4}\1\d{4}\1\d{4})|3[47]\d\d[ -]\d{6}[ -]\d{5})(?![\d.]?\d)")
"""As cards print it, 4-4-4-4 and 4-6-5."""
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4}){3,8}\b")
_MAIL = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")
_NAMED = re.compile(rf"(?i)(?:^|[^a-z])(?:{_NAMES})$")
_PLACEHOLDER = re.compile(
    r"(?i)[*•·xX.…]+|<[^>]*>|\$\{?\w+\}?|(?:none|null|true|false|required|invalid|incorrect|wrong|bearer|basic)[.!…]?"
)
_IBAN_CODES = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 "
    "EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 "
    "KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 "
    "PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 "
    "UA29 VA22 VG24 XK20 YE30"
)
_IBAN_LENGTHS = {code[:2]: int(code[2:]) for code in _IBAN_CODES.split()}
"""Characters of each country's account numbers (the IBAN registry of ISO 13616)."""


def find(text: str, *, mail: bool = False, misread: bool = False) -> list[Secret]:
    """Every secret of a text, in order, none inside another.

    Args:
        text: of any length.
        mail: whether addresses of e-mail count.
        misread: the text was read off a picture, so that check digits may be wrong: the form alone is enough.
    """
    found: list[Secret] = []
    for kind, form in _FORMS:
        for match in form.finditer(text):
            span = match.span("value") if "value" in form.groupindex else match.span()
            if not _PLACEHOLDER.fullmatch(text[slice(*span)]):
                found.append(Secret(*span, kind))
    accounts = [Secret(*span, "account") for match in _IBAN.finditer(text) if (span := _account(match, misread))]
    rest = text
    for each in accounts:  # or their last digits and what follows them would make a card's number
        rest = f"{rest[: each.start]}{'x' * (each.end - each.start)}{rest[each.end :]}"
    found += accounts
    found += [Secret(*match.span(), "card") for match in _CARD.finditer(rest) if _is_card(match.group())]
    found += [Secret(*match.span(), "card") for match in _GROUPED.finditer(rest)] if misread else []
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


def for_log(value: Any, longest: int = LONGEST_KEPT, *, redacts: bool = True) -> Any:  # noqa: ANN401 - a JSON value
    """A JSON value that may be logged: without secrets, long texts cut, and nothing kept under a secret's name.

    Args:
        value: any.
        longest: characters of one text.
        redacts: False only cuts.
    """
    match value:
        case str():
            text = redact(value) if redacts else value
            return text if len(text) <= longest else f"{text[:longest]}… ({len(text)} characters)"
        case Mapping():
            entries = cast("Mapping[Any, Any]", value)
            return {
                redact(str(key)) if redacts else str(key): "⟨password⟩"
                if redacts and entry and _NAMED.search(str(key))
                else for_log(entry, longest, redacts=redacts)
                for key, entry in entries.items()
            }
        case list() | tuple():
            return [for_log(entry, longest, redacts=redacts) for entry in cast("Sequence[Any]", value)]
        case int() if redacts and _is_card(str(value)):
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


def _account(match: re.Match[str], misread: bool) -> tuple[int, int] | None:
    """Where an account's number is whose check digits are right (ISO 13616, modulo 97).

    Words in capitals may follow it: as many characters are taken as its country's numbers have; where the country is
    none that has any, the longest beginning that checks.
    """
    text = match.group()
    wanted = _IBAN_LENGTHS.get(text[:2])
    for end in range(len(text), 14, -1):
        compact = text[:end].replace(" ", "")
        fits = len(compact) == wanted if wanted else 15 <= len(compact) <= 34
        if text[end - 1] != " " and fits and (_checks(compact) or (misread and wanted)):
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
