"""Trying a skill's function without letting it change anything, to learn what it would change in its own file.

Only for functions of bundled skills that change what they keep through the application alone (``deskhand-rehearses``):
everything up to that request is done for real, so what can't be done is known before anybody is asked.
"""

from __future__ import annotations

import threading
from pathlib import Path

from deskhand.agent.limits import Limits
from deskhand.agent.safety.changes import Change
from deskhand.agent.skills.skill import SkillSource
from deskhand.agent.tool import Tool
from deskhand.agent.tools.functions import SkillFunctions
from deskhand.agent.tools.host import Asked, HostError, Planner, Told
from deskhand.model.types import ToolCall


class _Stage:
    """A `Host` that plans the first change and refuses everything."""

    def __init__(self, planner: Planner) -> None:
        self._planner = planner
        self.change: Change | None = None

    def ask(self, asked: Asked) -> Told:
        """Remember what would be changed."""
        if self.change is None:
            self.change = self._planner.plan(asked)
        raise HostError("This was only tried.")


class Rehearsal:
    """Tries calls of ``skills``.

    Args:
        skills: loaded skill folders.
        data: the folder below which each skill has its own.
        planner: says what the application would do to a file.
    """

    def __init__(self, skills: SkillSource, data: Path, planner: Planner) -> None:
        self._skills, self._data, self._planner = skills, data, planner

    def change(self, tool: Tool, call: ToolCall, cancel: threading.Event) -> Change | None:
        """What a call would change in the skill's own file; None if nothing.

        Raises:
            HostError: it can't be done, and why.
        """
        stage = _Stage(self._planner)
        result = SkillFunctions(self._skills, self._data, stage).run(tool, call, cancel, Limits())
        if stage.change is None and result.error:
            raise HostError(result.error)
        return stage.change
