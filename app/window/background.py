"""Work that would hold the window, done in a thread of Qt's pool; the result comes back in the GUI thread."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from PySide6.QtCore import QObject, QRunnable, Qt, QThreadPool, Signal

T = TypeVar("T")

_log = logging.getLogger(__name__)


class _Task(QObject):
    ended = Signal(object, object)


class _Job(QRunnable):
    def __init__(self, work: Callable[[], Any], task: _Task) -> None:
        super().__init__()
        self._work = work
        self._task = task

    def run(self) -> None:
        try:
            result, error = self._work(), None
        except Exception as problem:  # noqa: BLE001 - handed to the GUI thread, which tells the person
            result, error = None, problem
        self._task.ended.emit(result, error)


_running: set[_Task] = set()


def run(work: Callable[[], T], then: Callable[[T], None], failed: Callable[[str], None]) -> None:
    """Run ``work`` in a thread, then ``then`` with its result, or ``failed`` with its sentence, in the GUI thread."""
    task = _Task()
    _running.add(task)

    def ended(result: T, error: Exception | None) -> None:
        _running.discard(task)
        if error is None:
            then(result)
        else:
            _log.info("background work failed", exc_info=error)
            failed(str(error))

    task.ended.connect(ended, Qt.ConnectionType.QueuedConnection)
    QThreadPool.globalInstance().start(_Job(work, task))
