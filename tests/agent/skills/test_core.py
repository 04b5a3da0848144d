"""A few bundled skills that are always in use, and nothing else."""

from __future__ import annotations

from dataclasses import replace

from deskhand.agent.skills import loading
from deskhand.agent.skills.core import CoreOnly
from deskhand.agent.skills.skill import BUNDLED, SkillSet
from deskhand.app.settings import BUNDLED_SKILLS


def test_only_named_bundled_skills_are_there_and_each_is_core():
    problems = []
    every = tuple(loading.find(BUNDLED_SKILLS, BUNDLED, problems))
    theirs = replace(next(skill for skill in every if skill.name == "notes"), source="user")
    whole = SkillSet((*every, theirs), ())
    chosen = CoreOnly(whole, ("clock", "open", "input", "notes"))
    assert sorted(skill.name for skill in chosen.skills) == ["clock", "input", "notes", "open"]
    assert all(skill.core and skill.source == BUNDLED for skill in chosen.skills)
    assert all(chosen.unchanged(skill) for skill in chosen.skills)
    assert not chosen.unchanged(next(skill for skill in every if skill.name == "files"))
