"""The clock: time, and timers and reminders as files that Deskhand watches."""

from __future__ import annotations

import json
import os
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Protocol

LONGEST = timedelta(days=366)


class Host(Protocol):
    """What Deskhand gives a tool."""

    data: Path


def time() -> dict[str, str]:
    """Tell the local time, date, weekday and time zone."""
    now = datetime.now().astimezone()
    offset = f"{now:%z}"
    return {
        "time": f"{now:%H:%M:%S}",
        "date": f"{now:%Y-%m-%d}",
        "weekday": f"{now:%A}",
        "zone": f"{now:%Z} (UTC{offset[:3]}:{offset[3:5]})",
    }


def set_timer(host: Host, seconds: float = 0, minutes: float = 0, hours: float = 0, label: str = "") -> dict[str, Any]:
    """Set a timer that tells the person when it is up. The lengths are added.

    Args:
        host: given by Deskhand.
        seconds: length in seconds.
        minutes: length in minutes.
        hours: length in hours.
        label: what to remind of, in the person's words.
    """
    try:
        length = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        length = LONGEST * 2
    if min(seconds, minutes, hours) < 0 or length < timedelta(seconds=1):
        raise ValueError("A timer needs a length of at least one second.")
    if length > LONGEST:
        raise ValueError("A timer can't be longer than a year.")
    set_ = _set(host, datetime.now().astimezone() + length, label)
    return {**set_, "seconds": length.total_seconds()}


def set_reminder(
    host: Host,
    at: str,
    label: str,
    repeat: Literal["once", "daily", "weekdays", "weekly", "monthly", "yearly"] = "once",
) -> dict[str, Any]:
    """Remind the person at a date and time.

    Args:
        host: given by Deskhand.
        at: as 2026-12-24 18:00, in local time; a time alone is the next time the clock shows it.
        label: what to remind of, in the person's words.
        repeat: how often.
    """
    now = datetime.now().astimezone()
    due = _moment(at, now)
    if due <= now:
        raise ValueError(f"{due:%Y-%m-%d %H:%M} is past.")
    if due - now > LONGEST:
        raise ValueError("A reminder can't be further away than a year.")
    if repeat == "weekdays" and due.weekday() > 4:
        raise ValueError(f"{due:%A, %Y-%m-%d} is no weekday: give the first day as one.")
    return _set(host, due, label, "" if repeat == "once" else repeat)


def list_timers(host: Host) -> dict[str, Any]:
    """List the timers that are still running."""
    now = datetime.now().astimezone()
    timers = [
        {
            "id": timer["id"],
            "label": timer["label"],
            "due": f"{datetime.fromtimestamp(timer['due']).astimezone():%Y-%m-%d %H:%M:%S}",
            "seconds_left": max(0, round(timer["due"] - now.timestamp())),
            **({"repeat": timer["repeat"]} if "repeat" in timer else {}),
        }
        for timer in sorted(_timers(host), key=lambda timer: timer["due"])
    ]
    return {"timers": timers}


def cancel_timer(host: Host, timer: str) -> dict[str, str]:
    """Cancel a timer.

    Args:
        host: given by Deskhand.
        timer: its id, or its label.
    """
    wanted = timer.strip().casefold()
    matching = [entry for entry in _timers(host) if wanted in {entry["id"].casefold(), entry["label"].casefold()}]
    if not matching:
        running = ", ".join(f"{entry['id']} ({entry['label']})" for entry in _timers(host)) or "none"
        raise ValueError(f"No timer is called {timer}. Running: {running}.")
    if len(matching) > 1:
        raise ValueError(f"Several timers are called {timer}: give the id, {', '.join(e['id'] for e in matching)}.")
    (_folder(host) / f"{matching[0]['id']}.json").unlink(missing_ok=True)
    return {"cancelled": matching[0]["id"], "label": matching[0]["label"]}


def _moment(text: str, now: datetime) -> datetime:
    words = text.strip().replace("T", " ")
    try:
        if ":" in words and "-" not in words:
            at = datetime.strptime(words, "%H:%M").replace(year=now.year, month=now.month, day=now.day)  # noqa: DTZ007
            return at.astimezone() if at.astimezone() > now else (at + timedelta(days=1)).astimezone()
        return datetime.fromisoformat(words).astimezone()
    except (ValueError, OverflowError) as error:
        raise ValueError(f"“{text[:40]}” is no date and time: write 2026-12-24 18:00, or 18:00.") from error


def _set(host: Host, due: datetime, label: str, repeat: str = "") -> dict[str, Any]:
    folder = _folder(host)
    folder.mkdir(parents=True, exist_ok=True)
    name = _free_name(folder)
    now = datetime.now().astimezone()
    timer = {"id": name, "label": " ".join(label.split())[:200], "due": due.timestamp(), "set": now.timestamp()}
    again = {"repeat": repeat} if repeat else {}
    _write(folder / f"{name}.json", json.dumps({**timer, **again}))
    return {"id": name, "label": timer["label"], "due": f"{due:%Y-%m-%d %H:%M:%S}", **again}


def _folder(host: Host) -> Path:
    return host.data / "timers"


def _timers(host: Host) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for file in sorted(_folder(host).glob("*.json")):
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
            again = {"repeat": str(data["repeat"])} if data.get("repeat") else {}
            found.append({"id": file.stem, "label": str(data["label"]), "due": float(data["due"]), **again})
        except (OSError, ValueError, KeyError, TypeError):
            continue  # just fired, or damaged: Deskhand puts such a file aside and says so
    return found


def _free_name(folder: Path) -> str:
    while (folder / f"{(name := secrets.token_hex(2))}.json").exists():
        pass
    return name


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)
