"""Text that a person must be able to trust: characters that hide or reorder others are spelled out."""

from __future__ import annotations

import json
import unicodedata
from typing import cast

_BLANK = {"\u115f", "\u1160", "\u3164", "\uffa0", "\u2800", "\u034f", "\u17b4", "\u17b5", "\u180b", "\u180c", "\u180d"}
"""Letters, marks and symbols by category that are drawn as nothing: Hangul fillers, the empty Braille pattern …"""
_SELECTORS = range(0xE0100, 0xE01F0)
"""Variation selectors of the supplement, likewise; text can be hidden in rows of them."""
MOST_MARKS = 8
"""Marks on one letter; no script has as many, and a hundred cover the lines above and below."""


def shown(text: str) -> str:
    """``text`` with every character that has no glyph of its own as ``⟨U+202E⟩``; newline and tab stay.

    So are controls, formats (bidi, zero width, tags), surrogates, private and unassigned ones, line separators and
    every space but the usual one: what `str.isprintable` refuses (Unicode categories C* and Z*), and marks beyond
    `MOST_MARKS` on one letter.

    An approval that looks harmless because a right-to-left override turned a file name around is the attack
    (CVE-2021-42574); spelled out, nothing can be turned around.
    """
    if text.isascii() and text.isprintable():
        return text
    made: list[str] = []
    marks = 0
    for character in text:
        plain = character.isprintable() and character not in _BLANK and ord(character) not in _SELECTORS
        marks = marks + 1 if plain and unicodedata.category(character) in {"Mn", "Me"} else 0
        keeps = character in "\n\t" or (plain and marks <= MOST_MARKS)
        made.append(character if keeps else f"⟨U+{ord(character):04X}⟩")
    return "".join(made)


def line(text: object, most: int | None = None) -> str:
    """A text of any origin on one line: its newlines and tabs as ``⏎`` and ``⇥``, cut with a note where it is long.

    Args:
        text: of one field.
        most: characters; None keeps it whole.
    """
    made = shown(str(text).replace("\r\n", "\n")).replace("\n", "⏎").replace("\t", "⇥")
    if most is not None and len(made) > most:
        note = f"… ({len(made) - most} more)"
        made = made[: max(0, most - len(note))] + note
    return made


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


def readable(value: object, depth: int = 0) -> str:
    """A JSON value as a person reads it, whole: a text as it is, a list line by line, keys before what they hold.

    Only a text that is the whole value may have lines of its own: within a list or below a key it is one line, so that
    it can't be drawn to look like two.
    """
    indent = "    " * depth
    match value:
        case bool():
            return "yes" if value else "no"
        case None:
            return "nothing"
        case str() if not depth:
            return shown(value) or "(empty)"
        case dict():
            held = cast("dict[object, object]", value)
            return (
                "\n".join(f"{indent}{one_line(str(key))}: {_below(inner, depth)}" for key, inner in held.items())
                or "(empty)"
            )
        case list() | tuple():
            items = cast("list[object]", value)
            return "\n".join(f"{indent}•  {_below(inner, depth)}" for inner in items) or "(empty)"
        case _:
            return one_line(value)


def _below(value: object, depth: int) -> str:
    nested = isinstance(value, dict | list | tuple) and value
    return f"\n{readable(value, depth + 1)}" if nested else readable(value, depth + 1)
