"""An argument as it reads once common wrappings are undone: what a query string may carry text out in."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from urllib.parse import unquote_plus

LEAST = 16
"""Characters of a base64 or hex token: twelve bytes or eight."""

_BASE64 = re.compile(rf"[A-Za-z0-9+/_-]{{{LEAST},}}={{0,2}}")
_HEX = re.compile(rf"(?:[0-9A-Fa-f]{{2}}){{{LEAST // 2},}}")


def readings(text: str) -> Iterator[tuple[str, str]]:
    """Other ways to read ``text`` that differ from it, each with its name for a person.

    Percent-encoding and ``+`` (HTML forms), base64 in both alphabets, hex, and words that are joined by signs.
    """
    plain = unquote_plus(text)
    if plain != text:
        yield "decoded", plain
    if wrapped := "\n".join(_unwrapped(plain)):
        yield "base64 or hex undone", wrapped
    parted = re.sub(r"[^\w\s]+|_", " ", plain)
    if parted not in {text, plain}:
        yield "its words parted", re.sub(r" +", " ", parted)


def _unwrapped(text: str) -> Iterator[str]:
    for match in _BASE64.finditer(text):
        token = match.group().rstrip("=").translate(str.maketrans("-_", "+/"))
        try:
            yield base64.b64decode(token + "=" * (-len(token) % 4)).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
    for match in _HEX.finditer(text):
        try:
            yield bytes.fromhex(match.group()).decode()
        except UnicodeDecodeError:
            continue
