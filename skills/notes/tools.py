"""Notes: one Markdown file that a person can read and edit with any program."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

_HEAD = re.compile(r"(?:\A\ufeff?|(?<=[\r\n]))(## (\d{4}-\d{2}-\d{2} \d{2}:\d{2})[ \t]*)(?=[\r\n]|\Z)")
"""The person's editor may have put a mark before all, other line ends, and blanks behind the heading."""

_STRANGE = {0xDC00 + byte: bytes([byte]).decode("cp1252", "replace") for byte in range(0x80, 0x100)}
"""How bytes are shown that are no UTF-8: as Windows has them."""


class Host(Protocol):
    """What Deskhand gives a tool."""

    data: Path

    def ask(self, name: str, /, **arguments: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Ask the application."""
        ...


def append(host: Host, text: str) -> dict[str, str]:
    """Write a note.

    Args:
        host: given by Deskhand.
        text: the note.
    """
    if not text.strip():
        raise ValueError("The note is empty.")
    now = f"{datetime.now().astimezone():%Y-%m-%d %H:%M}"
    before = _read(host)
    head = "" if before else "# Notes\n"
    _change(host, before, (len(before), len(before)), f"{head}\n## {now}\n\n{_written(text)}\n")
    return {"saved": text.strip(), "when": now, "id": _id(now, text.strip()), "file": str(_file(host))}


def edit(host: Host, id: str, text: str) -> dict[str, str]:  # noqa: A002 - the model's word for it
    """Change a note.

    Args:
        host: given by Deskhand.
        id: of the note, as notes_list and notes_search say it.
        text: all that it shall say.
    """
    if not text.strip():
        raise ValueError("The note would be empty: delete it instead.")

    before = _read(host)
    found = _find(before, id)
    gap = "\n" if found.end < len(before) else ""
    _change(host, before, (found.body, found.end), f"\n\n{_written(text)}\n{gap}")
    return {"saved": text.strip(), "instead_of": found.text, "when": found.when, "id": _id(found.when, text.strip())}


def delete(host: Host, id: str) -> dict[str, str]:  # noqa: A002 - likewise
    """Delete a note.

    Args:
        host: given by Deskhand.
        id: of the note, as notes_list and notes_search say it.
    """
    before = _read(host)
    found = _find(before, id)
    _change(host, before, (found.start, found.end), "")
    return {"deleted": found.text, "when": found.when}


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


@dataclass(frozen=True)
class _Note:
    """A note and where it stands in the file: from its heading on, from behind it, and up to the next heading."""

    when: str
    text: str
    start: int
    body: int
    end: int

    def told(self) -> dict[str, str]:
        return {"when": self.when, "text": self.text, "id": _id(self.when, self.text)}


def _id(when: str, text: str) -> str:
    """A name that a note has as long as it is not changed: what was read is what is changed."""
    return hashlib.sha256(f"{when}\n{text}".encode()).hexdigest()[:8]


def _find(file: str, wanted: str) -> _Note:
    named = [note for note in _parsed(file) if _id(note.when, note.text) == wanted]
    if not named:
        raise ValueError(f"There is no note {wanted[:20]}: list the notes again, and take the id from there.")
    return named[-1]


def _written(text: str) -> str:
    # A line of the note that looks like our heading would split it in two when it is read.
    return re.sub(r"^(?=\\*#)", r"\\", text.strip(), flags=re.MULTILINE)


def _read(host: Host) -> str:
    """The whole file; what is no UTF-8 in it stays what it is until it is written back."""
    file = _file(host)
    try:
        # A link would lead elsewhere, and opening a named pipe would wait for somebody to write.
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise ValueError(f"{file} can't be opened ({error.strerror}): put a plain file there.") from error
    with os.fdopen(descriptor, "rb") as stream:
        raw = stream.read()
    if b"\0" in raw:
        raise ValueError(f"{file} is not in UTF-8 any more: save it as UTF-8 in the program that changed it.")
    return raw.decode(errors="surrogateescape")


def _change(host: Host, before: str, span: tuple[int, int], text: str) -> None:
    """Let the application put ``text`` in place of a span of what was read, so that the person can undo it."""
    start, end = (len(before[:place].encode(errors="surrogateescape")) for place in span)
    was = hashlib.sha256(before.encode(errors="surrogateescape")).hexdigest()
    host.ask("change_own_file", name=_file(host).name, was=was, start=start, end=end, text=text)


def _parsed(file: str) -> list[_Note]:
    """Every note, the oldest first; what stands before the first heading is the person's own and no note of ours."""
    heads = list(_HEAD.finditer(file))
    ends = [head.start(1) for head in heads[1:]] + [len(file)]
    found: list[_Note] = []
    for head, end in zip(heads, ends, strict=False):  # one end too many where there is no note
        lines = re.sub("\r\n?", "\n", file[head.end() : end].translate(_STRANGE)).strip()
        text = re.sub(r"^\\(?=\\*#)", "", lines, flags=re.MULTILINE)
        found.append(_Note(head[2], text, head.start(1), head.end(), end))
    return found


def _notes(host: Host) -> list[dict[str, str]]:
    """Every note, the oldest first."""
    return [note.told() for note in _parsed(_read(host))]
