"""Everything that reaches the person's terminal, written in one place, where nothing of others can steer it.

Texts of models, servers, skills, files and errors pass `shown`: no control character, escape sequence, bidirectional
override or flood of marks leaves here as such. Answers are read here too, and only what is typed after the question.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import sys
import termios
import threading
import time

from deskhand.app.visible import line, shown

GRACE = 0.4
"""Seconds in which a question is read before an answer to it counts."""
_TAIL = 16
"""Characters that are remembered of what was written last: marks go on from piece to piece."""


class Writer:
    """One of the two streams, whichever file it is at the moment.

    Args:
        name: ``stdout`` or ``stderr``.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._tail = ""

    def __call__(self, text: object = "", end: str = "\n") -> None:
        """Write a text of any origin; its newlines and tabs stay."""
        whole = str(text)
        made = shown(self._tail + whole)[len(shown(self._tail)) :]
        self._tail = (self._tail + whole + end)[-_TAIL:]
        self.raw(made + end)

    def line(self, text: object) -> None:
        """Write a text of any origin on one line, so that no part of it can look like a line of ours."""
        self.raw(line(text) + "\n")

    def raw(self, text: str) -> None:
        """Write a text of ours as it is."""
        stream = getattr(sys, self._name)
        stream.write(text)
        stream.flush()


out = Writer("stdout")
err = Writer("stderr")


def data(value: object, indent: int | None = None) -> None:
    """Write a JSON value for programs; what a terminal could obey is escaped in it as JSON escapes."""
    out.raw(escaped(json.dumps(value, ensure_ascii=False, indent=indent, default=str)) + "\n")


def escaped(text: str) -> str:
    r"""JSON in which every character that has no glyph of its own stands as ``\u202e``."""
    return "".join(
        character
        if character == "\n" or (character.isprintable() and shown(character) == character)
        else _code(character)
        for character in text
    )


def _code(character: str) -> str:
    return json.dumps(character)[1:-1] if ord(character) > 0x7E else f"\\u{ord(character):04x}"


def status(text: str) -> None:
    """Show how far something is in a line that is written over by the next; nothing where nobody looks."""
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns
        err.raw(f"\r\033[K{line(text, max(20, width - 1))}")


def clear() -> None:
    """Take the line of `status` away."""
    if sys.stderr.isatty():
        err.raw("\r\033[K")


def attended() -> bool:
    """Whether somebody is there to be asked."""
    return sys.stdin.isatty()


def answer(prompt: str, cancel: threading.Event | None = None) -> str:
    """Ask the person something and give what they type after it, without blanks and in small letters.

    What was typed before they could have read the question is thrown away: it answers something else.

    Args:
        prompt: the end of the question.
        cancel: ends it with an empty answer.
    """
    if not attended():
        return ""
    until = time.monotonic() + GRACE
    while time.monotonic() < until and not (cancel is not None and cancel.is_set()):
        time.sleep(0.05)
    termios.tcflush(sys.stdin, termios.TCIFLUSH)
    err(prompt, end="")
    return typed(cancel).lower()


def typed(cancel: threading.Event | None = None) -> str:
    """What the person types up to Enter; empty when it is cancelled.

    Read from the descriptor: Python's own buffer could hold a line of before.
    """
    held, descriptor = b"", sys.stdin.fileno()
    while not held.endswith((b"\n", b"\r")):
        while not select.select([descriptor], [], [], 0.1)[0]:
            if cancel is not None and cancel.is_set():
                return ""
        try:
            piece = os.read(descriptor, 4096)
        except OSError:  # the terminal has gone
            return ""
        if not piece:
            break
        held += piece
    return held.decode(errors="replace").strip()
