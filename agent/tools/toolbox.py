"""Everything that the model may call, from wherever it comes, under one name each."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from deskhand.agent.limits import Limits
from deskhand.agent.safety import changes
from deskhand.agent.safety.changes import Change
from deskhand.agent.skills.secrets import Secrets
from deskhand.agent.skills.skill import SkillSource
from deskhand.agent.tool import Group, Provider, Tool, ToolResult
from deskhand.agent.tools import arguments, disclosure
from deskhand.agent.tools.functions import SkillFunctions
from deskhand.agent.tools.host import Asked, Host, HostError, Planner
from deskhand.agent.tools.intents import Intents
from deskhand.agent.tools.rehearsal import Rehearsal
from deskhand.agent.tools.run_js import Pages
from deskhand.agent.tools.scripts import Scripts
from deskhand.agent.tools.skill_tools import SkillTools
from deskhand.model.types import Message, ToolCall

_log = logging.getLogger(__name__)


class Toolbox:
    """Every tool of ``skills``, and those of further providers.

    Args:
        skills: loaded skill folders.
        data: the folder below which each skill has its own: ``data/<skill>``.
        host: what only the app can do.
        more: further places that tools come from; of two tools of one name the first is taken.
        secrets: what skills' pages may be given; by default those in ``data``, and nobody is asked.
    """

    def __init__(
        self,
        skills: SkillSource,
        data: Path,
        host: Host,
        more: Sequence[Provider] = (),
        secrets: Secrets | None = None,
    ) -> None:
        self.skills = skills
        self._host, self._data = host, data
        shared: tuple[Provider, ...] = (
            SkillTools(skills, lambda: self.groups, self._own, self._crowded),
            Scripts(skills, data),
            Pages(skills, data, secrets or Secrets(data / "secrets.json")),
            Intents(self.run, data, host),
        )
        self._functions = SkillFunctions(skills, data, host)
        self._providers: tuple[Provider, ...] = (*shared, self._functions, *more)

    def refresh(self) -> tuple[str, ...]:
        """Let skills that changed be seen, before each turn; what the person should know of it, a sentence each."""
        return self.skills.refresh()

    @property
    def groups(self) -> tuple[Group, ...]:
        """Everything that can be activated, in the order of the providers; of two of one name the first."""
        found: dict[str, Group] = {}
        for provider in self._providers:
            for group in provider.groups:
                found.setdefault(group.name, group)
        return tuple(found.values())

    def declared(self, active: Sequence[str] = ()) -> tuple[Tool, ...]:
        """What the model is told of when ``active`` (of `disclosure.activated`) are active."""
        return disclosure.disclose(self.groups, [tool for tool, _ in self._tools().values()], active)

    def running(self, history: Sequence[Message]) -> frozenset[str]:
        """The skills and servers whose tools may be called in a conversation: the core, and what it has activated."""
        names = set(disclosure.activated(history))
        return frozenset(group.name for group in self.groups if group.core or group.name in names)

    def _own(self) -> list[Tool]:
        """The tools of skills and servers."""
        return [tool for provider in self._providers[1:] for tool in provider.tools]

    def _crowded(self, name: str) -> list[str]:
        """The tools of a group that a prompt would not declare, were it the only active one."""
        there = {tool.name for tool in self.declared([name])}
        return [tool.name for tool, _ in self._tools().values() if tool.skill == name and tool.name not in there]

    def find(self, name: str) -> Tool | None:
        """The tool of that name."""
        found = self._tools().get(name)
        return found[0] if found else None

    def touches(self, tool: Tool) -> tuple[str, ...]:
        """What the tool may touch, a line each, for the approval dialog."""
        return self._tools()[tool.name][1].touches(tool) or ("nothing on this machine",)

    def preview(self, tool: Tool, call: ToolCall) -> str:
        """What exactly would run where the arguments alone do not say it, for the approval dialog; else empty."""
        return self._tools()[tool.name][1].preview(tool, call)

    def exact(self, tool: Tool, call: ToolCall, cancel: threading.Event, limits: Limits) -> ToolCall:
        """The call with what the person's words mean in it: “the milk note” as the words of that note.

        Raises:
            HostError: it is not clear what they mean; a sentence that asks.
        """
        if self._tools()[tool.name][1] is not self._functions:
            return call
        found = self._functions.exact(tool, call, cancel, limits)
        if found is None:
            return call
        if found.error:
            raise HostError(found.error)
        return replace(call, arguments=arguments.fit(tool.parameters, found.value))

    def plan(self, tool: Tool, call: ToolCall, cancel: threading.Event) -> Change | None:
        """What a call would change in a file, if it is one that says so or can be tried.

        Raises:
            HostError: it would be refused, and why.
        """
        found = changes.wanted(tool, call)
        if not isinstance(self._host, Planner):
            return None
        if tool.rehearses:
            return Rehearsal(self.skills, self._data, self._host).change(tool, call, cancel)
        if found is None:
            return None
        name, given = found
        return self._host.plan(Asked(name, given, tool.name, tool.skill, tool.scopes, cancel, call.id))

    def run(self, call: ToolCall, cancel: threading.Event, limits: Limits) -> ToolResult:
        """Run one call to its end, a failure, a limit, or ``cancel``; nothing is raised for what a tool does."""
        started = time.monotonic()
        found = self._tools().get(call.name)
        if found is None:
            return ToolResult(error=f"There is no tool named {call.name}.")
        tool, provider = found
        try:
            exact = replace(call, arguments=arguments.fit(tool.parameters, call.arguments))
        except arguments.MisfitError as error:
            return ToolResult(error=str(error))
        try:
            result = provider.run(tool, exact, cancel, limits)
        except Exception as error:  # noqa: BLE001 - what a tool comes to is data: one that fails costs only its call
            _log.exception("the tool %s failed", tool.name)
            result = ToolResult(error=f"{tool.name} failed ({type(error).__name__}: {str(error)[:200]}).")
        return replace(result, seconds=time.monotonic() - started)

    def _tools(self) -> dict[str, tuple[Tool, Provider]]:
        """By name; a provider may offer others between two turns."""
        found: dict[str, tuple[Tool, Provider]] = {}
        for provider in self._providers:
            for tool in provider.tools:
                found.setdefault(tool.name, (tool, provider))
        return found
