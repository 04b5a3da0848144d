"""Whether a call may run: pure decisions over the tool, its scopes, its arguments and what was granted.

Everything asks, except tools of bundled skills that only read what is their own. A person has no patience: what could
not hurt does not ask.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Literal

from deskhand.agent.tool import Tool
from deskhand.model.types import ToolCall

Verdict = Literal["allow", "ask", "deny"]


def decide(
    tool: Tool,
    call: ToolCall,
    *,
    preapproved: Collection[str] = (),
    granted: Collection[str] = (),
    ask: bool = True,
    screen_shared: bool = False,
) -> Verdict:
    """Decide about one call.

    Args:
        tool: what would run.
        call: with the arguments it would run with.
        preapproved: names of tools or skills that the person approved up front.
        granted: `grant` values of this session.
        ask: whether there is anybody to ask.
        screen_shared: the person attached a screenshot taken just now to this turn, so looking at it tells nothing new.
    """
    if tool.quiet or tool.name in preapproved or tool.skill in preapproved or grant(tool, call) in granted:
        return "allow"
    if screen_shared and tool.bundled and tool.scopes == ("screen",):
        return "allow"
    return "ask" if ask else "deny"


def grant(tool: Tool, call: ToolCall) -> str:
    """What a grant for the session covers: the tool; of one that starts applications, exactly these arguments."""
    if "apps" in tool.scopes:
        return f"{tool.name} {json.dumps(dict(call.arguments), sort_keys=True)}"
    return tool.name


class Permissions:
    """`decide` with the grants of one session.

    Args:
        preapproved: names of tools or skills (``--approve NAME,…``).
        ask: False denies what would be asked, where nobody is there to ask.
    """

    def __init__(self, preapproved: Collection[str] = (), ask: bool = True) -> None:
        self._preapproved = frozenset(preapproved)
        self._ask = ask
        self._granted: set[str] = set()

    def decide(self, tool: Tool, call: ToolCall, *, screen_shared: bool = False) -> Verdict:
        """Decide about one call with what was granted so far."""
        return decide(
            tool,
            call,
            preapproved=self._preapproved,
            granted=self._granted,
            ask=self._ask,
            screen_shared=screen_shared,
        )

    def grant_for_session(self, tool: Tool, call: ToolCall) -> None:
        """Remember that the person allowed this until the program ends."""
        self._granted.add(grant(tool, call))

    def denial(self, tool: Tool) -> str:
        """Why a call was denied without asking: a sentence for the person and the model."""
        return (
            f"{tool.name} needs approval and nobody is there to ask: "
            f"run again with --approve {tool.name}, or in the window."
        )
