"""What files were before a tool changed them, so that the person can take the change back.

The before-image is on disk before the file is touched, together with the hash of what the tool is about to leave there.
No second step says that the change was made: whether it was is seen by comparing the file with both, so a program that
is killed in between leaves nothing to mend (docs/adr/0024).
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import time
from collections.abc import Generator, Iterable
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from deskhand.agent import private
from deskhand.agent.safety import places
from deskhand.agent.safety.audit import Audit
from deskhand.agent.safety.places import Content, PlaceError

DAYS = 30
"""How long a change can be taken back."""

MOST_BYTES = 256 << 20
"""Of all that is kept; the oldest goes first."""

MOST_ENTRIES = 1_000

_LOCK = "lock"

LARGEST = places.LARGEST
"""Bytes of a file that is kept; a larger one is changed without, which the person is told before."""


class UndoError(Exception):
    """A change that can't be kept or taken back; the message is a sentence for the person, and nothing was changed."""


class ConflictError(UndoError):
    """The file is not as the tool left it; it can still be done if the person insists, and what is there is kept."""


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
        to = f" to {self.target}" if self.target else ""
        return f"{self.by.tool} {self.did} {self.path}{to}"

    def as_json(self) -> dict[str, Any]:
        """The form on disk and of ``deskhand undo --json``."""
        target = str(self.target) if self.target else ""
        return {**asdict(self), "path": str(self.path), "target": target, "did": self.did}


