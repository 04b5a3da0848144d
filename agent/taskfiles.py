"""Tasks ↔ the JSON files that keep them, one each, such as `deskhand.agent.timers` reads as well."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import psutil

from deskhand.agent import records
from deskhand.agent.origin import Origin
from deskhand.agent.task import Task
from deskhand.agent.timers import Timer

CLOCK_SECONDS = 5
"""By how much programs may differ about when a process began: the boot time it is counted from gets corrected."""


def dump(task: Task) -> dict[str, Any]:
    """The file of a task: one that `Timers` can read."""
    process = psutil.Process()
    return {
        "id": task.id,
        "label": task.what,
        "due": task.due,
        "set": time.time(),
        "every": task.every,
        "conversation": task.conversation,
        "origins": [asdict(origin) for origin in task.origins],
        "process": [os.getpid(), process.create_time()],
    }


def _load(kind: str, data: Mapping[str, Any]) -> Task:
    origins = tuple(records.load_origin(entry) for entry in data["origins"])
    return Task(
        str(data["id"]),
        "watch" if kind == "watch" else "later",
        str(data["label"]),
        float(data["due"]),
        every=float(data["every"]),
        conversation=int(data["conversation"]),
        origins=origins,
    )


def load_later(timer: Timer) -> Task:
    """A task that waits for its moment."""
    try:
        return _load("later", timer.more)
    except (KeyError, TypeError, ValueError):
        # Written by another hand: nobody vouches for it, and it belongs to no conversation.
        return Task(timer.id, "later", timer.label, timer.due, origins=(Origin("file", timer.id),))


def load_watch(file: Path) -> Task | None:
    """A watch that some program looks after; the file of one whose program was killed is taken away."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        number, started = data["process"]
        if psutil.pid_exists(number) and abs(psutil.Process(number).create_time() - started) < CLOCK_SECONDS:
            return replace(_load("watch", data), id=file.stem)
    except (KeyError, TypeError, ValueError, psutil.Error):
        pass
    except OSError:
        return None  # it has just ended
    file.unlink(missing_ok=True)
    return None
