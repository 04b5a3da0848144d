"""`deskhand grants`: what runs without asking, and what never runs."""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import datetime

from deskhand.agent.safety.grants import Grant, Grants, GrantsError
from deskhand.app import wiring
from deskhand.app.visible import shown


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
        print(error, file=sys.stderr)
        return 1


def _list(kept: Grants, *, as_json: bool) -> int:
    grants = kept.all()
    if as_json:
        print(json.dumps([grant.as_json() for grant in grants], ensure_ascii=False))
    elif not grants:
        print("Nothing was granted or forbidden for longer than a session.")
    for grant in () if as_json else grants:
        print(f"{grant.id}  {shown(grant.words)}  ({_until(grant)})")
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
        print(f"There is no grant named {shown(name)}. See: deskhand grants list", file=sys.stderr)
    return 1 if missing else 0


def _deny(kept: Grants, tools: list[str]) -> int:
    for tool in tools:
        grant = kept.add(Grant(tool, effect="deny", made=time.time()))
        print(f"{grant.id}  {shown(grant.words)}")
    return 0
