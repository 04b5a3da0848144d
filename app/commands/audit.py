"""`deskhand audit`: the log of what was asked, decided and done, and whether it is whole."""

from __future__ import annotations

import argparse
import json
import sys
from collections import deque
from dataclasses import asdict
from datetime import datetime

from deskhand.agent.safety.audit import Audit, AuditError, Entry
from deskhand.app import wiring
from deskhand.app.visible import one_line, shown


def run(options: argparse.Namespace) -> int:
    """Do one action; verify returns 1 if the log is not whole."""
    try:
        if options.action == "show":
            return _show(wiring.open_audit(), options.last, as_json=options.json)
        return _verify(wiring.open_audit(), as_json=options.json)
    except AuditError as error:
        print(error, file=sys.stderr)
        return 1


def _show(log: Audit, last: int, *, as_json: bool) -> int:
    for entry in deque(log.entries(), maxlen=last or None):
        print(json.dumps(asdict(entry), ensure_ascii=False) if as_json else _line(entry))
    return 0


def _line(entry: Entry) -> str:
    try:
        when = f"{datetime.fromisoformat(entry.at).astimezone():%Y-%m-%d %H:%M:%S}"
    except ValueError:
        when = entry.at
    fields = (f"{key}={one_line(value)}" for key, value in entry.fields.items() if value not in ("", [], None))
    return shown(f"{entry.number:>6}  {when}  {entry.kind:<7} {'  '.join(fields)}")


def _verify(log: Audit, *, as_json: bool) -> int:
    found = log.verify()
    if as_json:
        print(json.dumps(asdict(found), ensure_ascii=False))
    else:
        for note in found.notes:
            print(note)
        print(found.problem or f"The log is whole: {found.entries} entries.")
    return 1 if found.problem else 0
