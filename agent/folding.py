"""Compare texts and names of files as a reader does: letters count, and not how they are composed or written."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

from deskhand.agent.filename import odd, spelled

_UNSEEN = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
"""Soft hyphens, joiners and the like, which no keyboard types."""


def folded(text: str) -> str:
    """A text in which a word is found in whatever case, composition, width or ligature, and i with or without dot.

    The Unicode Standard, D146 and D147; the Turkish letters İ and ı count as i, as no rule of one language fits all.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", plain).replace("i\u0307", "i").replace("ı", "i").translate(_UNSEEN)


def names(name: str) -> frozenset[str]:
    r"""What a file may be called by: its name in NFC; if that is no UTF-8, as ``\xe9`` and as Western letters."""
    found = {unicodedata.normalize("NFC", spelled(name))}
    if odd(name):
        found.add(unicodedata.normalize("NFC", os.fsencode(name).decode("cp1252", "replace")))
    return frozenset(found)


def real(given: str) -> Path:
    """The path on the disk that a person means: links followed, each name in the form that it has there.

    A name that is not there is looked for among those that differ in how letters are composed, or that are no UTF-8;
    where none or several fit, it stays as it was given.

    Raises:
        OSError, RuntimeError, ValueError: it is no path.
    """
    path = Path(given).expanduser()
    found = path.resolve()
    if not path.is_absolute() or os.path.lexists(found):
        return found
    found = Path(path.anchor)
    for part in path.parts[1:]:
        found = (found / on_disk(found, part)).resolve()
    return found


def on_disk(folder: Path, name: str) -> str:
    """The name in a folder that a person means by ``name``; ``name`` itself if there is none, or more than one."""
    if name == ".." or os.path.lexists(folder / name) or (name.isascii() and "\\" not in name):
        return name
    wanted = unicodedata.normalize("NFC", name)
    try:
        found = [other for other in os.listdir(folder) if wanted in names(other)]  # noqa: PTH208 - names, not paths
    except OSError:
        return name
    return found[0] if len(found) == 1 else name
