"""`deskhand tasks`: what goes on behind the conversations, and its end."""

from __future__ import annotations

import argparse
from datetime import datetime

from deskhand.agent.background import Background
from deskhand.agent.task import TaskError
from deskhand.app import terminal, wiring


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="every one, with its name and when it is due")
    listing.add_argument("--json", action="store_true")
    cancel = actions.add_parser("cancel", help="withdraw one; a turn of it that runs is stopped")
    cancel.add_argument("tasks", nargs="+", metavar="ID", help="a name of the list, or “all”")


def run(options: argparse.Namespace) -> int:
    """Do one action and return the exit code."""
    kept = wiring.open_background()
    if options.action == "list":
        return _list(kept, as_json=options.json)
    return _withdraw(kept, options.tasks)


def _list(kept: Background, *, as_json: bool) -> int:
    tasks = kept.all()
    if as_json:
        entries = [
            {
                "id": t.id,
                "kind": t.kind,
                "what": t.what,
                "due": t.due,
                "repeat": t.repeat,
                "conversation": t.conversation,
            }
            for t in tasks
        ]
        terminal.data(entries)
    elif not tasks:
        terminal.out("Nothing goes on behind: no timer, no watch, nothing to be done later.")
    for task in () if as_json else tasks:
        when = f"{datetime.fromtimestamp(task.due).astimezone():%Y-%m-%d %H:%M:%S}"
        until = "until" if task.kind == "watch" else "at"
        terminal.out.line(f"{task.id}  {task.kind}  {until} {when}  {task.what or '(any change)'}")
    return 0


def _withdraw(kept: Background, names: list[str]) -> int:
    wanted = [task.id for task in kept.all()] if names == ["all"] else names
    code = 0
    for name in wanted:
        try:
            task = kept.withdraw(name)
            terminal.out.line(f"{task.id}  withdrawn: {task.what}")
        except TaskError as error:
            terminal.err.line(error)
            code = 1
    return code
