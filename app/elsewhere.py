"""A turn that came back in a conversation which is not the one on the screen: its questions and its end are shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from deskhand.agent.events import ApprovalRequested, CallEnded, Event, Notice, TurnEnded, TurnStarted


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What happened in another conversation: a question for the person, or that one no longer needs an answer.

    Attributes:
        conversation: of the store.
        event: what it was.
    """

    conversation: int
    event: ApprovalRequested | CallEnded


class Aside:
    """Passes the events of a turn on as they are, or as those of another conversation.

    Args:
        emit: shows them.
        shown: the conversation that is on the screen now.
        title: of a conversation, for the person.
    """

    def __init__(
        self, emit: Callable[[Event | Elsewhere], None], shown: Callable[[], int | None], title: Callable[[int], str]
    ) -> None:
        self._emit = emit
        self._shown = shown
        self._title = title
        self._conversation = 0
        self._here = True

    def __call__(self, event: Event) -> None:
        """Pass on one event; where it is shown is decided when the turn starts."""
        if isinstance(event, TurnStarted):
            self._conversation = event.conversation
            self._here = event.conversation == self._shown()
        if self._here:
            self._emit(event)
            return
        match event:
            case ApprovalRequested() | CallEnded():
                self._emit(Elsewhere(self._conversation, event))
            case Notice():
                self._emit(event)
            case TurnEnded(outcome):
                where = self._title(self._conversation)
                told = f"In the conversation “{where}”: {outcome.answer}"
                self._emit(Notice("watch", told, conversation=self._conversation))
            case _:
                pass
