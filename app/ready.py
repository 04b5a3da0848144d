"""What the bridge runs: a desk that is ready, what makes one, and what of the history the window needs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from deskhand.agent.background import Background
from deskhand.agent.events import Event, Outcome
from deskhand.agent.history import TurnRecord
from deskhand.agent.percept import Percept
from deskhand.agent.task import Settled, Woken
from deskhand.app.happenings import Conversation
from deskhand.model.types import EngineInfo, ToolChoice


class Agent(Protocol):
    """What runs a turn (`deskhand.agent.loop.Agent`)."""

    def turn(
        self,
        conversation: int,
        text: str,
        percepts: Sequence[Percept],
        emit: Callable[[Event], None],
        cancel: threading.Event,
        *,
        tool_choice: ToolChoice = "auto",
    ) -> Outcome:
        """Run one turn to its end; blocking."""
        ...

    def wake(self, woken: Woken, emit: Callable[[Event], None], patience: threading.Event) -> Settled:
        """Let a task come back, to its end; blocking."""
        ...

    def prepare(
        self,
        conversation: int | None,
        percepts: Sequence[Percept],
        emit: Callable[[Event], None],
        cancel: threading.Event,
    ) -> None:
        """Let the engine read what the next turn begins with; blocking."""
        ...


class Store(Protocol):
    """What the window needs of the history (`deskhand.agent.history.Store`); used in the agent's thread only."""

    def new_conversation(self, title: str = "") -> int:
        """Begin one and return its key."""
        ...

    def conversations(self) -> Sequence[Conversation]:
        """Newest first."""
        ...

    def delete(self, conversation: int) -> None:
        """Take one away for good."""
        ...

    def turns(self, conversation: int) -> Sequence[TurnRecord]:
        """Oldest first."""
        ...

    def conversation_of(self, tools: Sequence[str], name: str) -> int | None:
        """The conversation in which one of these tools gave something of that name."""
        ...

    def start_fresh(self) -> Path | None:
        """Put the file aside and begin an empty history; returns the old one's place."""
        ...


@dataclass(frozen=True)
class Ready:
    """What a factory gives once the engine has been loaded.

    Attributes:
        agent: runs the turns.
        info: what the person is told of the engine.
        host: where a remote engine or remote MCP servers run; empty when nothing leaves the machine.
        background: what goes on behind the conversations.
        close: frees the engine; called in the agent's thread at shutdown.
        saw: is told before a turn what is attached to it.
        answered: is told when a turn has ended.
        forget: takes away what the engine put on disk of conversations; called when one is deleted.
    """

    agent: Agent
    info: EngineInfo
    host: str = ""
    background: Background | None = None
    close: Callable[[], None] = field(default=lambda: None, repr=False)
    saw: Callable[[Sequence[Percept]], None] = field(default=lambda _percepts: None, repr=False)
    answered: Callable[[], None] = field(default=lambda: None, repr=False)
    forget: Callable[[], None] = field(default=lambda: None, repr=False)


Factory = Callable[[Callable[[str], None]], Ready]
"""Loads the engine in the agent's thread; is given a function that tells the person what is going on."""
