"""The tasks that go on behind the conversation: begun by a call, listed and withdrawn by the person.

Each is a JSON file below ``data/deskhand``, so that every program of the person lists it and can withdraw it by taking
the file away. ``later`` is a timer and survives a restart; a watch ends with the program that looks.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from deskhand.agent import private, taskfiles
from deskhand.agent.difference import differs
from deskhand.agent.events import Notice, TasksChanged
from deskhand.agent.percept import ScreenPercept
from deskhand.agent.task import Settled, Task, TaskError, Woken
from deskhand.agent.timers import Timer, Timers

_log = logging.getLogger(__name__)

MOST = 8
"""Tasks at a time that come back as turns."""

MOST_ASKED = 60
"""How often the model is asked for one watch: a screen that plays a film changes at every look."""

LONGEST_WATCH = 8 * 3600.0
LONGEST_WAIT = 366 * 86_400.0
LEAST_EVERY = 2.0
"""Seconds between two looks."""

TICK = 0.5
"""Seconds between two rounds."""

PATIENCE = 5
"""Looks in a row that may fail."""

OWNER = "deskhand"
"""No skill can have this name, so no tool writes these files."""

ELSEWHERE = "A watch needs Deskhand's window: nobody would be told here."

Tell = Callable[[Notice | TasksChanged], None]


@dataclass
class _Watch:
    """A watch of this program.

    Attributes:
        task: as it was begun.
        file: which says that it has not been withdrawn.
        seen: what the screen showed when the model was asked last; None at the first look.
        next: when to look again, of `time.monotonic`.
        asked: how often it has come back.
        failed: looks in a row that failed.
        busy: it has come back and is not settled.
        cancel: set when it is withdrawn.
    """

    task: Task
    file: Path
    seen: ScreenPercept | None = None
    next: float = 0.0
    asked: int = 0
    failed: int = 0
    busy: bool = False
    cancel: threading.Event = field(default_factory=threading.Event)


class Background:
    """Keeps the tasks, and wakes whoever runs turns.

    Args:
        data: the same folder that the `Toolbox` has; the timers of the clock are looked after as well.
        tell: called in a thread of its own with a sentence for the person, and whenever the list has changed.
    """

    def __init__(self, data: Path, tell: Tell) -> None:
        self._folder = data / OWNER / "watches"
        self._moments = data / OWNER / "timers"
        self.timers = Timers(data, tell, rang=self._rang)
        self._tell = tell
        self._later = Timers(data, tell, owner=OWNER, fired=self._due)
        self._lock = threading.RLock()
        self._watches: dict[str, _Watch] = {}
        self._pending: dict[str, threading.Event] = {}
        self._wake: Callable[[Woken], None] | None = None
        self._end = threading.Event()
        self._thread: threading.Thread | None = None
        self._told: tuple[Task, ...] = ()

    def start(self, wake: Callable[[Woken], None]) -> None:
        """Begin to look, and to fire what was missed.

        Args:
            wake: called in a thread of its own when a task wants a turn; has to return at once, and to see to it that
                the turn does not run in the middle of another and that `Woken.settle` is called.
        """
        if self._thread is not None:
            return
        self._wake = wake
        self._end.clear()
        self._thread = threading.Thread(target=self._run, name="background", daemon=True)
        self._thread.start()
        self._later.start()
        self.timers.start()

    def stop(self) -> None:
        """End: watches are gone, what waits for its moment stays on disk. Safe to call twice."""
        self._end.set()
        self.timers.stop()
        self._later.stop()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        for watch in list(self._watches.values()):
            self._drop(watch)

    def check(self, kind: str) -> None:
        """Whether a further task can be begun.

        Raises:
            TaskError: there are too many, or nobody here would be told.
        """
        if kind == "watch" and self._wake is None:
            raise TaskError(ELSEWHERE)
        if sum(task.kind != "timer" for task in self.all()) >= MOST:
            raise TaskError(f"{MOST} tasks are going on already: withdraw one first.")

    def begin(self, task: Task) -> None:
        """Let a task go on from now on.

        Raises:
            TaskError: as of `check`, or it could not be written.
        """
        self.check(task.kind)
        folder = self._folder if task.kind == "watch" else self._moments
        file = folder / f"{task.id}.json"
        try:
            private.write(file, json.dumps(taskfiles.dump(task)).encode())
        except OSError as error:
            raise TaskError(f"The task could not be written: {error.strerror}.") from error
        if task.kind == "watch":
            with self._lock:
                self._watches[task.id] = _Watch(task, file)

    def all(self) -> tuple[Task, ...]:
        """Every task of the person, whichever program looks after it; the next first."""
        found = [Task(timer.id, "timer", timer.label, timer.due, timer.repeat) for timer in self.timers.pending()]
        found += [taskfiles.load_later(timer) for timer in self._later.pending()]
        if self._folder.is_dir():
            found += [task for file in self._folder.glob("*.json") if (task := taskfiles.load_watch(file))]
        return tuple(sorted(found, key=lambda task: (task.due, task.id)))

    def withdraw(self, name: str) -> Task:
        """End one task of any kind.

        A turn of it that runs or waits is stopped: of a watch in whichever program, of a later task in this one.

        Raises:
            TaskError: there is none of that name.
        """
        for task in self.all():
            if task.id == name:
                self._withdraw(task)
                return task
        with self._lock:
            if name in self._pending:  # its turn runs or waits: it is in no list any more
                self._pending[name].set()
                return Task(name, "later", "", time.time())
        raise TaskError(f"There is no task named {name[:60]}. See: deskhand tasks list")

    def clear(self) -> int:
        """Withdraw everything that would act: Stop. Timers of the clock only tell, and stay. Returns how many."""
        acting = [task for task in self.all() if task.kind != "timer"]
        for task in acting:
            self._withdraw(task)
        with self._lock:
            for cancel in self._pending.values():
                cancel.set()
            return len({*(task.id for task in acting), *self._pending})

    def _withdraw(self, task: Task) -> None:
        if task.kind == "timer":
            self.timers.cancel(task.id)
        elif task.kind == "later":
            self._later.cancel(task.id)
        else:
            (self._folder / f"{task.id}.json").unlink(missing_ok=True)
            with self._lock:
                if watch := self._watches.get(task.id):
                    self._drop(watch)

    # In the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._end.wait(TICK):
            for watch in list(self._watches.values()):
                try:
                    self._round(watch)
                except Exception as error:  # noqa: BLE001 - one watch must not silence the others
                    self._failed(watch, error)
            try:
                if (now := self.all()) != self._told:
                    self._told = now
                    self._tell(TasksChanged(now))
            except Exception:  # noqa: BLE001 - the thread goes on
                _log.exception("background tasks could not be listed")

    def _failed(self, watch: _Watch, error: Exception) -> None:
        _log.error("a watch failed", exc_info=error)
        with contextlib.suppress(OSError):
            self._drop(watch)
        self._tell(Notice("watch", f"The watch {_named(watch.task)} has ended: looking failed ({error})."))

    def _round(self, watch: _Watch) -> None:
        name = _named(watch.task)
        if not watch.file.exists():
            self._drop(watch)
        elif watch.busy:
            return
        elif time.time() > watch.task.due:
            self._drop(watch)
            self._tell(Notice("watch", f"The watch {name} has ended: its time is up, and nothing came up."))
        elif watch.asked >= MOST_ASKED:
            self._drop(watch)
            self._tell(Notice("watch", f"The watch {name} has ended: the screen changed {MOST_ASKED} times in vain."))
        elif time.monotonic() >= watch.next:
            watch.next = time.monotonic() + watch.task.every
            self._look(watch, name)

    def _look(self, watch: _Watch, name: str) -> None:
        assert watch.task.look is not None  # noqa: S101 - of every watch
        try:
            now = watch.task.look()
        except TaskError as error:
            watch.failed += 1
            if watch.failed >= PATIENCE:
                self._drop(watch)
                self._tell(Notice("watch", f"The watch {name} has ended: {error}"))
            return
        watch.failed = 0
        if watch.seen is None and not watch.task.what:
            watch.seen = now  # any change: from what is there now
        elif watch.seen is None or differs(watch.seen, now):
            self._come_back(watch, now)

    def _come_back(self, watch: _Watch, now: ScreenPercept) -> None:
        before, watch.seen = watch.seen, now
        watch.busy = True
        watch.asked += 1

        def settle(how: Settled) -> None:
            if how == "done":
                self._drop(watch)
            elif how == "put off":
                watch.seen = before
                watch.asked -= 1
            watch.busy = False

        assert self._wake is not None  # noqa: S101 - `begin` refuses a watch without
        self._wake(Woken(watch.task, now, 0.0, watch.cancel, settle))

    def _drop(self, watch: _Watch) -> None:
        watch.cancel.set()
        with self._lock:
            self._watches.pop(watch.task.id, None)
        watch.file.unlink(missing_ok=True)

    def _rang(self, timer: Timer, sentence: str) -> None:
        """A timer of the clock was told: in its thread. It becomes a turn of its conversation when there is time."""
        if self._wake is not None:
            task = Task(timer.id, "timer", sentence, timer.due, timer.repeat)
            self._wake(Woken(task, None, time.time() - timer.due, threading.Event(), lambda _how: None))

    def _due(self, timer: Timer, gone: Callable[[], None]) -> None:
        """A moment has come: in the thread of the timers."""
        task, cancel = taskfiles.load_later(timer), threading.Event()
        with self._lock:
            self._pending[task.id] = cancel

        def settle(how: Settled) -> None:
            with self._lock:
                self._pending.pop(task.id, None)
            if how != "put off":
                gone()

        assert self._wake is not None  # noqa: S101 - `start` sets it before the timers run
        self._wake(Woken(task, None, time.time() - task.due, cancel, settle))


def _named(watch: Task) -> str:
    return f"“{watch.what}”" if watch.what else "for any change"
