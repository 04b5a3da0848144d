"""The card by which a person agrees to a skill: what it is, what it may touch and asks for, every file, its hash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deskhand.agent import scopes
from deskhand.agent.filename import spelled
from deskhand.agent.skills import contents
from deskhand.agent.skills.skill import Problem, Skill

MOST_FILES_SHOWN = 40


@dataclass(frozen=True)
class Card:
    """Everything that a consent is about.

    Attributes:
        skill: what is agreed to.
        origin: where it comes from: a path or an archive.
        digest: of all its files.
        files: all of them, with sizes.
        replaces: the folder of a skill whose name it takes, None if it takes none.
        problems: what is unusual about it.
        changed: the person agreed to another version before.
    """

    skill: Skill
    origin: str
    digest: str
    files: tuple[contents.Entry, ...]
    replaces: Path | None = None
    problems: tuple[Problem, ...] = ()
    changed: bool = False

    def lines(self) -> list[str]:
        """For a person: a line each."""
        skill = self.skill
        touches = ", ".join(scopes.words(scope) for scope in skill.scopes) or "nothing outside of its sandbox"
        told = [
            f"{skill.name}: {skill.description}",
            f"from      {self.origin}",
            f"licence   {skill.license or 'not stated'}",
            f"touches   {touches}",
        ]
        if skill.tools:
            told.append(f"tools     {', '.join(tool.name for tool in skill.tools)}")
        if skill.requests:
            told.append(f"asks for  {skill.requests} (a request: it grants nothing)")
        if skill.metadata.get("require-secret", "").lower() == "true":
            told.append("secret    it will ask you for a key of yours, which its scripts then have")
        if self.replaces:
            told.append(f"replaces  the skill of that name in {self.replaces}, and gets the files it kept")
        if self.changed:
            told.append("changed   you agreed to another version of it before")
        told += [f"note      {problem.text}" for problem in self.problems]
        size = sum(entry.size for entry in self.files)
        told.append(f"files     {len(self.files)}, {size_words(size)} in all")
        told += [f"    {spelled(entry.path)} ({size_words(entry.size)})" for entry in self.files[:MOST_FILES_SHOWN]]
        if len(self.files) > MOST_FILES_SHOWN:
            told.append(f"    and {len(self.files) - MOST_FILES_SHOWN} more")
        told.append(f"hash      {self.digest}")
        return told

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "name": self.skill.name,
            "description": self.skill.description,
            "origin": self.origin,
            "license": self.skill.license,
            "scopes": list(self.skill.scopes),
            "tools": [tool.name for tool in self.skill.tools],
            "requests": self.skill.requests,
            "replaces": str(self.replaces) if self.replaces else None,
            "changed": self.changed,
            "problems": [problem.text for problem in self.problems],
            "files": [{"path": spelled(entry.path), "size": entry.size} for entry in self.files],
            "hash": self.digest,
        }


def of(
    skill: Skill, origin: str, others: Sequence[Skill], problems: Sequence[Problem] = (), *, changed: bool = False
) -> Card:
    """The card of ``skill``.

    Args:
        skill: as it was loaded.
        origin: for the person.
        others: skills of now; one of the same name in another folder would be replaced.
        problems: of any skill; those of this one are shown.
        changed: another version was agreed to before.

    Raises:
        ContentsError: its folder is none that a skill may have.
    """
    same = (other for other in others if other.name == skill.name and other.folder != skill.folder)
    replaced = next(same, None)
    own = tuple(p for p in problems if p.path == skill.folder or skill.folder in p.path.parents)
    digest, files = contents.digest(skill.folder), contents.listing(skill.folder)
    return Card(skill, spelled(origin), digest, files, replaced.folder if replaced else None, own, changed)


def size_words(count: int) -> str:
    """A number of bytes as a person reads it."""
    return f"{count} bytes" if count < 10_000 else f"{count / 1000:,.0f} kB"
