"""Notes: one Markdown file that a person can read and edit with any program."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import choice  # pyright: ignore[reportMissingImports] - beside this file, which Deskhand puts on the path

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
    saved = text.strip()
    return {"say": f"Saved: {saved}", "saved": saved, "when": now, "id": _id(now, saved), "file": str(_file(host))}


def edit(host: Host, note: str, text: str) -> dict[str, str]:
    """Change a note.

    Args:
        host: given by Deskhand.
        note: which, in the person's words, such as "the note about milk" or "the last one".
        text: all that it shall say.
    """
    if not text.strip():
        raise ValueError("The note would be empty: delete it instead.")
    before = _read(host)
    found = _chosen(before, note)
    gap = "\n" if found.end < len(before) else ""
    _change(host, before, (found.body, found.end), f"\n\n{_written(text)}\n{gap}")
    new = text.strip()
    say = f"Changed: “{choice.line(found.text)}” now says “{choice.line(new)}”."
    return {"say": say, "saved": new, "instead_of": found.text, "when": found.when, "id": _id(found.when, new)}


def delete(host: Host, note: str) -> dict[str, str]:
    """Delete a note.

    Args:
        host: given by Deskhand.
        note: which, in the person's words, such as "the note about milk" or "the last one".
    """
    before = _read(host)
    found = _chosen(before, note)
    _change(host, before, (found.start, found.end), "")
    return {"say": f"Deleted: {found.text}", "deleted": found.text, "when": found.when}


def list_(host: Host, limit: int = 10) -> dict[str, Any]:
    """Read the newest notes.

    Args:
        host: given by Deskhand.
        limit: how many at most.
    """
    notes = _notes(host)
    told = _told(host, notes, limit)
    if not notes:
        return {"say": "There are no notes.", **told}
    count = "There is one note" if len(notes) == 1 else f"There are {len(notes)} notes, the newest first"
    return {"say": _said(count, notes, limit), **told}


def search(host: Host, query: str, limit: int = 10) -> dict[str, Any]:
    """Find notes that hold all words of a query, the newest first.

    Args:
        host: given by Deskhand.
        query: words to look for.
        limit: how many at most.
    """
    words = choice.folded(query).split()
    if not words:
        raise ValueError("The query is empty: give a word to look for.")
    found = [note for note in _notes(host) if choice.has(note.text, words)]
    told = _told(host, found, limit)
    if not found:
        return {"say": f"No note has “{query.strip()}”.", **told}
    count = "One note has" if len(found) == 1 else f"{len(found)} notes have"
    return {"say": _said(f"{count} “{query.strip()}”", found, limit), **told}


def _exact_edit(host: Host, note: str, text: str) -> dict[str, Any]:
    return {"note": _named(host, note), "text": text}


def _exact_delete(host: Host, note: str) -> dict[str, Any]:
    return {"note": _named(host, note)}


EXACT = {"edit": _exact_edit, "delete": _exact_delete}
"""The arguments with the words of the note that is meant, for the question before the change."""


def _named(host: Host, note: str) -> str:
    before = _read(host)
    found = _chosen(before, note)
    texts = [choice.folded(each.text) for each in _parsed(before)]
    return found.text if texts.count(choice.folded(found.text)) == 1 else _id(found.when, found.text)


def _said(head: str, notes: Sequence[_Note], limit: int) -> str:
    """Notes as a numbered list that can be read out."""
    now = datetime.now().astimezone()
    lines = [
        f"{number}. {note.text} ({choice.when(note.when, now)})"
        for number, note in enumerate(notes[: max(1, limit)], 1)
    ]
    return "\n".join([f"{head}:", *lines])


def _told(host: Host, notes: Sequence[_Note], limit: int) -> dict[str, Any]:
    return {
        "notes": [note.told() for note in notes[: max(1, limit)]],
        "total": len(notes),
        "file": str(_file(host)),
    }


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


def _chosen(file: str, words: str) -> _Note:
    """The note that words or an id mean; see `choice.choose`."""
    notes = _parsed(file)[::-1]
    named = [note for note in notes if _id(note.when, note.text) == words.strip()]
    return named[0] if named else choice.choose(words, notes, datetime.now().astimezone().date())


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


def _notes(host: Host) -> list[_Note]:
    """Every note, the newest first."""
    return _parsed(_read(host))[::-1]
