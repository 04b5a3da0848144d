"""The clock: time, and timers and reminders as files that Deskhand watches."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Protocol

import choice  # pyright: ignore[reportMissingImports] - beside this file, which Deskhand puts on the path
import moments  # pyright: ignore[reportMissingImports] - likewise
import store  # pyright: ignore[reportMissingImports] - likewise
import wording  # pyright: ignore[reportMissingImports] - likewise

LONGEST = timedelta(days=366)
MOST_LABEL = 200


class Host(Protocol):
    """What Deskhand gives a tool."""

    data: Path


def time() -> dict[str, str]:
    """Tell the local time, date, weekday and time zone, and which day tomorrow is."""
    now = _now()
    offset = f"{now:%z}"
    zone = f"{now:%Z} (UTC{offset[:3]}:{offset[3:5]})"
    yesterday, tomorrow = (
        f"{day:%A}, {wording.dated(day, now)}" for day in (now.date() + timedelta(days=ahead) for ahead in (-1, 1))
    )
    say = (
        f"It is {wording.time(now)} on {now:%A}, {now.day} {now:%B} {now.year}. Tomorrow is {tomorrow}. "
        f"Yesterday was {yesterday}. Time zone: {zone}."
    )
    return {"say": say, "time": f"{now:%H:%M:%S}", "date": f"{now:%Y-%m-%d}", "weekday": f"{now:%A}", "zone": zone}


def set_timer(  # noqa: PLR0917 - the model names them
    host: Host,
    seconds: float = 0,
    minutes: float = 0,
    hours: float = 0,
    label: str = "",
    at: str = "",
    repeat: Literal["once", "daily", "weekdays", "weekly", "monthly", "yearly"] = "once",
) -> dict[str, Any]:
    """Set a timer that tells the person when it is up, or a reminder at a date and time. The lengths are added.

    Args:
        host: given by Deskhand.
        label: what to remind of, in the person's words.
        at: instead of a length, when, in the person's words, such as "tomorrow at 9" or "7 pm".
        repeat: how often.
    """
    now = _now()
    length = _length(seconds, minutes, hours)
    if not at.strip():
        entry = _timer(host, length, label, now)
        entry = _repeated(entry, _wall(entry), repeat, now)
    else:
        entry, note = _reminder(host, at, label, repeat, now)
        if length and abs(entry.due - now.timestamp() - length) > 60:
            raise ValueError("Give a length or a time, not both.")
        if not entry.seconds:
            store.write(_folder(host), entry)
            return {"say": _remembered(entry, note, now), **entry.told()}
    store.write(_folder(host), entry)
    often = f" and then {wording.OFTEN[entry.repeat]}" if entry.repeat else ""
    return {"say": f"Your {entry.name} ends {_end(entry, now)}{often}.", **entry.told(), "seconds": entry.seconds}


def list_timers(host: Host) -> dict[str, Any]:
    """List the timers and reminders that are set."""
    now = _now()
    every = store.entries(_folder(host))
    listed = [{**entry.told(), "seconds_left": max(0, round(entry.due - now.timestamp()))} for entry in every]
    if not every:
        return {"say": "No timers or reminders are set.", "timers": []}
    count = f"{len(every)} are set" if len(every) > 1 else "One is set"
    say = "; ".join(f"{choice.told(entry, now)}{_left(entry, now)}" for entry in every)
    return {"say": f"{count}: {say}.", "timers": listed}


def cancel_timer(host: Host, timer: str) -> dict[str, Any]:
    """Cancel a timer or reminder.

    Args:
        host: given by Deskhand.
        timer: which, in the person's words, such as "the pasta timer", "the 12 minute one", "all".
    """
    now = _now()
    chosen = choice.choose(timer, store.entries(_folder(host)), now)
    gone = [entry for entry in chosen if store.remove(_folder(host), entry)]
    if not gone:
        raise ValueError(f"The {chosen[0].name} has just ended.")
    first = {"cancelled": gone[0].id, "label": gone[0].label} if len(gone) == 1 else {"cancelled": [e.id for e in gone]}
    return {"say": f"Cancelled: {', '.join(f'the {entry.name}' for entry in gone)}.", **first}


def change_timer(  # noqa: PLR0917 - likewise
    host: Host,
    seconds: float = 0,
    minutes: float = 0,
    hours: float = 0,
    label: str = "",
    at: str = "",
    timer: str = "the latest",
    more: bool = False,
) -> dict[str, Any]:
    """Change a timer or reminder that was set before, when the person says “make that …” or “… more”.

    Args:
        host: given by Deskhand.
        label: new words to remind of.
        at: new time, in the person's words.
        timer: which, in the person's words.
        more: whether the length is added to what is left.
    """
    now = _now()
    chosen = choice.choose(timer or "the latest", store.entries(_folder(host)), now)
    if len(chosen) > 1:
        raise ValueError("Only one can be changed at a time: ask which.")
    old, length = chosen[0], _length(seconds, minutes, hours)
    note = ""
    if length and at.strip():
        raise ValueError("Give a length or a time, not both.")
    if not (length or at.strip() or label.strip()):
        raise ValueError("Say what to change: the length, the time or the words.")
    new = replace(old, label=_label(label) or old.label)
    if at.strip():
        new, note = _reminder(host, at, new.label, old.repeat or "once", now)
    elif length:
        new = _lengthened(old, new, length, more=more, now=now)
    new = replace(new, id=old.id)
    if not store.remove(_folder(host), old):
        raise ValueError(f"The {old.name} has just ended.")
    store.write(_folder(host), new)
    say = _remembered(new, note, now) if not new.seconds else f"Your {new.name} now ends {_end(new, now)}."
    return {"say": f"Changed. {say}", **new.told(), "was": old.told()}


def _exact(host: Host, timer: str = "the latest", **others: Any) -> dict[str, Any]:  # noqa: ANN401 - any argument
    every = store.entries(_folder(host))
    chosen = choice.choose(timer or "the latest", every, _now())
    if len(chosen) > 1:
        return {"timer": timer, **others}
    names = [entry.name for entry in every]
    return {"timer": chosen[0].name if names.count(chosen[0].name) == 1 else chosen[0].id, **others}


EXACT = {"change_timer": _exact, "cancel_timer": _exact}
"""The arguments with the name of the timer that is meant, for the question before the change."""


def _now() -> datetime:
    return datetime.now().astimezone()


def _folder(host: Host) -> Path:
    return host.data / "timers"


def _label(text: str) -> str:
    return " ".join(text.split())[:MOST_LABEL]


def _length(seconds: float, minutes: float, hours: float) -> float:
    """Seconds; 0 if no length was given.

    Raises:
        ValueError: it can't be.
    """
    total = hours * 3600 + minutes * 60 + seconds
    if min(seconds, minutes, hours) < 0 or 0 < total < 1:
        raise ValueError("A timer needs a length of at least one second.")
    if not total <= LONGEST.total_seconds():
        raise ValueError("A timer can't be longer than a year.")
    return total


def _timer(host: Host, length: float, label: str, now: datetime) -> store.Entry:
    if not length:
        raise ValueError("A timer needs a length of at least one second, or a time.")
    due = now.timestamp() + length
    return store.Entry(store.free_name(_folder(host)), _label(label), due, now.timestamp(), length)


def _wall(entry: store.Entry) -> datetime:
    return entry.local.replace(tzinfo=None)


def _repeated(entry: store.Entry, wall: datetime, repeat: str, now: datetime) -> store.Entry:
    """With what repeats: of weekdays the first is one."""
    if repeat == "once":
        return entry
    while repeat == "weekdays" and wall.weekday() > 4:
        wall += timedelta(days=1)
    due = wall.timestamp() if wall != _wall(entry) else entry.due
    return replace(entry, due=max(due, now.timestamp() + 1), repeat=repeat, wall=wall.isoformat())


def _reminder(host: Host, at: str, label: str, repeat: str, now: datetime) -> tuple[store.Entry, str]:
    """What the words mean, and what was added to them. A length of less than a day makes a timer."""
    moment = moments.read(at, now)
    often = moment.repeat or repeat
    if moment.repeat and repeat not in {"once", moment.repeat}:
        raise ValueError(f"It can't be both {wording.OFTEN[repeat]} and {wording.OFTEN[moment.repeat]}: ask which.")
    seconds = moment.length if often == "once" else 0.0
    entry = store.Entry(store.free_name(_folder(host)), _label(label), moment.due, now.timestamp(), seconds)
    return _repeated(entry, moment.wall, often, now), moment.note


def _lengthened(old: store.Entry, new: store.Entry, length: float, *, more: bool, now: datetime) -> store.Entry:
    """With another length: from when it was set, if that is not over; “more” adds to what it had."""
    if more:
        due, total = max(old.due, now.timestamp()) + length, (old.seconds + length) if old.seconds else 0.0
    else:
        began = old.set if old.seconds and old.set + length > now.timestamp() + 1 else now.timestamp()
        due, total = began + length, length
    return replace(new, due=due, seconds=total, set=old.set, repeat="", wall="")


def _end(entry: store.Entry, now: datetime) -> str:
    """When it ends: at a time of today, else with the day."""
    end = entry.local
    return f"at {wording.time(end)}" if end.date() == now.date() else wording.moment(end, now)


def _left(entry: store.Entry, now: datetime) -> str:
    left = entry.due - now.timestamp()
    return f", in {wording.length(left if left < 120 else round(left / 60) * 60)}" if 0 < left < 86_400 else ""


def _remembered(entry: store.Entry, note: str, now: datetime) -> str:
    often = f", {wording.OFTEN[entry.repeat]}, first" if entry.repeat else " for"
    added = f" ({note})" if note else ""
    what = f": {entry.label}" if entry.label else ""
    return f"Reminder set{often} {wording.moment(entry.local, now)}{added}{what}."