class Undo:
    """The changes of one person's files; several processes may use one folder.

    Args:
        folder: where before-images are kept; made when needed, readable by the person only.
        audit: the log, which is told of everything that is taken back.
        days: how long.
        most: bytes of all.
    """

    def __init__(self, folder: Path, audit: Audit | None = None, *, days: float = DAYS, most: int = MOST_BYTES) -> None:
        self._folder = folder
        self._audit = audit
        self._days = days
        self._most = most
        self._read: dict[str, tuple[tuple[int, int], Entry | None]] = {}

    def write(self, by: By, path: Path, before: Content | None, after: Content | None) -> None:
        """Make a file hold ``after`` (None removes it), and keep what it was.

        Args:
            by: who does it.
            path: real and whole.
            before: what is there now, as it was looked at.
            after: what it shall be.

        Raises:
            UndoError: what is there could not be kept, or is something else by now.
            PlaceError: the file could not be changed.
        """
        with self._held():
            if places.look(path) != before:
                raise UndoError(f"{path} was changed by somebody else just now: look at it again.")
            if before == after:
                return
            entry = self._keep(by, path, None, before, after)
            try:
                places.put(path, after)
            except PlaceError:
                self._forget(entry)
                raise

    def move(self, by: By, path: Path, target: Path) -> None:
        """Move a file to where nothing is, and remember it.

        Raises:
            UndoError: that could not be written down.
            PlaceError: the file could not be moved.
        """
        with self._held():
            what = places.look(path)
            if what is None:
                raise UndoError(f"There is no file {path}.")
            entry = self._keep(by, path, target, what, what)
            try:
                places.move(path, target)
            except PlaceError:
                self._forget(entry)
                raise

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

    def of_calls(self, calls: Iterable[str]) -> dict[str, tuple[Entry, ...]]:
        """What each of these calls changed, the newest first; calls that changed nothing are left out."""
        wanted = set(calls) - {""}
        found: dict[str, tuple[Entry, ...]] = {}
        for entry in self.entries() if wanted else ():
            if entry.by.call in wanted:
                found[entry.by.call] = (*found.get(entry.by.call, ()), entry)
        return found

    def tidy(self) -> None:
        """Remove what was kept for long enough.

        Raises:
            UndoError: it can't be removed.
        """
        if self._folder.is_dir():
            with self._held():
                for newest in self.entries()[:1]:
                    _sweep(newest)
                self._prune(0)

    def find(self, name: str) -> Entry:
        """The entry of that name.

        Raises:
            UndoError: there is none.
        """
        found = next((entry for entry in self.entries() if entry.id == name), None)
        if found is None:
            raise UndoError(f"Nothing is kept under the name {name[:40]}. See: deskhand undo --list")
        return found

    def undo(self, name: str, *, force: bool = False) -> str:
        """Take a change back; returns a sentence that says what was done.

        Args:
            name: of the entry.
            force: also where the file was changed since; what is there now is kept, and comes back by `redo`.

        Raises:
            ConflictError: the file was changed since.
            UndoError: it can't be done.
        """
        return self._turn(name, back=True, force=force)

    def redo(self, name: str, *, force: bool = False) -> str:
        """Make a change again that was taken back; likewise."""
        return self._turn(name, back=False, force=force)

    def forget(self, name: str) -> str:
        """Remove what was kept of a change, which can't be taken back from then on; returns a sentence.

        Raises:
            UndoError: nothing is kept under that name.
        """
        with self._held():
            entry = self.find(name)
            unlogged = self._tell(entry, "forgotten", force=False)
            self._forget(entry)
        return f"Nothing is kept any more of this: {entry.words}.{unlogged}"

    def _turn(self, name: str, *, back: bool, force: bool) -> str:
        try:
            with self._held():
                entry = self.find(name)
                if bool(entry.undone) == back:
                    raise UndoError(f"That was undone already: {entry.words}." if back else "That was not undone.")
                _sweep(entry)
                turned = self._move_back if entry.target else self._put_back
                return turned(entry, back=back, force=force)
        except PlaceError as error:
            raise UndoError(str(error)) from error

    def _put_back(self, entry: Entry, *, back: bool, force: bool) -> str:
        goal, left = (entry.before, entry.after) if back else (entry.after, entry.before)
        now = places.look(entry.path)
        if _same(now, goal):
            self._mark(entry, back=back)
            return f"{entry.path} is already as it was {'before' if back else 'left'}: nothing had to be done."
        if not _same(now, left) and not force:
            raise ConflictError(self._conflict(entry, entry.path))
        content = self._kept(entry, "before" if back else "after", goal)
        if content and goal and now and left and now.mode != left.mode:
            content = replace(content, mode=now.mode)  # the person has changed it since, and not the tool
        if now:
            self._store(entry, "after" if back else "before", now.raw)
        # Before the file is touched: what is there now can be told apart from what shall be, whenever this ends.
        entry = replace(entry, **{"after" if back else "before": _image(now)})
        self._save(entry)
        unlogged = self._tell(entry, "undone" if back else "redone", force=force)
        places.put(entry.path, content)
        self._mark(entry, back=back)
        return _said(entry, back=back) + unlogged

    def _move_back(self, entry: Entry, *, back: bool, force: bool) -> str:
        assert entry.target  # noqa: S101 - `_turn` has looked
        here, there = (entry.target, entry.path) if back else (entry.path, entry.target)
        now, free = places.look(here), places.look(there)
        if now is None and _same(free, entry.before):
            self._mark(entry, back=back)
            return f"{there} is there already: nothing had to be done."
        if now is None or free is not None:
            raise UndoError(
                f"{here} is gone." if now is None else f"Something else is at {there} by now: move it away."
            )
        if not _same(now, entry.after) and not force:
            raise ConflictError(self._conflict(entry, here))
        unlogged = self._tell(entry, "undone" if back else "redone", force=force)
        places.move(here, there)
        self._mark(replace(entry, before=_image(now), after=_image(now)), back=back)
        return _said(entry, back=back) + unlogged

    def _conflict(self, entry: Entry, path: Path) -> str:
        later = [other for other in self.entries() if other.at > entry.at and not other.undone]
        same = next((other for other in later if path in {other.path, other.target}), None)
        if same:
            return (
                f"{path} was changed again by {same.by.tool} later: undo that first ({same.id}). Nothing was changed."
            )
        return f"{path} is not as {entry.by.tool} left it: it was changed since. Nothing was changed."

    def _tell(self, entry: Entry, did: str, *, force: bool) -> str:
        """Write it into the log; the person's own wish does not fail because that can't be done, but they are told."""
        if self._audit is None:
            return ""
        told = {"path": str(entry.path), "target": str(entry.target or ""), "was": entry.did, "forced": force}
        by = {"tool": entry.by.tool, "call": entry.by.call}
        problem = self._audit.tell("undo", did=did, entry=entry.id, **told, **by)
        return f" {problem}" if problem else ""

    # On disk --------------------------------------------------------------------------------------------------------

    @contextmanager
    def _held(self) -> Generator[None]:
        with ExitStack() as stack:
            try:
                stack.enter_context(private.held(self._folder / _LOCK))
            except OSError as error:
                raise UndoError(f"What was kept in {self._folder} can't be used: {error.strerror}.") from error
            yield

    def _keep(self, by: By, path: Path, target: Path | None, before: Content | None, after: Content | None) -> Entry:
        """Write the before-image and its entry; both are on disk when this returns."""
        newest = next(iter(self.entries()), None)
        if newest:
            _sweep(newest)
        at = max(time.time_ns(), newest.at + 1 if newest else 0)
        entry = Entry(secrets.token_hex(3), at, by, path, target, _image(before), _image(after))
        try:
            self._prune(len(before.raw) if before and not target else 0)
            if before and not target:
                self._store(entry, "before", before.raw)
            self._save(entry)
        except UndoError as error:
            self._forget(entry)
            raise UndoError(f"{path} was not changed, because what it is now could not be kept: {error}") from error
        return entry

    def _file(self, entry: Entry, kind: str) -> Path:
        return self._folder / f"{entry.at:020d}-{entry.id}.{kind}"

    def _store(self, entry: Entry, kind: str, raw: bytes) -> None:
        try:
            private.write(self._file(entry, kind), raw)
            handle = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(handle)  # the name too is on disk, also when the power goes now
            finally:
                os.close(handle)
        except OSError as error:
            raise UndoError(f"{self._folder} can't be written: {error.strerror}.") from error

    def _save(self, entry: Entry) -> None:
        self._store(entry, "json", json.dumps(entry.as_json()).encode())

    def _mark(self, entry: Entry, *, back: bool) -> None:
        self._save(replace(entry, undone=time.time_ns() if back else 0))

    def _kept(self, entry: Entry, kind: str, wanted: Image | None) -> Content | None:
        """What was kept, if it is still what it was."""
        if wanted is None:
            return None
        try:
            raw = self._file(entry, kind).read_bytes()
        except OSError as error:
            raise UndoError(f"What {entry.path} was can't be read: {error.strerror}. Nothing was changed.") from error
        if hashlib.sha256(raw).hexdigest() != wanted.sha256:
            raise UndoError(f"What was kept of {entry.path} is damaged. Nothing was changed.")
        return Content(raw, wanted.mode)

    def _forget(self, entry: Entry) -> None:
        for kind in ("json", "before", "after"):
            with suppress(OSError):
                self._file(entry, kind).unlink(missing_ok=True)

    def _prune(self, needed: int) -> None:
        """Make room for as many bytes: the oldest entries go, and what a killed program left of others."""
        entries = self.entries()
        used = 0
        staying: set[str] = set()
        for entry in entries[: MOST_ENTRIES - 1]:
            used += sum(_size(self._file(entry, kind)) for kind in ("before", "after"))
            if used + needed > self._most:
                break
            staying.add(self._file(entry, "x").stem)
        try:
            for file in self._folder.iterdir():
                if file.stem not in staying and file.name != _LOCK:
                    file.unlink(missing_ok=True)
        except OSError as error:
            raise UndoError(f"{self._folder} can't be emptied: {error.strerror}.") from error


