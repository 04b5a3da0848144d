"""What a skill's function may ask of the application: named functions, each behind a scope, each with a schema.

A tool runs in a box without a display, a clipboard or a network. What only the application can do is a row of
`FUNCTIONS` here, an implementation behind `Host.ask` in the app, and ``host.ask(name, …)`` in the tool. The scope and
the arguments are checked before the application hears of it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from deskhand.agent.percept import ScreenPercept
from deskhand.agent.safety.changes import Change
from deskhand.agent.task import Task
from deskhand.model.types import Image


class HostError(Exception):
    """The app can't do what a tool asked for; the message is a sentence for the person."""


@dataclass(frozen=True)
class HostFunction:
    """A row of `FUNCTIONS`.

    Attributes:
        scopes: of these the skill must declare one; ``files:read`` is also declared by ``files:read:/some/folder``.
        parameters: a JSON schema of type ``object`` as of `arguments.fit`.
        bundled: only for skills that came with Deskhand.
    """

    scopes: tuple[str, ...]
    parameters: Mapping[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})
    bundled: bool = False


_TEXT: Mapping[str, Any] = {"type": "string"}
_WHOLE: Mapping[str, Any] = {"type": "integer"}
_NUMBER: Mapping[str, Any] = {"type": "number"}
_SWITCH: Mapping[str, Any] = {"type": "boolean"}


def _takes(*required: str, **properties: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def _one_of(*choices: str) -> Mapping[str, Any]:
    return {"type": "string", "enum": list(choices)}


FUNCTIONS: Mapping[str, HostFunction] = {
    "look": HostFunction(("screen",)),
    "list_folder": HostFunction(("files:read",), _takes(path=_TEXT)),
    "read_file": HostFunction(("files:read",), _takes("path", path=_TEXT, first_line=_WHOLE, lines=_WHOLE)),
    "search_files": HostFunction(("files:read",), _takes("path", "query", path=_TEXT, query=_TEXT)),
    "write_file": HostFunction(("files:write",), _takes("path", "text", path=_TEXT, text=_TEXT, append=_SWITCH)),
    "read_clipboard": HostFunction(("clipboard:read",), _takes(place=_one_of("clipboard", "selection"))),
    "write_clipboard": HostFunction(("clipboard:write",), _takes("text", text=_TEXT)),
    "click": HostFunction(
        ("input",),
        _takes("x", "y", x=_WHOLE, y=_WHOLE, button=_one_of("left", "middle", "right"), double=_SWITCH),
        bundled=True,
    ),
    "scroll": HostFunction(
        ("input",),
        _takes("x", "y", x=_WHOLE, y=_WHOLE, direction=_one_of("up", "down", "left", "right"), turns=_WHOLE),
        bundled=True,
    ),
    "dictate": HostFunction(("input",), _takes(minutes=_WHOLE), bundled=True),
    "replace_selection": HostFunction(("input",), _takes("text", text=_TEXT), bundled=True),
    "type_text": HostFunction(("input",), _takes("text", text=_TEXT), bundled=True),
    "press_keys": HostFunction(("input",), _takes("keys", keys=_TEXT), bundled=True),
    "find_on_screen": HostFunction(("screen",), _takes("text", text=_TEXT)),
    "read_screen": HostFunction(("screen",), _takes(aloud=_SWITCH)),
    "watch": HostFunction(("watch",), _takes(what=_TEXT, every=_NUMBER, seconds=_NUMBER), bundled=True),
    "later": HostFunction(("later",), _takes("what", "seconds", what=_TEXT, seconds=_NUMBER), bundled=True),
    "tasks": HostFunction(("watch", "later"), bundled=True),
    "end_task": HostFunction(("watch", "later"), _takes("id", id=_TEXT), bundled=True),
    "windows": HostFunction(("system", "windows"), bundled=True),
    "focus_window": HostFunction(("system",), _takes("title", title=_TEXT), bundled=True),
    "close_window": HostFunction(("system",), _takes("title", title=_TEXT), bundled=True),
    "volume": HostFunction(("system",), _takes(percent=_WHOLE, muted=_SWITCH), bundled=True),
    "brightness": HostFunction(("system",), _takes(percent=_WHOLE), bundled=True),
    "battery": HostFunction(("system", "devices"), bundled=True),
    "fetch_page": HostFunction(("network",), _takes("url", url=_TEXT), bundled=True),
    "open_file": HostFunction(("apps",), _takes("path", path=_TEXT), bundled=True),
    "delete_file": HostFunction(("files:write",), _takes("path", path=_TEXT)),
    "move_file": HostFunction(("files:write",), _takes("path", "target", path=_TEXT, target=_TEXT)),
    "change_own_file": HostFunction(
        ("files:data",),
        _takes(
            "name",
            "was",
            "start",
            "end",
            "text",
            name=_TEXT,
            was=_TEXT,
            start=_WHOLE,
            end=_WHOLE,
            text=_TEXT,
        ),
    ),
    "replace_in_file": HostFunction(("files:write",), _takes("path", "old", "new", path=_TEXT, old=_TEXT, new=_TEXT)),
}
"""Every function of the application that tools may ask for, by name. ``look`` takes a screenshot for the model."""


@dataclass(frozen=True)
class Asked:
    """What one tool asks for; name, scope and arguments have been checked.

    Attributes:
        name: a key of `FUNCTIONS`.
        arguments: as its schema says.
        tool: name of the tool that asks.
        skill: the skill it belongs to.
        scopes: all that the skill declares, with their details (``files:read:/some/folder``).
        cancel: set by Stop; a function that takes long looks at it.
        call: id of the model's call.
        data: the skill's own folder; None if it has none.
        change: what the person was told that the call does to a file; None if it was told nothing.
    """

    name: str
    arguments: Mapping[str, Any]
    tool: str
    skill: str
    scopes: tuple[str, ...]
    cancel: threading.Event
    call: str = ""
    data: Path | None = None
    change: Change | None = None


@dataclass(frozen=True)
class Told:
    """What the application answers.

    Attributes:
        value: a JSON value, for the tool.
        images: for the model only; pixels never reach the tool's process.
        begins: what goes on behind the conversation once the call has ended well.
    """

    value: Any = None
    images: tuple[Image, ...] = ()
    begins: Task | None = None


def picture(seen: ScreenPercept) -> Told:
    """The answer to a look: pixels for the model, and for the tool where they are from."""
    image = seen.image
    where = {"width": image.width, "height": image.height, "left": seen.left, "top": seen.top}
    return Told({**where, "scale": seen.scale, "source": seen.source}, (image,))


class Host(Protocol):
    """What only the app can do for a tool."""

    def ask(self, asked: Asked) -> Told:
        """Do what a tool asked for; called in the agent's thread, the time does not count for the tool.

        Raises:
            HostError: it can't be done here; the sentence reaches the tool, the model and the person.
        """
        ...


@runtime_checkable
class Planner(Protocol):
    """A host that can say beforehand what it would do to a file."""

    def plan(self, asked: Asked) -> Change | None:
        """What a function would change, without changing it; None if that can't be told of this one.

        Raises:
            HostError: it would be refused, and why.
        """
        ...


def declares(scopes: Iterable[str], wanted: str) -> bool:
    """Whether a skill with ``scopes`` declares ``wanted``, with a detail or without."""
    return any(scope == wanted or scope.startswith(f"{wanted}:") for scope in scopes)
