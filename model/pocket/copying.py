"""Which letter of what the person wrote or said each token of an answer repeats: where a copy has to look."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deskhand.model.pocket.world.lexicon import words

_MOST = 59
"""The largest number that is spoken as one."""


def copied(tokens: Sequence[str], source: str) -> NDArray[np.int64]:
    """For each token of an answer the place in ``source`` of the letter that it repeats, or -1; shape (tokens,).

    Words are found whole, whatever their capitals, one behind the other where they can be. A figure that was spoken
    is read off the last letter of its word: whoever hears from left to right knows it no sooner.

    Args:
        tokens: their texts; only those of one letter are copies, the pieces of the wire format are none.
        source: what the person wrote or said.
    """
    found = np.full(len(tokens), -1, np.int64)
    text = "".join(token if len(token) == 1 else "\0" for token in tokens)
    given, begin = source.lower(), 0
    for match in re.finditer(r"[A-Za-z]+|\d+", text):
        places = _places(match[0].lower(), given, begin)
        if not places:
            continue
        found[match.start() : match.end()] = places
        if match.start() and text[match.start() - 1] == "▁" and places[0] and given[places[0] - 1] == " ":
            found[match.start() - 1] = places[0] - 1
        begin = places[-1] + 1
    return found


def _places(word: str, given: str, begin: int) -> list[int]:
    if at := _whole(word, given, begin):
        return list(range(at[0], at[1]))
    if not word.isdigit():
        return []
    if int(word) <= _MOST and word == str(int(word)) and (at := _whole(words(int(word)), given, begin)):
        return [at[1] - 1] * len(word)
    places: list[int] = []
    for digit in word:
        at = _whole(digit, given, begin) or _whole(words(int(digit)), given, begin)
        if at is None:
            return []
        places.append(at[1] - 1)
        begin = at[1]
    return places


def _whole(word: str, given: str, begin: int) -> tuple[int, int] | None:
    pattern = re.compile(rf"\b{re.escape(word)}\b")
    match = pattern.search(given, begin) or pattern.search(given)
    return match.span() if match else None
