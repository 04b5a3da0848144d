"""What a loaded skill is, and what was wrong with one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from deskhand.agent.tool import Tool

BUNDLED = "bundled"
"""The source of skills that came with Deskhand; those of others are ``user``, ``agents`` and ``project``."""

CHANGED = "The files of the skill {name} have changed since this turn began, so nothing of it is used."
"""What the model and the person are told when a skill is not `SkillSource.unchanged`."""


@dataclass(frozen=True)
class Problem:
    """Something wrong with a skill.

    Attributes:
        path: of the file or folder.
        text: one sentence.
        fatal: the skill was not loaded.
    """

    path: Path
    text: str
    fatal: bool = False


@dataclass(frozen=True, kw_only=True)
class Function(Tool):
    """A typed function of a skill; its name as a tool is ``<skill>_<function>``.

    Attributes:
        function: its name in ``file``.
        file: the Python source.
        host: it takes ``host``.
        shaped: arguments have to be made objects of its file's classes.
    """

    function: str
    file: Path
    host: bool = False
    shaped: bool = False


@dataclass(frozen=True)
class Skill:
    """One skill folder.

    Attributes:
        name: unique within a `SkillSet`.
        description: what it does and when to use it.
        body: Markdown for the model.
        folder: where it is.
        source: where it was found: ``bundled``, ``user``, ``agents`` or ``project``.
        license: as written, may be empty.
        scopes: what its tools may touch.
        tools: its typed functions.
        core: active in every conversation; bundled skills only.
        files: everything else in its folder, as paths relative to it.
        requests: tools that it asks to be allowed (``allowed-tools``); shown to the person, and grants nothing.
        metadata: all of it, as texts.
    """

    name: str
    description: str
    body: str
    folder: Path
    source: str
    license: str = ""
    scopes: tuple[str, ...] = ()
    tools: tuple[Function, ...] = ()
    core: bool = False
    files: tuple[str, ...] = ()
    requests: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])


class SkillSource(Protocol):
    """Where the skills of now are asked for; they may change between two turns."""

    @property
    def skills(self) -> tuple[Skill, ...]:
        """All that may be used."""
        ...

    def refresh(self) -> tuple[str, ...]:
        """Look whether anything changed, before each turn; what the person should know of it, a sentence each."""
        ...

    def unchanged(self, skill: Skill) -> bool:
        """Whether the skill's files are still those that were loaded; asked before any of them is used."""
        ...


@dataclass(frozen=True)
class SkillSet:
    """What was loaded, and what was wrong."""

    skills: tuple[Skill, ...]
    problems: tuple[Problem, ...]

    def refresh(self) -> tuple[str, ...]:
        """Stay as it was loaded."""
        return ()

    def unchanged(self, skill: Skill) -> bool:
        """Yes: nobody agreed to one version of it."""
        return skill in self.skills