def _sweep(entry: Entry) -> None:
    """Remove what a program that was killed while it wrote has left beside a file; only under the lock."""
    with suppress(PlaceError):
        places.sweep(entry.path)


def _image(content: Content | None) -> Image | None:
    return content and Image(hashlib.sha256(content.raw).hexdigest(), len(content.raw), content.mode)


def _same(content: Content | None, image: Image | None) -> bool:
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
        before, after = (Image(**image) if image else None for image in (data["before"], data["after"]))
        target = Path(data["target"]) if data["target"] else None
        at, undone = int(data["at"]), int(data["undone"])
        entry = Entry(str(data["id"]), at, By(**data["by"]), Path(data["path"]), target, before, after, undone)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return entry if file.stem == f"{entry.at:020d}-{entry.id}" else None


def _said(entry: Entry, *, back: bool) -> str:
    """What was done, as a person reads it."""
    if entry.target:
        here, there = (entry.target, entry.path) if back else (entry.path, entry.target)
        return f"Moved {here} {'back ' if back else ''}to {there}."
    goal = entry.before if back else entry.after
    if goal is None:
        return f"Removed {entry.path}{f', which {entry.by.tool} had created' if back else ' again'}."
    return f"Put {entry.path} back as it was {'before' if back else 'after'} {entry.by.tool}."
