"""The plan that a model states before its first call: a list in its text, ticked off as calls end well.

A model does not say which call belongs to which step, so the ticks count: as many steps as calls have ended well.
"""

from __future__ import annotations

import re

_STEP = re.compile(r"^([ \t]{0,3}(?:[-*+]|\d{1,2}[.)])[ \t]+)(?=\S)", re.MULTILINE)
LEAST = 2
"""Lines of a list that make a plan."""


def states(text: str) -> bool:
    """Whether a text is a plan."""
    return len(_STEP.findall(text)) >= LEAST


def ticked(text: str, done: int) -> str:
    """The plan with a box before each step, the first ``done`` of them ticked."""
    count = 0

    def box(match: re.Match[str]) -> str:
        nonlocal count
        count += 1
        return f"{match.group(1)}{'☑' if count <= done else '☐'} "

    return "**Plan**\n\n" + _STEP.sub(box, text)
