"""`deskhand grants`: what runs without asking, and what never runs."""

from __future__ import annotations

import argparse
import time
from datetime import datetime

from deskhand.agent.safety.grants import Grant, Grants, GrantsError
from deskhand.app import terminal, wiring


def run(options: argparse.Namespace) -> int:
    """Do one action and return the exit code."""
    kept = wiring.open_grants()
    try:
        match options.action:
            case "list":
                return _list(kept, as_json=options.json)
            case "revoke":
                return _revoke(kept, options.grants)
            case _:
                return _deny(kept, options.tools)
    except GrantsError as error:
        terminal.err.line(error)
        return 1


def _list(kept: Grants, *, as_json: bool) -> int:
    grants = kept.all()
    if as_json:
        terminal.data([grant.as_json() for grant in grants])
    elif not grants:
        terminal.out("Nothing was granted or forbidden for longer than a session.")
    for grant in () if as_json else grants:
        terminal.out.line(f"{grant.id}  {grant.words}  ({_until(grant)})")
    return 0


def _until(grant: Grant) -> str:
    if grant.expires == float("inf"):
        return "until you take it back"
    word = "ended" if grant.expires <= time.time() else "until"
    return f"{word} {datetime.fromtimestamp(grant.expires).astimezone():%Y-%m-%d}"


def _revoke(kept: Grants, names: list[str]) -> int:
    wanted = [grant.id for grant in kept.all()] if names == ["all"] else names
    missing = [name for name in wanted if kept.revoke(name) is None]
    for name in missing:
        terminal.err.line(f"There is no grant named {name}. See: deskhand grants list")
    return 1 if missing else 0


def _deny(kept: Grants, tools: list[str]) -> int:
    for tool in tools:
        grant = kept.add(Grant(tool, effect="deny", made=time.time()))
        terminal.out.line(f"{grant.id}  {grant.words}")
    return 0
