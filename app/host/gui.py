"""The way from the agent's thread into the window's: a function is run there, and its value or error comes back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal, Slot

from deskhand.agent.tools.host import HostError

SECONDS = 5.0
"""Until a window that does not answer is given up."""

_T = TypeVar("_T")


class Gui(QObject):
    """Made in the GUI thread; `call` is for every other one."""

    _asked = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._asked.connect(self._do, Qt.ConnectionType.QueuedConnection)

    def call(self, work: Callable[[], _T], cancel: threading.Event, seconds: float = SECONDS) -> _T:
        """Run ``work`` in the GUI thread and return its value; what it raises is raised here.

        Raises:
            HostError: the turn was stopped, or the window did not answer in time.
        """
        done: Future[_T] = Future()
        self._asked.emit((work, done))
        waited = 0.0
        while True:
            try:
                return done.result(0.05)
            except TimeoutError:
                waited += 0.05
            if (cancel.is_set() or waited >= seconds) and done.cancel():
                raise HostError("The turn was stopped." if cancel.is_set() else "The window does not answer.")

    def post(self, work: Callable[[], object]) -> None:
        """Let ``work`` run in the GUI thread, and do not wait for it."""
        self._asked.emit((work, Future()))

    @Slot(object)
    def _do(self, asked: tuple[Callable[[], Any], Future[Any]]) -> None:
        work, done = asked
        if not done.set_running_or_notify_cancel():
            return
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that asked
            done.set_exception(error)
