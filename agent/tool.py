"""What the model may call, whoever runs it: a skill's function, a server's tool, something of our own."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from deskhand.agent.limits import Limits
from deskhand.agent.origin import Origin
from deskhand.agent.task import Task
from deskhand.model.types import Image, ToolCall


@dataclass(frozen=True)
class Tool:
    """One thing that the model may call.

    Attributes:
        name: as the model calls it, unique among all tools.
        skill: what it belongs to: a skill's or a server's name.
        description: for the model and the person.
        parameters: a JSON schema of type ``object``.
        scopes: what it may touch, see `scopes`.
        quiet: only reads what is its own, so it runs without asking.
        bundled: came with Deskhand.
        bare: called without arguments it only tells a number or two of this machine; see `as_called`.
        adds: only adds something of the person's own (a note, a timer), which they can take back.
        keeps: the parameters whose text it keeps word for word, and it keeps nothing else of what others wrote; None:
            not known, so anything that it keeps may be theirs.
        difference: what has changed since the person agreed to it, in lines of which those begin with + or - that did.
        rehearses: changes what it keeps through the application alone, so it can be tried before the person is asked.
    """

    name: str
    skill: str
    description: str
    parameters: Mapping[str, Any]
    scopes: tuple[str, ...] = ()
    quiet: bool = False
    bundled: bool = False
    bare: bool = False
    adds: bool = False
    keeps: tuple[str, ...] | None = None
    difference: str = ""
    rehearses: bool = False

    def as_called(self, call: ToolCall) -> Tool:
        """The tool as far as ``call`` uses it: of a `bare` one without arguments, what only reads."""
        if not self.bare or any(value is not None for value in call.arguments.values()):
            return self
        return replace(self, scopes=(), quiet=True)


@dataclass(frozen=True)
class Group:
    """What is disclosed together: a skill or a server, with its instructions and its tools.

    Attributes:
        name: unique; `Tool.skill` of its tools.
        description: what it is for; stands in every prompt, so that the model knows what it may activate.
        body: instructions for the model, in the prompt from the activation on.
        uses: names of tools of no group of their own that it needs (``read_skill_file``); declared while it is active.
        files: what else it holds, as paths that ``read_skill_file`` takes.
        core: always active.
        origins: who wrote its instructions if nobody vouches for them.
    """

    name: str
    description: str
    body: str = ""
    uses: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    core: bool = False
    origins: tuple[Origin, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What one call came to.

    Attributes:
        value: a JSON value, None if it failed.
        error: one sentence if it failed, else empty.
        images: what the tool looked at; they follow the value in the prompt.
        seconds: wall time.
        origins: whose text this is, besides what the tool's scopes say: the text of a skill that somebody wrote.
        begins: what the call asked to let go on behind the conversation; of no effect if it failed.
    """

    value: Any = None
    error: str = ""
    images: tuple[Image, ...] = ()
    seconds: float = 0.0
    origins: tuple[Origin, ...] = ()
    begins: tuple[Task, ...] = ()


class Provider(Protocol):
    """A place that tools come from and run in."""

    @property
    def groups(self) -> tuple[Group, ...]:
        """What can be activated now; may change between turns."""
        ...

    @property
    def tools(self) -> tuple[Tool, ...]:
        """What it offers now, active or not; may change between turns."""
        ...

    def touches(self, tool: Tool) -> tuple[str, ...]:
        """What ``tool`` may touch, a line each, for the approval dialog; empty: nothing on this machine."""
        ...

    def preview(self, tool: Tool, call: ToolCall) -> str:
        """What exactly would run, where the arguments alone do not say it: a script's command line; else empty."""
        ...

    def run(self, tool: Tool, call: ToolCall, cancel: threading.Event, limits: Limits) -> ToolResult:
        """Run one call to its end, a failure, a limit, or ``cancel``; nothing is raised for what a tool does.

        Args:
            tool: one of `tools`.
            call: with arguments that fit the tool's schema.
            cancel: set by Stop; everything that was started has ended when this returns.
            limits: of time and size.
        """
        ...
