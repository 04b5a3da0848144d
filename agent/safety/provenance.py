"""Which of the person's own things say what others wrote: each text that was kept while a conversation was tainted.

Of such a text only hashes of its pieces are remembered, by which it is known again wherever it is read: whole, or a
part that is long enough. A note that is deleted or written anew is gone with its text, and the others were never meant.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, cast

from deskhand.agent.tool import Tool
from deskhand.model.types import ToolCall

PIECE = 24
"""Characters of a piece; so 47 in a row of a text that was cut are enough to know it again."""

LINE = 12
"""Characters that a line of a longer text must have to be remembered by itself."""

MARK = "~"
"""What begins the mark of a piece; no skill's name does."""


def marks(tool: Tool, call: ToolCall) -> tuple[str, ...]:
    """What has to be remembered of a call that runs in a tainted conversation: pieces, or the whole skill.

    Args:
        tool: what runs.
        call: with its arguments.
    """
    if tool.keeps is None:
        return (tool.skill,) if "files:data" in tool.scopes and not tool.quiet else ()
    texts = (text for key in tool.keeps for text in _texts(call.arguments.get(key)))
    return tuple(dict.fromkeys(_mark(piece) for text in texts for piece in _pieces(text)))


def known(value: object, marked: Collection[str]) -> bool:
    """Whether a text stands in ``value`` (a JSON value) that `marks` were remembered of."""
    lengths = {int(mark[1:].partition(":")[0]) for mark in marked if mark.startswith(MARK)}
    return bool(lengths) and any(
        _mark(piece) in marked for text in _texts(value) for piece in _windows(_plain(text), lengths)
    )


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


def _mark(piece: str) -> str:
    digest = hashlib.blake2b(piece.encode("utf-8", "replace"), digest_size=8).hexdigest()
    return f"{MARK}{len(piece)}:{digest}"


def _pieces(text: str) -> Iterator[str]:
    """Pieces of a text, and of each line that is long enough to mean something; none of what has no letter."""
    lines = [_plain(line) for line in text.splitlines()]
    for plain in (_plain(text), *(line for line in lines if len(line) >= LINE)):
        if len(plain) >= PIECE:
            yield from (plain[at : at + PIECE] for at in (*range(0, len(plain) - PIECE, PIECE), len(plain) - PIECE))
        elif any(character.isalpha() for character in plain):
            yield plain


def _windows(plain: str, lengths: Collection[int]) -> Iterator[str]:
    """Every piece of these lengths; a short one only where it is not a part of longer words."""
    edges = [
        at for at in range(len(plain) + 1) if not plain[max(0, at - 1) : at + 1].isalnum() or at in {0, len(plain)}
    ]
    ends = set(edges)
    for length in lengths:
        starts = range(len(plain) - length + 1) if length == PIECE else edges
        yield from (plain[at : at + length] for at in starts if length == PIECE or at + length in ends)


def _texts(value: object) -> Iterator[str]:
    """Every text in a JSON value, also in a text that is JSON itself."""
    if isinstance(value, str):
        yield value
        if value[:1] in {"{", "["}:
            try:
                yield from _texts(json.loads(value))
            except (ValueError, RecursionError):
                return
    elif isinstance(value, Mapping):
        for key, entry in cast("Mapping[Any, Any]", value).items():
            yield str(key)
            yield from _texts(entry)
    elif isinstance(value, list | tuple):
        for entry in cast("Sequence[Any]", value):
            yield from _texts(entry)
