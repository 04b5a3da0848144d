"""The clock: time, and timers as files that Deskhand watches."""

from __future__ import annotations

import json
import os
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

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
    now = datetime.now().astimezone()
    due = now + length
    folder = _folder(host)
    folder.mkdir(parents=True, exist_ok=True)
    name = _free_name(folder)
    timer = {"id": name, "label": " ".join(label.split())[:200], "due": due.timestamp(), "set": now.timestamp()}
    _write(folder / f"{name}.json", json.dumps(timer))
    return {"id": name, "label": timer["label"], "due": f"{due:%Y-%m-%d %H:%M:%S}", "seconds": length.total_seconds()}


def list_timers(host: Host) -> dict[str, Any]:
    """List the timers that are still running."""
    now = datetime.now().astimezone()
    timers = [
        {
            "id": timer["id"],
            "label": timer["label"],
            "due": f"{datetime.fromtimestamp(timer['due']).astimezone():%Y-%m-%d %H:%M:%S}",
            "seconds_left": max(0, round(timer["due"] - now.timestamp())),
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


def _folder(host: Host) -> Path:
    return host.data / "timers"


def _timers(host: Host) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for file in sorted(_folder(host).glob("*.json")):
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
            found.append({"id": file.stem, "label": str(data["label"]), "due": float(data["due"])})
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
