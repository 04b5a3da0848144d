"""The files of timers and reminders, which Deskhand watches (``agent/timers.py``): written whole or not at all."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import wording  # pyright: ignore[reportMissingImports] - beside this file, which Deskhand puts on the path


@dataclass(frozen=True)
class Entry:
    """A timer, or a reminder.

    Attributes:
        id: the name of its file.
        label: the person's words, may be empty.
        due: seconds since the epoch.
        set: when it was set or changed, likewise.
        seconds: how long a timer runs; 0 for a reminder.
        repeat: how often; empty for once.
        wall: by the clock on the wall, ISO; of what repeats.
    """

    id: str
    label: str
    due: float
    set: float
    seconds: float = 0.0
    repeat: str = ""
    wall: str = ""

    @property
    def local(self) -> datetime:
        """When it is due, by the clock on the wall."""
        return datetime.fromtimestamp(self.due).astimezone()

    @property
    def name(self) -> str:
        """As it can be called: the 10-minute timer “tea”, the reminder “call Anna”."""
        kind = "reminder"
        if self.seconds:
            length = wording.adjective(self.seconds)
            kind = f"{length} timer" if length else f"timer of {wording.length(self.seconds)}"
        return f"{kind} “{self.label}”" if self.label else kind

    def told(self) -> dict[str, Any]:
        """For programs."""
        found: dict[str, Any] = {"id": self.id, "label": self.label, "due": f"{self.local:%Y-%m-%d %H:%M:%S}"}
        return {**found, **({"repeat": self.repeat} if self.repeat else {})}


def entries(folder: Path) -> list[Entry]:
    """Every one that has not fired, the next first."""
    found: list[Entry] = []
    for file in folder.glob("*.json"):
        try:
            found.append(_entry(file.stem, json.loads(_read(file))))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue  # just fired, or damaged: Deskhand puts such a file aside and says so
    return sorted(found, key=lambda entry: (entry.due, entry.set))


def _read(file: Path) -> bytes:
    """What stands in a file; a link is not followed, and a named pipe not waited for."""
    with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
        return stream.read()


def _entry(name: str, data: Mapping[str, Any]) -> Entry:
    due, began, repeat = float(data["due"]), float(data.get("set", 0)), str(data.get("repeat") or "")
    return Entry(
        name, str(data["label"]), due, began, float(data.get("seconds", 0)), repeat, str(data.get("wall") or "")
    )


def free_name(folder: Path) -> str:
    """A name that no file has."""
    while (folder / f"{(name := secrets.token_hex(2))}.json").exists():
        pass
    return name


def write(folder: Path, entry: Entry) -> None:
    """Write one."""
    folder.mkdir(parents=True, exist_ok=True)
    data = {"id": entry.id, "label": entry.label, "due": entry.due, "set": entry.set}
    data |= {"seconds": entry.seconds} if entry.seconds else {}
    data |= {"repeat": entry.repeat, "wall": entry.wall} if entry.repeat else {}
    # Of a name that nobody can have put a link to another file at.
    part = folder / f".{entry.id}.{secrets.token_hex(4)}"
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as stream:
        stream.write(json.dumps(data).encode())
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(folder / f"{entry.id}.json")


def remove(folder: Path, entry: Entry) -> bool:
    """Take one away; says whether it was still there."""
    try:
        (folder / f"{entry.id}.json").unlink()
    except FileNotFoundError:
        return False
    return True
