"""The two kinds of tools that a server is to the model: one that connects it, then its own."""

from __future__ import annotations

import hashlib
import re
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
        pin: hash of name, description and schema as the server sent them.
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


def tool_name(server: str, tool: str) -> str:
    """``server__tool`` in letters, digits and underscores, at most `MAX_NAME` characters."""
    name = f"{_word(server)}__{_word(tool)}"
    return name if len(name) <= MAX_NAME else hashed(name, tool)


def _word(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]+", "_", text).strip("_") or "tool"


def hashed(name: str, tool: str) -> str:
    """A name that is unique because it ends in a hash of the server's own name for the tool."""
    return f"{name[: MAX_NAME - 7]}_{hashlib.sha256(tool.encode('utf-8', 'replace')).hexdigest()[:6]}"
