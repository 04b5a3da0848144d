"""What of all skills and tools one prompt holds: the core, what the conversation has activated, fewer than 25 tools.

What is active is read from the conversation itself: an activation is a call like any other, with its result in the
history. So it survives a restart, belongs to that conversation alone, and needs no table of its own. Where not all that
is active has room, the rest waits: the core before what was activated, and each tool comes back by its name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any, cast

from deskhand.agent.tool import Group, Tool
from deskhand.model.types import Message

ACTIVATE = "activate_skill"
LOAD = "load_skill"
"""The name that AI Edge Gallery gives to `ACTIVATE`; understood, and not declared."""

CONNECT = "__connect"
"""How the names of the tools end that connect a server."""

MOST_TOOLS = 24
"""In one prompt: choosing gets worse and declarations cost thousands of tokens beyond that."""

MOST_OF_ONE = 16
"""Tools of one group that are declared before those of the core."""


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
    """The tools that a prompt declares, at most `MOST_TOOLS`.

    Args:
        groups: everything that can be active.
        tools: everything that there is.
        active: of `activated`: groups, and tools that were brought back by name. If there is not room for all, the
            latest come first and a group as a whole, but of a large one `MOST_OF_ONE`; then the first tools of each
            group of the core, and what else of these there is; then the rest of large groups.
    """
    known = {group.name: group for group in groups}
    by_name = {tool.name: tool for tool in tools}
    core = [group for group in groups if group.core]
    chosen = [known[name] for name in active if name in known and not known[name].core]
    own = {group.name: [tool for tool in tools if tool.skill == group.name] for group in (*core, *chosen)}
    needed = dict.fromkeys(name for group in (*core, *chosen) for name in group.uses)
    shared = [by_name[name] for name in needed if name in by_name and by_name[name].skill not in known]
    gate = by_name.get(ACTIVATE)
    room = MOST_TOOLS - len(shared) - bool(gate)
    there = set(_by_importance(own, [group.name for group in core], active, room))
    waiting = [tool.name for each in own.values() for tool in each if tool.name not in there]
    opening = [_naming(gate, known, waiting)] if gate and (len(core) < len(groups) or waiting) else []
    first = [tool for group in core for tool in own[group.name] if tool.name in there]
    then = [tool for group in chosen for tool in own[group.name] if tool.name in there]
    return (*opening, *first, *shared, *then)[:MOST_TOOLS]


def _by_importance(
    own: Mapping[str, Sequence[Tool]], core: Sequence[str], active: Sequence[str], room: int
) -> list[str]:
    """The names of the ``room`` most important tools."""
    names = {group: [tool.name for tool in tools] for group, tools in own.items()}
    single = {name for each in names.values() for name in each}
    found: dict[str, None] = {}
    rest: list[str] = []
    for name in reversed(active):
        wanted = names.get(name, [] if name not in single else [name])
        if name not in core and len(found | dict.fromkeys(wanted[:MOST_OF_ONE])) <= room:
            found |= dict.fromkeys(wanted[:MOST_OF_ONE])
            rest += wanted[MOST_OF_ONE:]
    for turn in zip_longest(*(names[group] for group in core)):
        found |= dict.fromkeys(name for name in turn if name)
    return list(found | dict.fromkeys(rest))[:room]


def _naming(tool: Tool, known: Mapping[str, Group], waiting: Sequence[str]) -> Tool:
    """The tool that activates, with the names that it takes now."""
    schema: Mapping[str, Any] = tool.parameters.get("properties", {}).get("name", {})
    names = [name for name in schema.get("enum", ()) if name in known and not known[name].core]
    told = f"{tool.description} Or bring back one tool that had to make room." if waiting else tool.description
    properties = {"name": {**schema, "enum": [*names, *waiting]}}
    return replace(tool, description=told, parameters={**tool.parameters, "properties": properties}) if schema else tool
