"""What of all skills and tools one prompt holds: the core, what the conversation has activated, fewer than 25 tools.

What is active is read from the conversation itself: an activation is a call like any other, with its result in the
history. So it survives a restart, belongs to that conversation alone, and needs no table of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from deskhand.agent.tool import Group, Tool
from deskhand.model.types import Message

ACTIVATE = "activate_skill"
LOAD = "load_skill"
"""The name that AI Edge Gallery gives to `ACTIVATE`; understood, and not declared."""

MOST_TOOLS = 24
"""In one prompt: choosing gets worse and declarations cost thousands of tokens beyond that."""


@dataclass(frozen=True, slots=True)
class Activation:
    """One activation in a conversation's history.

    Attributes:
        name: of the skill or server.
        instructions: what the model was given to read.
    """

    name: str
    instructions: str


def activation(message: Message) -> Activation | None:
    """The activation that ``message`` is the result of, if it is one that succeeded."""
    if message.role != "tool" or message.name not in {ACTIVATE, LOAD}:
        return None
    try:
        data = json.loads(message.text)
    except (ValueError, RecursionError):
        return None
    match data:
        case {"activated": str(name), **rest}:
            return Activation(name, str(cast("Mapping[str, object]", rest).get("instructions", "")))
        case _:
            return None


def activated(history: Iterable[Message]) -> tuple[str, ...]:
    """The names that a conversation has activated, the latest last."""
    order: dict[str, None] = {}
    for message in history:
        if found := activation(message):
            order.pop(found.name, None)
            order[found.name] = None
    return tuple(order)


def named(text: str) -> str:
    """The skill that a person names with ``/name`` at the very beginning of a message; empty if they name none."""
    match = re.match(r"\s*/([A-Za-z0-9][\w.-]{0,63})(?=\s|$)", text)
    return match.group(1) if match else ""


def disclose(groups: Sequence[Group], tools: Sequence[Tool], active: Sequence[str]) -> tuple[Tool, ...]:
    """The tools that a prompt declares: at most `MOST_TOOLS`, those of the core first.

    Args:
        groups: everything that can be active.
        tools: everything that there is.
        active: of `activated`. The latest come first if there is not room for all; a group comes as a whole, except
            one that alone has more than fit, of which the first tools are declared.
    """
    known = {group.name: group for group in groups}
    chosen = [known[name] for name in active if name in known and not known[name].core]
    by_name = {tool.name: tool for tool in tools if tool.skill not in known}
    by_group: dict[str, list[Tool]] = {}
    for tool in tools:
        by_group.setdefault(tool.skill, []).append(tool)
    core = [group for group in groups if group.core]
    first = [by_name[ACTIVATE]] if ACTIVATE in by_name and len(core) < len(groups) else []
    first += [tool for group in core for tool in by_group.get(group.name, [])]
    needed = dict.fromkeys(name for group in (*core, *chosen) for name in group.uses)
    first += [by_name[name] for name in needed if name in by_name]
    fitting: dict[str, list[Tool]] = {}
    room = MOST_TOOLS - len(first)
    for group in reversed(chosen):
        own = by_group.get(group.name, [])
        if len(own) <= room or group is chosen[-1]:
            fitting[group.name] = own[: max(0, room)]
            room -= len(fitting[group.name])
    return (*first[:MOST_TOOLS], *(tool for group in chosen for tool in fitting.get(group.name, [])))
