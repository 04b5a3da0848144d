"""Timers of the clock skill that really fire, also after a restart.

The skill writes one JSON file a timer into ``data/clock/timers``: ``id``, ``label``, ``due`` and ``set`` (seconds
since the epoch), and if it repeats ``repeat`` and ``wall``, the date and time that its series is at, without a zone.
Whoever watches takes a timer by renaming its file, so that two programs never tell the same one.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psutil

from deskhand.agent.directory import Directory
from deskhand.agent.events import Notice

_log = logging.getLogger(__name__)

CLOCK = "clock"
"""The skill whose timers these are."""

LATE = 10.0
"""Seconds after which a timer is told as missed: the program was closed or the machine asleep."""

TICK = 0.25
"""Seconds between two looks into the folder; a look at an empty folder takes some 20 µs."""

GONE = float("inf")
"""When a timer is due whose file was taken between listing and reading."""

MOST_BYTES = 64 * 1024
"""Of the file of a timer."""

_FIRING = ".firing-"
"""What stands in the name of a taken timer, before the number of the process that has it."""

LATEST = 4_102_444_800.0
"""The year 2100: a timer that is due later than that was not set by anybody."""

DAY = 86_400.0

UNTOLD = "A timer has ended and something went wrong; it is told again when Deskhand starts."

REPEATS = ("daily", "weekdays", "weekly", "monthly", "yearly")


@dataclass(frozen=True, slots=True)
class Timer:
    """One timer that has not fired.

    Attributes:
        id: the name of its file.
        label: the person's words, may be empty.
        due: seconds since the epoch.
        repeat: one of `REPEATS`; empty for once.
        more: all else that its file says.
    """

    id: str
    label: str
    due: float
    repeat: str = ""
    more: Mapping[str, Any] = field(default_factory=dict[str, Any], compare=False)

    @property
    def wall(self) -> datetime:
        """What its series is at by the clock on the wall: 02:30 also on the day that lacks it."""
        due = datetime.fromtimestamp(self.due)  # noqa: DTZ006 - wall time is what repeats
        try:
            wall = datetime.fromisoformat(str(self.more.get("wall"))).replace(tzinfo=None)
        except ValueError:
            return due
        return wall if abs((wall - due).total_seconds()) <= DAY else due


class Timers:
    """Watches the timers below ``data``.

    Args:
        data: the same folder that the `Toolbox` has.
        notify: called in the watching thread, once a timer, with one sentence.
        rang: called behind ``notify`` with the timer and its sentence, for those who keep it.
        owner: whose timers: a folder below ``data``.
        fired: called instead of ``notify`` with each timer that is due, and what to call once it has been dealt with:
            until then a timer that was taken is given back at the next start.
    """

    def __init__(
        self,
        data: Path,
        notify: Callable[[Notice], None],
        *,
        owner: str = CLOCK,
        rang: Callable[[Timer, str], None] = lambda _timer, _sentence: None,
        fired: Callable[[Timer, Callable[[], None]], None] | None = None,
    ) -> None:
        self._owner = data / owner
        self._notify = notify
        self._rang = rang
        self._fired = fired
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to watch; what was missed while nobody did is told at once."""
        if self._thread is None:
            self._recover()
            self._stop.clear()
            self._thread = threading.Thread(target=self._watch, name="timers", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End watching; timers stay on disk. Safe to call twice."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def pending(self) -> list[Timer]:
        """Timers that have not fired, the next first."""
        with self._opened() as folder:
            found = [timer for name in _files(folder, ".json") if (timer := _read(folder, name))]
        return sorted((timer for timer in found if timer.due < GONE), key=lambda timer: timer.due)

    def cancel(self, timer: str) -> bool:
        """Take a timer away that has not fired; says whether there was one."""
        with self._opened() as folder:
            name = f"{timer}.json"
            return name in _files(folder, ".json") and folder is not None and folder.remove(name)

    def wait(self, cancel: threading.Event) -> None:
        """Block until no timer is left or ``cancel`` is set; for the command line, after `start`."""
        while self._waiting():
            if cancel.wait(TICK):
                return

    def _waiting(self) -> bool:
        with self._opened() as folder:
            return any(name.endswith(".json") or _FIRING in name for name in _files(folder))

    def _watch(self) -> None:
        while True:
            try:
                self._fire_due()
            except Exception:  # noqa: BLE001 - the thread goes on
                _log.exception("timers could not be looked at")
            if self._stop.wait(TICK):
                return

    def _fire_due(self) -> None:
        with self._opened() as folder:
            for name in _files(folder, ".json"):
                timer = _read(folder, name)
                if folder is not None and (timer is None or timer.due <= time.time()):
                    # One that can't be dealt with (a folder has the name it would get) must not silence the others.
                    try:
                        self._take(folder, name, timer)
                    except OSError:
                        continue
                    except Exception:  # noqa: BLE001 - also of what is told: it stays taken until the next start
                        _log.exception("the timer %s could not be told", name)
                        with contextlib.suppress(Exception):
                            self._notify(Notice("timer", UNTOLD))

    def _take(self, folder: Directory, name: str, timer: Timer | None) -> None:
        """Take a timer, so that no other program does, and tell it."""
        taken = f"{name}{_FIRING}{os.getpid()}"
        try:
            folder.move(name, taken)
        except FileNotFoundError:
            return  # another program took it, or it was cancelled
        if timer is None:
            stem = name.removesuffix(".json")
            folder.move(taken, f"{stem}.broken")
            self._notify(Notice("timer", f"A timer can't be read and was put aside as {stem}.broken: set it again."))
            return
        if self._fired:
            self._fired(timer, lambda: self._gone(taken))
            return
        sentence = _sentence(timer, time.time())
        self._notify(Notice("timer", sentence, timer.id))
        if timer.repeat:
            _again(folder, name, timer)
        self._rang(timer, sentence)
        # Only now: a timer is told twice rather than never if we are killed here.
        folder.remove(taken)

    def _gone(self, taken: str) -> None:
        with self._opened() as folder:
            if folder is not None:
                folder.remove(taken)

    def _recover(self) -> None:
        """Give back what a killed program took and did not tell."""
        with self._opened() as folder:
            for taken in _files(folder):
                name, _, process = taken.rpartition(_FIRING)
                if not name or folder is None:
                    continue
                if not process.isdigit() or process == str(os.getpid()) or not psutil.pid_exists(int(process)):
                    with contextlib.suppress(OSError):
                        folder.move(taken, name)

    @contextlib.contextmanager
    def _opened(self) -> Generator[Directory | None]:
        """The folder, which a skill writes: a link in its place or in it leads us nowhere; None if there is none."""
        try:
            folder = Directory.open(self._owner.resolve(), "timers")
        except (OSError, RuntimeError):  # a link that leads to itself is a RuntimeError
            yield None
            return
        with folder:
            yield folder


def _files(folder: Directory | None, suffix: str = "") -> list[str]:
    try:
        return [] if folder is None else folder.files(suffix)
    except OSError:
        return []  # somebody took the right to list it away


def _read(folder: Directory | None, name: str) -> Timer | None:
    try:
        raw = folder.read(name, MOST_BYTES, single=False) if folder else None
        if raw is None:
            return Timer(name.removesuffix(".json"), "", GONE)
        data = json.loads(raw)
        repeat = str(data.get("repeat", ""))
        label, due = str(data["label"]), float(data["due"])
        if not 0 <= due < LATEST:
            return None
        return Timer(str(data["id"]), label, due, repeat if repeat in REPEATS else "", data)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError):
        return None


