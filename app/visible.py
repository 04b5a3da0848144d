"""Text that a person must be able to trust: characters that hide or reorder others are spelled out."""

from __future__ import annotations

import json

_BLANK = {"\u115f", "\u1160", "\u3164", "\uffa0", "\u2800"}
"""Letters and symbols by category that are drawn as nothing: Hangul fillers and the empty Braille pattern."""


def shown(text: str) -> str:
    """``text`` with every character that has no glyph of its own as ``⟨U+202E⟩``; newline and tab stay.

    So are controls, formats (bidi, zero width, tags), surrogates, private and unassigned ones, line separators and
    every space but the usual one: what `str.isprintable` refuses (Unicode categories C* and Z*).

    An approval that looks harmless because a right-to-left override turned a file name around is the attack
    (CVE-2021-42574); spelled out, nothing can be turned around.
    """
    return "".join(
        character
        if character in "\n\t" or (character.isprintable() and character not in _BLANK)
        else f"⟨U+{ord(character):04X}⟩"
        for character in text
    )


def exact(value: object) -> str:
    """A JSON value as a person reads it: indented, whole, in its own script, with nothing hidden.

    Newlines inside strings stay escaped, so one argument can't be drawn to look like two.
    """
    return shown(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def one_line(value: object) -> str:
    """A JSON value on one line; strings without their quotes unless they hold what quotes would show."""
    if isinstance(value, str) and value == value.strip() and value.isprintable() and value:
        return shown(value)
    return shown(json.dumps(value, ensure_ascii=False, default=str))
