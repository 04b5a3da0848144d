"""What the card of a call offers: to take back what the call changed, all of it, the last first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from deskhand.agent.safety.undo import ConflictError, Entry, Undo, UndoError


@dataclass(frozen=True, slots=True)
class Undoable:
    """Where the changes of one call stand.

    Attributes:
        undone: all of them were taken back.
        said: what was done just now, or why it was not.
        failed: ``said`` says why not.
        conflict: it can be done if the person insists.
    """

    undone: bool = False
    said: str = ""
    failed: bool = False
    conflict: bool = False


@dataclass(frozen=True, slots=True)
class UndoChanged:
    """What can be taken back, by the id of the call; calls that are not there keep what they have."""

    calls: Mapping[str, Undoable] = field(default_factory=dict[str, Undoable])


class Undoing:
    """The changes of calls. Reads and writes files: not for the window's thread.

    Args:
        kept: the changes of files.
    """

    def __init__(self, kept: Undo) -> None:
        self._kept = kept

    def look(self, calls: Iterable[str]) -> UndoChanged:
        """What can be taken back of these calls; nothing where what was kept can't be read."""
        try:
            found = self._kept.of_calls(calls)
        except UndoError:
            return UndoChanged()
        return UndoChanged({call: Undoable(all(entry.undone for entry in entries)) for call, entries in found.items()})

    def turn(self, call: str, *, redo: bool = False, force: bool = False) -> UndoChanged:
        """Take back what a call changed, or make it again; ends at the first change where that can't be done."""
        try:
            entries = self._kept.of_calls([call]).get(call, ())
        except UndoError as error:
            return UndoChanged({call: Undoable(redo, str(error), failed=True)})
        if not entries:
            return UndoChanged({call: Undoable(redo, "What this changed is no longer kept.", failed=True)})
        said: list[str] = []
        for entry in reversed(entries) if redo else entries:
            try:
                said += self._one(entry, redo=redo, force=force)
            except UndoError as error:
                conflict = isinstance(error, ConflictError)
                return UndoChanged(
                    {call: Undoable(redo, " ".join([*said, str(error)]), failed=True, conflict=conflict)}
                )
        return UndoChanged({call: Undoable(not redo, " ".join(said))})

    def _one(self, entry: Entry, *, redo: bool, force: bool) -> list[str]:
        if bool(entry.undone) != redo:
            return []  # done meanwhile, in the terminal
        return [(self._kept.redo if redo else self._kept.undo)(entry.id, force=force)]
