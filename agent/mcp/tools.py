"""The two kinds of tools that a server is to the model: one that connects it, then its own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from deskhand.agent.tool import Tool

MAX_NAME = 64

GATE = "connect"
"""The part after ``server__`` of the tool that connects a server; a server's own tool of that name gets another."""


@dataclass(frozen=True, kw_only=True)
class Offer(Tool):
    """A tool of a server.

    Attributes:
        original: the tool's name at the server.
        pin: hash of all that the server says of it.
    """

    original: str
    pin: str


@dataclass(frozen=True, kw_only=True)
class Gate(Tool):
    """The tool that connects a server. It asks unless what would be agreed to was agreed to before.

    Attributes:
        agrees: hash of what a person agrees to by allowing it, empty if there is nothing new.
        shows: what that is, a line each.
    """

    agrees: str = ""
    shows: tuple[str, ...] = ()


def group_name(server: str) -> str:
    """What a server is called among skills, none of which may have a dot in its name."""
    return f"mcp.{server}"


def prefix(server: str) -> str:
    """What the names of a server's tools begin with: letters, digits and underscores, never two of those together.

    No two servers have the same: only hyphens become underscores without a hash, so ``a-b`` is ``a_b``, and ``a_b``
    is ``a_b_`` with six digits.
    """
    if re.fullmatch(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*", server):
        return server.replace("-", "_")
    plain = re.sub(r"[^A-Za-z0-9]+", "_", server).strip("_") or "server"
    return f"{plain}_{_hash(server)}"


def tool_name(server: str, tool: str) -> str:
    """``server__tool`` in letters, digits and underscores, at most `MAX_NAME` characters."""
    name = f"{prefix(server)}__{re.sub(r'[^A-Za-z0-9_]+', '_', tool).strip('_') or 'tool'}"
    return name if len(name) <= MAX_NAME else hashed(name, tool)


def tool_names(server: str, tools: Iterable[str], known: Mapping[str, str]) -> dict[str, str]:
    """A name for each tool of a server, by the server's own name for it.

    Args:
        server: whose.
        tools: their names there, each once.
        known: names that the person knows tools by; no other tool gets one of those, as what was granted to it counts
            for its name.
    """
    begins = f"{prefix(server)}__"
    made = {tool: name for tool, name in known.items() if name.startswith(begins)}
    wanted = {tool: tool_name(server, tool) for tool in tools}
    taken = {tool_name(server, GATE), *made.values()}
    plain = [name for tool, name in wanted.items() if tool not in made]
    for tool, name in wanted.items():
        if tool in made:
            continue
        exact = name == f"{begins}{tool}"
        unique = name if name not in taken and (exact or plain.count(name) == 1) else hashed(name, tool)
        made[tool] = unique
        taken.add(unique)
    return {tool: made[tool] for tool in wanted}


def hashed(name: str, tool: str) -> str:
    """A name that is unique because it ends in a hash of the server's own name for the tool."""
    return f"{name[: MAX_NAME - 7]}_{_hash(tool)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:6]
