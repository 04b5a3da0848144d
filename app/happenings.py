"""What the window is told: the events of a turn, and what else happens to the engine, the list and the conversation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from deskhand.agent.events import Event, Progressed, TextAdded, ThoughtAdded
from deskhand.agent.history import TurnRecord
from deskhand.agent.skills.secrets import SecretRequest
from deskhand.app.elsewhere import Elsewhere
from deskhand.app.undoing import UndoChanged
from deskhand.model.types import EngineInfo


class Conversation(Protocol):
    """A line of the conversation list."""

    @property
    def id(self) -> int:
        """Its key in the store."""
        ...

    @property
    def title(self) -> str:
        """May be empty."""
        ...

    @property
    def started(self) -> datetime:
        """In UTC."""
        ...


@dataclass(frozen=True, slots=True)
class EngineLoading:
    """The engine is being loaded; ``text`` says what is going on."""

    text: str


@dataclass(frozen=True, slots=True)
class EngineReady:
    """Turns can be submitted."""

    info: EngineInfo
    host: str = ""


class EngineOffer(Exception):  # noqa: N818 - an offer, not an error
    """Raised by a factory that may go on only with the person's consent, which is to call it again.

    Args:
        sentence: what it would do.
        action: the button that agrees to it.
        instead: the button that takes another engine; empty where there is none.
    """

    def __init__(self, sentence: str, action: str, instead: str = "") -> None:
        super().__init__(sentence)
        self.action, self.instead = action, instead


@dataclass(frozen=True, slots=True)
class EngineFailed:
    """The engine could not be loaded; ``sentence`` says what to do and ``action`` is the button that loads it again.

    Attributes:
        sentence: for the person.
        action: text of the button.
        offer: nothing went wrong: the engine waits for the person's consent.
        instead: text of the button that takes another engine for this run; empty where there is none.
    """

    sentence: str
    action: str = "Try again"
    offer: bool = False
    instead: str = ""


@dataclass(frozen=True)
class Listed:
    """The conversations, newest first."""

    conversations: tuple[Conversation, ...]


@dataclass(frozen=True)
class Opened:
    """A conversation is shown from now on; ``conversation`` is None for one that has no turn yet."""

    conversation: int | None
    turns: tuple[TurnRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class TurnFailed:
    """A turn ended without an outcome; ``sentence`` says what happened."""

    sentence: str


@dataclass(frozen=True, slots=True)
class CameBack:
    """A watch, or what was to be done later, has come back as a turn of its conversation.

    Attributes:
        kind: of the task.
        label: its words, as the person gave them; of a watch for any change empty.
        conversation: of the store.
    """

    kind: str
    label: str
    conversation: int


@dataclass(frozen=True, slots=True)
class HistoryDamaged:
    """The history can't be used as it is; ``sentence`` says why, and a button offers to begin a fresh one."""

    sentence: str


Happening = (
    Event
    | SecretRequest
    | Elsewhere
    | EngineLoading
    | EngineReady
    | EngineFailed
    | Listed
    | Opened
    | TurnFailed
    | HistoryDamaged
    | CameBack
    | UndoChanged
)


def merged(events: Iterator[Happening]) -> Iterator[Happening]:
    """Join neighbouring pieces of text and of thought, and keep only the last of neighbouring progress."""
    held: Happening | None = None
    for event in events:
        if isinstance(held, TextAdded) and isinstance(event, TextAdded):
            held = TextAdded(held.text + event.text)
        elif isinstance(held, ThoughtAdded) and isinstance(event, ThoughtAdded):
            held = ThoughtAdded(held.text + event.text)
        elif isinstance(held, Progressed) and isinstance(event, Progressed):
            held = event
        else:
            if held is not None:
                yield held
            held = event
    if held is not None:
        yield held
