"""Some skills of a source, all of them in use from the start: for a model that knows these, and activates none."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from deskhand.agent.skills.skill import BUNDLED, Skill, SkillSource


class CoreOnly:
    """A `SkillSource` of bundled skills that are core.

    Args:
        source: of all skills.
        names: of those that are used.
    """

    def __init__(self, source: SkillSource, names: Collection[str]) -> None:
        self._source, self._names = source, frozenset(names)

    @property
    def skills(self) -> tuple[Skill, ...]:
        """Those of the names, each active in every conversation."""
        return tuple(replace(skill, core=True) for skill in self._chosen())

    def refresh(self) -> tuple[str, ...]:
        """As the source does."""
        return self._source.refresh()

    def unchanged(self, skill: Skill) -> bool:
        """Whether it is one of these, and still what was loaded."""
        return any(own.folder == skill.folder and self._source.unchanged(own) for own in self._chosen())

    def _chosen(self) -> list[Skill]:
        return [skill for skill in self._source.skills if skill.source == BUNDLED and skill.name in self._names]
