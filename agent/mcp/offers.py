"""What a server offers, as tools of ours: one name each, a bounded description, a schema that all parts understand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from deskhand.agent.mcp.config import ServerConfig
from deskhand.agent.mcp.pins import digest
from deskhand.agent.mcp.plain import plain
from deskhand.agent.mcp.tools import Offer, group_name, tool_names
from deskhand.model.errors import ModelError
from deskhand.model.language.schema import normalise

if TYPE_CHECKING:
    from mcp import types  # the SDK takes most of a second to import: only once a server is started

MAX_DESCRIPTION = 1_000
MAX_SHOWN = 20_000
"""Characters of a tool that the person is shown when it is new or has changed; the model gets far fewer."""
MOST_TOOLS = 60
"""Tools of one server; what of them a prompt declares at a time is decided by what else is active (`disclosure`)."""


@dataclass(frozen=True)
class Offers:
    """What a server lists.

    Attributes:
        tools: those that can be called.
        problems: a sentence for each that is left out.
        pins: the hash of each that is listed, by the server's name for it.
        texts: the descriptions, likewise.
        shown: all that was hashed, as the person is shown it.
    """

    tools: tuple[Offer, ...] = ()
    problems: tuple[str, ...] = ()
    pins: Mapping[str, str] = field(default_factory=dict[str, str])
    texts: Mapping[str, str] = field(default_factory=dict[str, str])
    shown: Mapping[str, str] = field(default_factory=dict[str, str])


def offers(
    config: ServerConfig,
    listed: Iterable[types.Tool],
    unread: Iterable[str] = (),
    known: Mapping[str, str] = MappingProxyType({}),
) -> Offers:
    """Turn what a server lists into tools.

    Args:
        config: of the server.
        listed: what it lists.
        unread: a sentence for each tool that is not among those, as it can't be read.
        known: the names of its tools that were agreed to, by the server's own names.
    """
    wanted = config.entry.access.tools
    found = list(listed)
    names = tool_names(config.name, dict.fromkeys(each.name for each in found), known)
    tools: dict[str, Offer] = {}
    pins: dict[str, str] = {}
    texts: dict[str, str] = {}
    shown: dict[str, str] = {}
    problems = [*unread]
    for each in found:
        if each.name in pins:
            problems.append(f"A second tool named {each.name[:60]} is left out.")
            continue
        pins[each.name], shown[each.name] = _pinned(each)
        texts[each.name] = printable(each.description or each.title or "")
        if wanted is not None and each.name not in wanted:
            continue
        try:
            tools[each.name] = _offer(config, each, names[each.name], texts[each.name], pins[each.name])
        except ModelError as error:
            problems.append(f"{each.name[:60]} is left out: {error}")
    if missing := [name for name in wanted or () if name not in tools]:
        problems.append(f"There is no tool named {', '.join(missing)[:200]}.")
    if len(tools) > MOST_TOOLS:
        left = list(tools)[MOST_TOOLS:]
        problems.append(
            f"Only the first {MOST_TOOLS} tools are offered; name those that you want under deskhand.tools. Left out: "
            f"{', '.join(left)[:300]}."
        )
    return Offers(tuple(tools.values())[:MOST_TOOLS], tuple(problems), pins, texts, shown)


def _pinned(tool: types.Tool) -> tuple[str, str]:
    """The hash of all that a server says of a tool, and that as text."""
    notes = tool.annotations.model_dump(mode="json", exclude_none=True, by_alias=True) if tool.annotations else {}
    said = {"name": tool.name, "title": tool.title, "description": tool.description}
    lines = [f"{key}: {value}" for key, value in said.items() if value and key != "name"]
    lines.append(f"parameters: {json.dumps(tool.input_schema, ensure_ascii=False, indent=2)}")
    lines += [f"says of itself: {key} = {json.dumps(value, ensure_ascii=False)}" for key, value in notes.items()]
    pin, text = digest([*said.values(), tool.input_schema, notes]), "\n".join(lines)
    if len(text) > MAX_SHOWN:
        text = f"{text[:MAX_SHOWN]}\n… and {len(text) - MAX_SHOWN} more characters, all together with the hash {pin}"
    return pin, text


def _offer(config: ServerConfig, tool: types.Tool, name: str, text: str, pin: str) -> Offer:
    parameters = plain(tool.input_schema)
    normalise(parameters, name)
    text = " ".join(part for part in (text, parameters.pop("description", "")) if part)
    return Offer(
        name,
        group_name(config.name),
        text or f"The tool {printable(tool.name)[:100]} of the server {config.name}, which says nothing about it.",
        parameters,
        (f"mcp:{config.name}",),
        original=tool.name,
        pin=pin,
    )


def printable(text: str) -> str:
    """Make one line of printable text, cut, of what a server says."""
    line = " ".join("".join(_signs(text[: 4 * MAX_DESCRIPTION])).split())
    return line if len(line) <= MAX_DESCRIPTION else line[: MAX_DESCRIPTION - 1] + "…"


def _signs(text: str) -> Iterator[str]:
    """Without control and invisible characters, which could hide words from the person that the model reads."""
    for character in text:
        yield character if character.isprintable() else " "
