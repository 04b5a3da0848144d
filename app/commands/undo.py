"""`deskhand undo`: takes back what tools did to files and notes, the newest first."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from deskhand.agent.safety.undo import ConflictError, Entry, Undo, UndoError
from deskhand.app import terminal, wiring


def add_parser(commands: Any) -> None:  # noqa: ANN401 - argparse has no public name for it
    """Add ``undo`` to the command line."""
    made = commands.add_parser("undo", help="take back what a tool did to a file or a note")
    made.add_argument("ids", nargs="*", metavar="ID", help="a name of the list; without one: the newest change")
    made.add_argument("--list", action="store_true", help="what can be undone, the newest first")
    made.add_argument("--redo", action="store_true", help="make a change again that was undone")
    made.add_argument("--forget", action="store_true", help="remove what is kept of these; they can't be undone then")
    made.add_argument("--force", action="store_true", help="also where the file was changed since; that is kept")
    made.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """List, or take back; returns 1 if anything could not be done."""
    kept = wiring.open_undo()
    try:
        if options.list:
            return _list(kept.entries(), as_json=options.json)
        chosen = _chosen(kept, options)
    except UndoError as error:
        return _tell([_as_json("", error=error)], options)
    return _tell([_turn(kept, entry, options) for entry in chosen], options)


def _list(entries: Sequence[Entry], *, as_json: bool) -> int:
    if as_json:
        terminal.data([entry.as_json() for entry in entries])
    elif not entries:
        terminal.out("Nothing that tools changed is kept.")
    for entry in () if as_json else entries:
        terminal.out.line(f"{entry.id}  {_when(entry.at)}  {entry.words}{'  (undone)' if entry.undone else ''}")
    return 0


def _when(nanoseconds: int) -> str:
    return f"{datetime.fromtimestamp(nanoseconds / 1e9).astimezone():%Y-%m-%d %H:%M:%S}"


def _chosen(kept: Undo, options: argparse.Namespace) -> list[Entry]:
    """The entries in the order in which they are taken back (the newest first) or made again (the oldest first)."""
    names, redo = options.ids, options.redo
    if options.forget and not names:
        raise UndoError("Name what shall be forgotten. See: deskhand undo --list")
    if names:
        found = [kept.find(name) for name in dict.fromkeys(names)]
        return sorted(found, key=lambda entry: entry.at, reverse=not redo)
    entries = kept.entries()
    if redo:
        undone = [entry for entry in entries if entry.undone]
        if not undone:
            raise UndoError("Nothing was undone that could be made again.")
        return [max(undone, key=lambda entry: entry.undone)]
    newest = next((entry for entry in entries if not entry.undone), None)
    if newest is None:
        raise UndoError("There is nothing to undo.")
    return [newest]


def _turn(kept: Undo, entry: Entry, options: argparse.Namespace) -> dict[str, Any]:
    turn = kept.redo if options.redo else kept.undo
    try:
        if options.forget:
            return _as_json(entry.id, did=kept.forget(entry.id))
        return _as_json(entry.id, did=turn(entry.id, force=options.force))
    except ConflictError as error:
        redo = "--redo " if options.redo else ""
        hint = f"To do it all the same, and keep what is there now: deskhand undo {redo}{entry.id} --force"
        return _as_json(entry.id, error=error, hint=hint)
    except UndoError as error:
        return _as_json(entry.id, error=error)


def _as_json(name: str, did: str = "", error: UndoError | None = None, hint: str = "") -> dict[str, Any]:
    conflict = isinstance(error, ConflictError)
    return {"id": name, "did": did, "error": str(error or ""), "conflict": conflict, "hint": hint}


def _tell(told: Sequence[dict[str, Any]], options: argparse.Namespace) -> int:
    failed = any(each["error"] for each in told)
    if options.json:
        terminal.data({"changes": told})
        return int(failed)
    for each in told:
        if each["did"]:
            terminal.out.line(each["did"])
        else:
            terminal.err.line(f"{each['error']} {each['hint']}".rstrip())
    return int(failed)
