"""Where before-images are kept: an entry and at most two contents a change, in a folder that only the person can read.

`NUMBER-NAME.json` is the entry, `.before` what the file was, `.after` what was there when it was undone.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from deskhand.agent import private
from deskhand.agent.filename import spelled
from deskhand.agent.safety import places
from deskhand.agent.safety.places import Content, PlaceError

DAYS = 30
"""How long a change can be taken back."""

MOST_BYTES = 256 << 20
"""Of all that is kept; the oldest goes first."""

MOST_ENTRIES = 1_000

_LOCK = "lock"

LARGEST = places.LARGEST
"""Bytes of a file that is kept; a larger one is changed without, which the person is told before."""


Kind = Literal["json", "before", "after"]


class UndoError(Exception):
    """A change that can't be kept or taken back; the message is a sentence for the person, and nothing was changed."""


@dataclass(frozen=True, slots=True)
class Image:
    """What a file was.

    Attributes:
        sha256: of its content.
        size: in bytes.
        mode: permission bits.
    """

    sha256: str
    size: int
    mode: int


@dataclass(frozen=True, slots=True)
class By:
    """Who made a change: a tool, its skill, and the id of the call."""

    tool: str
    skill: str = ""
    call: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of one file.

    Attributes:
        id: a name for the person to type.
        at: when, nanoseconds since the epoch; no two are equal.
        by: who made it.
        path: of the file, real and whole.
        target: where it was moved to; empty if it was not moved.
        before: what it was; None: it was not there.
        after: what the tool left, or what was there instead when the person insisted; None: nothing.
        undone: when it was taken back, nanoseconds since the epoch; 0 if it was not.
    """

    id: str
    at: int
    by: By
    path: Path
    target: Path | None
    before: Image | None
    after: Image | None
    undone: int = 0

    @property
    def did(self) -> str:
        """What the tool did with the file."""
        if self.target:
            return "moved"
        return "created" if self.before is None else "deleted" if self.after is None else "changed"

    @property
    def words(self) -> str:
        """The change as a person reads it."""
        to = f" to {shown(self.target)}" if self.target else ""
        return f"{self.by.tool} {self.did} {shown(self.path)}{to}"

    def as_json(self) -> dict[str, Any]:
        """The form on disk and of ``deskhand undo --json``."""
        target = str(self.target) if self.target else ""
        return {**asdict(self), "path": str(self.path), "target": target, "did": self.did}


def shown(path: Path) -> str:
    """A path in a sentence."""
    return spelled(str(path))


class Kept:
    """The entries of one person; several processes may use one folder.

    Args:
        folder: made when needed.
        days: how long an entry is kept.
        most: bytes of all.
    """

    def __init__(self, folder: Path, days: float, most: int) -> None:
        self._folder = folder
        self._days = days
        self._most = most
        self._read: dict[str, tuple[tuple[int, int], Entry | None]] = {}

    def entries(self) -> tuple[Entry, ...]:
        """Everything that is kept and can be read, the newest first."""
        try:
            files = sorted(self._folder.glob("[0-9]*.json"), reverse=True)
            self._read = {file.name: self._loaded(file) for file in files}
        except OSError as error:
            raise UndoError(f"What was kept in {self._folder} can't be read: {error.strerror}.") from error
        oldest = time.time_ns() - int(self._days * 86_400e9)
        return tuple(entry for _, entry in self._read.values() if entry and entry.at > oldest)

    def _loaded(self, file: Path) -> tuple[tuple[int, int], Entry | None]:
        """An entry and by what it is known to be as it was when it was read; a replaced file has another inode."""
        try:
            status = file.stat()
        except FileNotFoundError:
            return (0, 0), None  # another program has just removed it
        stamp = (status.st_mtime_ns, status.st_ino)
        known = self._read.get(file.name)
        return known if known and known[0] == stamp else (stamp, _load(file))

    @contextmanager
    def held(self) -> Generator[None]:
        """Hold the lock, under which everything is changed; raises UndoError if the folder can't be used."""
        with ExitStack() as stack:
            try:
                stack.enter_context(private.held(self._folder / _LOCK))
            except OSError as error:
                raise UndoError(f"What was kept in {self._folder} can't be used: {error.strerror}.") from error
            yield

    def keep(self, by: By, path: Path, target: Path | None, before: Content | None, after: Content | None) -> Entry:
        """Write the before-image and its entry; both are on disk when this returns.

        Raises:
            UndoError: they could not be written.
        """
        newest = next(iter(self.entries()), None)
        if newest:
            sweep(newest)
        at = max(time.time_ns(), newest.at + 1 if newest else 0)
        entry = Entry(secrets.token_hex(3), at, by, path, target, image(before), image(after))
        try:
            self._prune(len(before.raw) if before and not target else 0)
            if before and not target:
                self.store(entry, "before", before.raw)
            self.save(entry)
        except UndoError as error:
            self.forget(entry)
            raise UndoError(
                f"{shown(path)} was not changed, because what it is now could not be kept: {error}"
            ) from error
        return entry

    def _file(self, entry: Entry, kind: Kind) -> Path:
        return self._folder / f"{entry.at:020d}-{entry.id}.{kind}"

    def store(self, entry: Entry, kind: Kind, raw: bytes) -> None:
        """Write a content of an entry, or the entry; it is on disk when this returns.

        Raises:
            UndoError: it could not be written; what was there is whole.
        """
        try:
            private.write(self._file(entry, kind), raw)
            handle = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(handle)  # the name too is on disk, also when the power goes now
            finally:
                os.close(handle)
        except OSError as error:
            raise UndoError(f"{self._folder} can't be written: {error.strerror}.") from error

    def save(self, entry: Entry) -> None:
        """Write an entry anew; likewise."""
        self.store(entry, "json", json.dumps(entry.as_json()).encode())

    def content(self, entry: Entry, kind: Kind, wanted: Image | None) -> Content | None:
        """A content of an entry, if it is still what it was.

        Raises:
            UndoError: it can't be read, or is not ``wanted``.
        """
        if wanted is None:
            return None
        try:
            raw = self._file(entry, kind).read_bytes()
        except OSError as error:
            raise UndoError(
                f"What {shown(entry.path)} was can't be read: {error.strerror}. Nothing was changed."
            ) from error
        if hashlib.sha256(raw).hexdigest() != wanted.sha256:
            raise UndoError(f"What was kept of {shown(entry.path)} is damaged. Nothing was changed.")
        return Content(raw, wanted.mode)

    def forget(self, entry: Entry) -> None:
        """Remove an entry and its contents."""
        for kind in ("json", "before", "after"):
            with suppress(OSError):
                self._file(entry, kind).unlink(missing_ok=True)

    def tidy(self) -> None:
        """Remove what was kept for long enough, and what a killed program left; raises UndoError if it can't be."""
        if self._folder.is_dir():
            with self.held():
                for newest in self.entries()[:1]:
                    sweep(newest)
                self._prune(0)

    def _prune(self, needed: int) -> None:
        """Make room for as many bytes: the oldest entries go, and what a killed program left of others."""
        entries = self.entries()
        used = 0
        staying: set[str] = set()
        for entry in entries[: MOST_ENTRIES - 1]:
            used += sum(_size(self._file(entry, kind)) for kind in ("before", "after"))
            if used + needed > self._most:
                break
            staying.add(self._file(entry, "json").stem)
        try:
            for file in self._folder.iterdir():
                if file.stem not in staying and file.name != _LOCK:
                    file.unlink(missing_ok=True)
        except OSError as error:
            raise UndoError(f"{self._folder} can't be emptied: {error.strerror}.") from error


def sweep(entry: Entry) -> None:
    """Remove what a program that was killed while it wrote has left beside a file; only under the lock."""
    with suppress(PlaceError):
        places.sweep(entry.path)


def image(content: Content | None) -> Image | None:
    """What a file is known by."""
    return content and Image(hashlib.sha256(content.raw).hexdigest(), len(content.raw), content.mode)


def same(content: Content | None, image: Image | None) -> bool:
    """Whether a file holds what an image is of; its mode may be another."""
    if content is None or image is None:
        return content is image
    return len(content.raw) == image.size and hashlib.sha256(content.raw).hexdigest() == image.sha256


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _load(file: Path) -> Entry | None:
    """An entry of disk; None if somebody has damaged it."""
    try:
        data = json.loads(file.read_bytes())
        before, after = (Image(**each) if each else None for each in (data["before"], data["after"]))
        target = Path(data["target"]) if data["target"] else None
        at, undone = int(data["at"]), int(data["undone"])
        entry = Entry(str(data["id"]), at, By(**data["by"]), Path(data["path"]), target, before, after, undone)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return entry if file.stem == f"{entry.at:020d}-{entry.id}" else None
