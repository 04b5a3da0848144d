"""`deskhand audit`: the log of what was asked, decided and done, and whether it is whole."""

from __future__ import annotations

import argparse
import contextlib
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from deskhand.agent.safety.audit import Audit, AuditError, Entry
from deskhand.app import terminal, wiring
from deskhand.app.visible import one_line

_SKILLS: Mapping[str, str] = {
    "agreed": "You agreed to the skill {name} with the hash {digest}, from {origin}",
    "forgot": "What you agreed to of the skill {name} no longer counts",
    "installed": "The skill {name} with the hash {digest} was installed from {origin} into {place}; scopes: {scopes}",
    "removed": "The skill {name} was removed to {place}",
    "restored": "The skill {name} was put back into {place}",
    "on": "The skill {name} was switched on",
    "off": "The skill {name} was switched off",
    "trusted": "The skills of the project {folder} were trusted",
}
"""What an entry of the kind ``skill`` says, by what was done."""


_UNDO: Mapping[str, str] = {
    "undone": "You undid what {tool} did ({was}) to {path}",
    "redone": "You did again what {tool} did ({was}) to {path}",
    "forgotten": "You had removed what was kept of what {tool} did ({was}) to {path}",
}
"""Likewise of the kind ``undo``."""


_PERMITS: Mapping[str, str] = {
    "mode": "You chose the mode {mode}",
    "trust": "You trusted the folder {folder}",
    "distrust": "You no longer trust the folder {folder}",
    "revoke": "You took back: {covers}",
    "own": "You chose how often notes, timers and reminders ask: {own}",
    "reads": "You marked as read-only, of the server {server}: {tools}",
    "acts": "You marked as no longer read-only, of the server {server}: {tools}",
}
"""Likewise of the kind ``permits``."""


def run(options: argparse.Namespace) -> int:
    """Do one action; verify returns 1 if the log is not whole."""
    try:
        if options.action == "show":
            return _show(wiring.open_audit(), options.last, as_json=options.json)
        return _verify(wiring.open_audit(), as_json=options.json)
    except AuditError as error:
        terminal.err.line(error)
        return 1


def _show(log: Audit, last: int, *, as_json: bool) -> int:
    for entry in deque(log.entries(), maxlen=last or None):
        if as_json:
            terminal.data(asdict(entry))
        else:
            terminal.out.line(_line(entry))
    return 0


def _line(entry: Entry) -> str:
    try:
        when = f"{datetime.fromisoformat(entry.at).astimezone():%Y-%m-%d %H:%M:%S}"
    except ValueError:
        when = entry.at
    return f"{entry.number:>6}  {when}  {entry.kind:<7} {_words(entry)}"


def _words(entry: Entry) -> str:
    """A sentence where there is one for what was done, else the fields with their names."""
    said = {"skill": _SKILLS, "undo": _UNDO, "permits": _PERMITS}.get(entry.kind, {}).get(str(entry.fields.get("did")))
    if said:
        with contextlib.suppress(KeyError):
            return said.format_map({key: _value(value) for key, value in entry.fields.items()})
    return "  ".join(f"{key}={one_line(value)}" for key, value in entry.fields.items() if value not in ("", [], None))


def _value(value: object) -> str:
    if value in ("", []):
        return "nothing" if value == [] else "an unknown place"
    return ", ".join(map(one_line, value)) if isinstance(value, list) else one_line(value)


def _verify(log: Audit, *, as_json: bool) -> int:
    found = log.verify()
    if as_json:
        terminal.data(asdict(found))
    else:
        for note in found.notes:
            terminal.out.line(note)
        terminal.out.line(found.problem or f"The log is whole: {found.entries} entries.")
    return 1 if found.problem else 0
