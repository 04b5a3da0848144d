"""Whether two names look the same to a person although they are not: ``notes`` with a Cyrillic о, or ``n0tes``."""

from __future__ import annotations

import unicodedata

_ALIKE = (
    ("аеорсухіјѕһԁԛԝкмтвн", "aeopcyxijshdqwkmtbh"),
    ("αβγεικνορτυχωη", "abyeiknoptuxwn"),
    ("ıɑɡɩʋℓ", "iagivl"),
    ("0135$|", "olessl"),
)
_LATIN = {other: latin for others, latins in _ALIKE for other, latin in zip(others, latins, strict=True)}
"""Letters of other scripts and digits that pass for a Latin one; a selection from Unicode's confusables (UTS 39)."""


def skeleton(name: str) -> str:
    """What is left of a name when everything that a person overlooks is taken away: marks, case, script, spacing."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    shown = (char for char in plain if unicodedata.category(char) not in {"Mn", "Cf", "Cc"})
    return "".join(_LATIN.get(char, "-" if char in " _.·‐‑–" else char) for char in shown)


def alike(one: str, other: str) -> bool:
    """Whether ``one`` may be taken for ``other``."""
    return skeleton(one) == skeleton(other)
