"""When a worker that says nothing counts as hung: late enough that one which is merely slow is never ended."""

from __future__ import annotations

from dataclasses import dataclass

from deskhand.model.process import wire

_DOING = {
    "loading": "loading the model",
    "reading": "reading what it was given",
    "writing": "writing its answer",
}
MOST_GENEROUS = 8


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an engine may stand still, in seconds.

    Attributes:
        loading: without any part of the model coming in, and without any reading from the disk.
        reading: within one step of the prompt. A picture is one step; its 920 tokens take a slow processor 86 s
            (ENGINE.md §11), during which it shows that it moves on, but a graphics card does not.
        writing: within one step of the answer.
        silent: without a word from the process at all: it was stopped, or the machine has no memory left to run it.
        times: an engine may always take so many times the slowest step of the kind that it has finished.
    """

    loading: float = 300.0
    reading: float = 120.0
    writing: float = 60.0
    silent: float = 300.0
    times: float = 20.0


class Watch:
    """Judges one worker after another of an engine by what is heard of it.

    Time counts only while somebody waits for the worker: what the caller does between two deltas does not.

    Args:
        patience: how long it may stand still; doubled after every verdict, since that may have been wrong.
    """

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._generous = 1
        self._silent = 0.0

    def begin(self) -> None:
        """A new worker is started, or the worker is given new work."""
        self._silent = 0.0

    def heard(self, message: wire.Message) -> str:
        """Take what the worker said; returns why it is to be ended, empty if it is not."""
        self._silent = 0.0
        if not isinstance(message, wire.Beat):
            return ""
        patience = {"loading": self._patience.loading, "reading": self._patience.reading}
        limit = max(patience.get(message.activity, self._patience.writing), self._patience.times * message.slowest)
        if message.still < limit * self._generous:
            return ""
        doing = _DOING.get(message.activity, "at work")
        return self._verdict(f"The engine has not moved on for {_span(message.still)} while it was {doing}")

    def waited(self, seconds: float) -> str:
        """The worker has said nothing for ``seconds`` more; returns why it is to be ended, empty if it is not."""
        self._silent += seconds
        if self._silent < self._patience.silent * self._generous:
            return ""
        return self._verdict(f"The engine's process has given no sign of life for {_span(self._silent)}")

    def _verdict(self, what: str) -> str:
        self._silent = 0.0
        self._generous = min(MOST_GENEROUS, 2 * self._generous)
        return (
            f"{what}, so it was ended. If this happens again, close other programs, look for an update of the graphics "
            "driver, or choose a smaller model. It restarts with your next message."
        )


def _span(seconds: float) -> str:
    if seconds < 99.5:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes"