def _again(folder: Directory, name: str, timer: Timer) -> None:
    """Set a timer that repeats for its next time, whole or not at all."""
    wall = following(timer.wall, timer.repeat, time.time())
    kept = {
        "id": timer.id,
        "label": timer.label,
        "due": wall.timestamp(),
        "set": time.time(),
        "repeat": timer.repeat,
        "wall": wall.isoformat(),
    }
    folder.write(name, json.dumps(kept).encode())


def following(wall: datetime, repeat: str, now: float) -> datetime:
    """What a series is at next, later than ``now``: the same time on the wall, whatever summer time does.

    A day that a month lacks (the 31st) is skipped to the next month that has it. A time that the day lacks stays what
    it is; its timestamp is what the clock would have shown, as of `datetime`, an hour later in most zones.
    """
    step = 0
    while True:
        step += 1
        moment = _step(wall, repeat, step)
        if moment is not None and moment.timestamp() > now:
            return moment


def _step(first: datetime, repeat: str, step: int) -> datetime | None:
    if repeat in {"daily", "weekdays", "weekly"}:
        moment = first + timedelta(days=step * (7 if repeat == "weekly" else 1))
        return None if repeat == "weekdays" and moment.weekday() > 4 else moment
    months = first.month - 1 + step * (12 if repeat == "yearly" else 1)
    try:
        return first.replace(year=first.year + months // 12, month=months % 12 + 1)
    except ValueError:
        return None


def _sentence(timer: Timer, now: float) -> str:
    what = f"“{timer.label}”" if timer.label else "Your timer"
    if now - timer.due < LATE:
        return f"Timer {what} is up." if timer.label else "Your timer is up."
    due = datetime.fromtimestamp(timer.due).astimezone()
    when = f"{due:%H:%M}" if due.date() == datetime.now().astimezone().date() else f"{due:%Y-%m-%d %H:%M}"
    return f"Missed while Deskhand was not running: {what} ended at {when}."
