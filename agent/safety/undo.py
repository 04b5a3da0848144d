"""What files were before a tool changed them, so that the person can take the change back.

The before-image is on disk before the file is touched, together with the hash of what the tool is about to leave there.
No second step says that the change was made: whether it was is seen by comparing the file with both, so a program that
is killed in between leaves nothing to mend (docs/adr/0024).
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from deskhand.agent.safety import places
from deskhand.agent.safety.audit import Audit
from deskhand.agent.safety.kept import DAYS, LARGEST, MOST_BYTES, By, Entry, Kept, UndoError, image, same, shown, sweep
from deskhand.agent.safety.places import Content, PlaceError

__all__ = ["DAYS", "LARGEST", "By", "ConflictError", "Entry", "Undo", "UndoError"]


class ConflictError(UndoError):
    """The file is not as the tool left it; it can still be done if the person insists, and what is there is kept."""


class Undo:
    """The changes of one person's files; several processes may use one folder.

    Args:
        folder: where before-images are kept; made when needed, readable by the person only.
        audit: the log, which is told of everything that is taken back.
        days: how long.
        most: bytes of all.
    """

    def __init__(self, folder: Path, audit: Audit | None = None, *, days: float = DAYS, most: int = MOST_BYTES) -> None:
        self._kept = Kept(folder, days, most)
        self._audit = audit

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
        with self._kept.held():
            if places.look(path) != before:
                raise UndoError(f"{shown(path)} was changed by somebody else just now: look at it again.")
            if before == after:
                return
            entry = self._kept.keep(by, path, None, before, after)
            try:
                places.put(path, after)
            except PlaceError:
                self._kept.forget(entry)
                raise

    def move(self, by: By, path: Path, target: Path) -> None:
        """Move a file to where nothing is, and remember it.

        Raises:
            UndoError: that could not be written down.
            PlaceError: the file could not be moved.
        """
        with self._kept.held():
            what = places.look(path)
            if what is None:
                raise UndoError(f"There is no file {shown(path)}.")
            entry = self._kept.keep(by, path, target, what, what)
            try:
                places.move(path, target)
            except PlaceError:
                self._kept.forget(entry)
                raise

    def entries(self) -> tuple[Entry, ...]:
        """Everything that is kept and can be read, the newest first; raises UndoError if the folder can't be."""
        return self._kept.entries()

    def of_calls(self, calls: Iterable[str]) -> dict[str, tuple[Entry, ...]]:
        """What each of these calls changed, the newest first; calls that changed nothing are left out."""
        wanted = set(calls) - {""}
        found: dict[str, tuple[Entry, ...]] = {}
        for entry in self._kept.entries() if wanted else ():
            if entry.by.call in wanted:
                found[entry.by.call] = (*found.get(entry.by.call, ()), entry)
        return found

    def tidy(self) -> None:
        """Remove what was kept for long enough.

        Raises:
            UndoError: it can't be removed.
        """
        self._kept.tidy()

    def find(self, name: str) -> Entry:
        """The entry of that name.

        Raises:
            UndoError: there is none.
        """
        found = next((entry for entry in self._kept.entries() if entry.id == name), None)
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
        with self._kept.held():
            entry = self.find(name)
            unlogged = self._tell(entry, "forgotten", force=False)
            self._kept.forget(entry)
        return f"Nothing is kept any more of this: {entry.words}.{unlogged}"

    def _turn(self, name: str, *, back: bool, force: bool) -> str:
        try:
            with self._kept.held():
                entry = self.find(name)
                if bool(entry.undone) == back:
                    raise UndoError(f"That was undone already: {entry.words}." if back else "That was not undone.")
                sweep(entry)
                turned = self._move_back if entry.target else self._put_back
                return turned(entry, back=back, force=force)
        except PlaceError as error:
            raise UndoError(str(error)) from error

    def _put_back(self, entry: Entry, *, back: bool, force: bool) -> str:
        goal, left = (entry.before, entry.after) if back else (entry.after, entry.before)
        now = places.look(entry.path)
        if same(now, goal):
            self._mark(entry, back=back)
            return f"{shown(entry.path)} is already as it was {'before' if back else 'left'}: nothing had to be done."
        if not same(now, left) and not force:
            raise ConflictError(self._conflict(entry, entry.path))
        content = self._kept.content(entry, "before" if back else "after", goal)
        if content and goal and now and left and now.mode != left.mode:
            content = replace(content, mode=now.mode)  # the person has changed it since, and not the tool
        if now:
            self._kept.store(entry, "after" if back else "before", now.raw)
        # Before the file is touched: what is there now can be told apart from what shall be, whenever this ends.
        entry = replace(entry, **{"after" if back else "before": image(now)})
        self._kept.save(entry)
        unlogged = self._tell(entry, "undone" if back else "redone", force=force)
        places.put(entry.path, content)
        self._mark(entry, back=back)
        return _said(entry, back=back) + unlogged

    def _move_back(self, entry: Entry, *, back: bool, force: bool) -> str:
        assert entry.target  # noqa: S101 - `_turn` has looked
        here, there = (entry.target, entry.path) if back else (entry.path, entry.target)
        now, free = places.look(here), places.look(there)
        if now is None and same(free, entry.before):
            self._mark(entry, back=back)
            return f"{shown(there)} is there already: nothing had to be done."
        if now is None or free is not None:
            raise UndoError(
                f"{shown(here)} is gone."
                if now is None
                else f"Something else is at {shown(there)} by now: move it away."
            )
        if not same(now, entry.after) and not force:
            raise ConflictError(self._conflict(entry, here))
        unlogged = self._tell(entry, "undone" if back else "redone", force=force)
        places.move(here, there)
        self._mark(replace(entry, before=image(now), after=image(now)), back=back)
        return _said(entry, back=back) + unlogged

    def _conflict(self, entry: Entry, path: Path) -> str:
        later = [other for other in self._kept.entries() if other.at > entry.at and not other.undone]
        next_one = next((other for other in later if path in {other.path, other.target}), None)
        if next_one:
            what = f"{shown(path)} was changed again by {next_one.by.tool} later"
            return f"{what}: undo that first ({next_one.id}). Nothing was changed."
        return f"{shown(path)} is not as {entry.by.tool} left it: it was changed since. Nothing was changed."

    def _mark(self, entry: Entry, *, back: bool) -> None:
        self._kept.save(replace(entry, undone=time.time_ns() if back else 0))

    def _tell(self, entry: Entry, did: str, *, force: bool) -> str:
        """Write it into the log; the person's own wish does not fail because that can't be done, but they are told."""
        if self._audit is None:
            return ""
        told = {"path": str(entry.path), "target": str(entry.target or ""), "was": entry.did, "forced": force}
        by = {"tool": entry.by.tool, "call": entry.by.call}
        problem = self._audit.tell("undo", did=did, entry=entry.id, **told, **by)
        return f" {problem}" if problem else ""


def _said(entry: Entry, *, back: bool) -> str:
    """What was done, as a person reads it."""
    if entry.target:
        here, there = (entry.target, entry.path) if back else (entry.path, entry.target)
        return f"Moved {shown(here)} {'back ' if back else ''}to {shown(there)}."
    goal = entry.before if back else entry.after
    if goal is None:
        return f"Removed {shown(entry.path)}{f', which {entry.by.tool} had created' if back else ' again'}."
    return f"Restored {shown(Path(entry.path.name))}." if back else f"Changed {shown(Path(entry.path.name))} again."
