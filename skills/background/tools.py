"""What goes on behind the conversation: the application keeps it, and comes back with a turn of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

_ALL = frozenset(
    {"all", "everything", "both", "alle", "alles", "beide", "tout", "tous", "toutes", "todo", "todos", "todas"}
)
_KINDS = {
    "watch": frozenset({"watch", "watches", "watching", "screen", "bildschirm", "écran", "pantalla"}),
    "timer": frozenset({"timer", "timers", "reminder", "reminders"}),
    "later": frozenset({"later", "job", "später", "tard", "luego"}),
}
_FILLERS = _ALL | frozenset(
    {
        "the",
        "a",
        "for",
        "of",
        "that",
        "it",
        "one",
        "my",
        "task",
        "tasks",
        "to",
        "on",
        "which",
        "die",
        "der",
        "das",
        "für",
        "le",
    }
    | {"la", "el", "les", "pour", "para", "them", "this"}
)


class Host(Protocol):
    """What Deskhand gives a tool."""

    def ask(self, name: str, /, **arguments: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Ask the application."""
        ...


def watch(host: Host, what: str = "", minutes: float = 60, every: float = 10) -> dict[str, Any]:
    """Watch the screen, and come back when something is so on it.

    Args:
        host: given by Deskhand.
        what: what to wait for, as it is seen on the screen; empty for any change.
        minutes: how long, at most 480.
        every: seconds between two looks.
    """
    told = host.ask("watch", what=what, seconds=minutes * 60, every=every)
    about = f"“{told['what']}”" if told["what"] else "any change"
    return {"say": f"Watching the screen for {about} until {_time(told['until'])}.", **told}


def later(host: Host, what: str, minutes: float) -> dict[str, Any]:
    """Do something after some minutes.

    Args:
        host: given by Deskhand.
        what: what to do then, in the person's words.
        minutes: from now.
    """
    told = host.ask("later", what=what, seconds=minutes * 60)
    return {"say": f"To be done at {_time(told['due'])}: {told['what']}", **told}


def list_(host: Host) -> dict[str, Any]:
    """List the watches, timers and what is to be done later.

    Args:
        host: given by Deskhand.
    """
    told = host.ask("tasks")
    every = told["tasks"]
    say = f"Going on: {'; '.join(map(_named, every))}." if every else "Nothing goes on in the background."
    return {"say": say, **told}


def end(host: Host, task: str) -> dict[str, Any]:
    """End one that goes on.

    Args:
        host: given by Deskhand.
        task: which, in the person's words, such as "the watch for the build", "all".
    """
    chosen = _chosen(host, task)
    for each in chosen:
        host.ask("end_task", id=each["id"])
    told = {"ended": chosen[0]["id"], "what": chosen[0]["what"]} if len(chosen) == 1 else {}
    return {"say": f"Ended: {'; '.join(map(_named, chosen))}.", "ended": [each["id"] for each in chosen], **told}


def _exact_end(host: Host, task: str) -> dict[str, Any]:
    chosen = _chosen(host, task)
    names = [_named(each) for each in host.ask("tasks")["tasks"]]
    if len(chosen) > 1:
        return {"task": task}
    name = _named(chosen[0])
    return {"task": name if names.count(name) == 1 else chosen[0]["id"]}


EXACT = {"end": _exact_end}
"""The arguments with the name of the task that is meant, for the question before it ends."""


def _chosen(host: Host, words: str) -> list[Mapping[str, str]]:
    """The tasks that the words mean: one, or all if they say so.

    Raises:
        ValueError: none is meant or it is not clear which; a sentence that names those that there are.
    """
    every = host.ask("tasks")["tasks"]
    if not every:
        raise ValueError("Nothing goes on in the background.")
    wanted = words.strip().casefold()
    exact = [each for each in every if wanted in {each["id"], each["what"].casefold(), _named(each).casefold()}]
    if len(exact) == 1:
        return exact
    tell = re.findall(r"\w+", wanted)
    kinds = {kind for kind, names in _KINDS.items() if names & set(tell)}
    left = [word for word in tell if word not in _FILLERS and not any(word in names for names in _KINDS.values())]
    found = [
        each
        for each in every
        if (not kinds or each["kind"] in kinds)
        and all(any(own.startswith(word) for own in re.findall(r"\w+", each["what"].casefold())) for word in left)
    ]
    if found and (len(found) == 1 or _ALL & set(tell)):
        return found
    listed = "; ".join(map(_named, found or every))
    if not found:
        raise ValueError(f"Nothing that goes on is like “{words.strip()[:60]}”. There is: {listed}.")
    raise ValueError(f"Several can be meant: {listed}. Ask which.")


def _named(task: Mapping[str, str]) -> str:
    """A task in words."""
    at, what = _time(task["due"]), task["what"]
    match task["kind"]:
        case "watch":
            return f"the watch for {f'“{what}”' if what else 'any change'}, until {at}"
        case "timer":
            return f"the timer{f' “{what}”' if what else ''}, at {at}"
        case _:
            return f"“{what}”, at {at}"


def _time(stamp: str) -> str:
    """A date and time of the application as it can be said: 3:01 in the morning, with the date if it is another day."""
    then, now = datetime.fromisoformat(stamp), datetime.now().astimezone()
    part = "in the morning" if then.hour < 12 else "in the afternoon" if then.hour < 18 else "in the evening"
    day = "" if then.date() == now.date() else f" on {then.day} {then:%B}"
    return f"{then.hour % 12 or 12}:{then.minute:02} {part}{day}"
