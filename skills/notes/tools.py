"""Notes: one Markdown file that a person can read and edit with any program."""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

_HEAD = re.compile(r"^## (\d{4}-\d{2}-\d{2} \d{2}:\d{2})$", re.MULTILINE)


class Host(Protocol):
    """What Deskhand gives a tool."""

    data: Path


def append(host: Host, text: str) -> dict[str, str]:
    """Write a note.

    Args:
        host: given by Deskhand.
        text: the note.
    """
    if not text.strip():
        raise ValueError("The note is empty.")
    file = _file(host)
    file.parent.mkdir(parents=True, exist_ok=True)
    now = f"{datetime.now().astimezone():%Y-%m-%d %H:%M}"
    # A line of the note that looks like our heading would split it in two when it is read.
    body = re.sub(r"^(?=\\*#)", r"\\", text.strip(), flags=re.MULTILINE)
    with file.open("ab") as stream:
        start = "# Notes\n" if stream.tell() == 0 else ""
        # One write: a note is added whole, also when two programs write.
        stream.write(f"{start}\n## {now}\n\n{body}\n".encode())
        stream.flush()
        os.fsync(stream.fileno())
    return {"saved": text.strip(), "when": now, "file": str(file)}


def list_(host: Host, limit: int = 10) -> dict[str, Any]:
    """Read the newest notes.

    Args:
        host: given by Deskhand.
        limit: how many at most.
    """
    notes = _notes(host)
    return {"notes": notes[::-1][: max(1, limit)], "total": len(notes), "file": str(_file(host))}


def search(host: Host, query: str, limit: int = 10) -> dict[str, Any]:
    """Find notes that hold all words of a query, the newest first.

    Args:
        host: given by Deskhand.
        query: words to look for.
        limit: how many at most.
    """
    words = query.casefold().split()
    if not words:
        raise ValueError("The query is empty: give a word to look for.")
    found = [note for note in _notes(host)[::-1] if all(word in note["text"].casefold() for word in words)]
    return {"notes": found[: max(1, limit)], "total": len(found), "file": str(_file(host))}


def _file(host: Host) -> Path:
    return host.data / "notes.md"


def _notes(host: Host) -> list[dict[str, str]]:
    """Every note, the oldest first; what stands before the first heading is the person's own and no note of ours."""
    file = _file(host)
    if not file.exists():
        return []
    pieces = _HEAD.split(file.read_text(encoding="utf-8", errors="replace"))
    bodies = (re.sub(r"^\\(?=\\*#)", "", body.strip(), flags=re.MULTILINE) for body in pieces[2::2])
    return [{"when": when, "text": text} for when, text in zip(pieces[1::2], bodies, strict=True)]
