"""Standard input, output and error that take every text and are always there."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys

_PLAIN = str.maketrans(
    {
        "“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "−": "-", "…": "...", "→": "->",
        "←": "<-", "·": "-", "×": "x", "✓": "+", "✗": "x", "\u00a0": " ", "ß": "ss",
    }
)  # fmt: skip
"""What stands for our own signs where a terminal has none of them."""


def _escaped(text: str) -> str:
    r"""As JSON spells it, ``\u201c``: what is printed as JSON stays JSON."""
    units = text.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))


def _spelled(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return _escaped(error.object[error.start : error.end]), error.end


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    out = ""
    for sign in error.object[error.start : error.end]:
        put = sign.translate(_PLAIN)
        out += put if put.isascii() else _escaped(sign)
    return out, error.end


codecs.register_error("deskhand.plain", _plain)
codecs.register_error("deskhand.json", _spelled)


def repair(*, json: bool = False) -> None:
    """Open what was closed, and let no sign be one that can't be written.

    A closed stream is opened on nothing: else the next file of ours would get its number, and whatever a library
    prints would go into that.

    Args:
        json: what is printed is JSON, in which a sign may only be spelled as JSON does.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="deskhand.json" if json and stream is sys.stdout else "deskhand.plain")


def abandon() -> None:
    """Write no more: whoever read it has gone, and the interpreter would complain about it at its end."""
    null = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        with contextlib.suppress(OSError):
            os.dup2(null, number)
    os.close(null)
