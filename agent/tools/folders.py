"""The one folder that a skill may write: its own, below the person's data folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from deskhand.agent.skills.manifest import NAME
from deskhand.agent.skills.skill import Skill

OURS = frozenset({"calendar", "mcp", "models", "sessions", "skills", "trash"})
"""Folders of the application itself in the data folder; a skill of such a name must not write there."""


class FolderError(Exception):
    """The skill can't have a folder of its own; the message is a sentence."""


def own(data: Path, name: str, skills: Iterable[Skill]) -> Path:
    """The folder of the skill ``name``, made if it does not exist, readable by the person only.

    Raises:
        FolderError: its name is no folder's or one of ours, or the folder is one that holds skills.
    """
    if not NAME.fullmatch(name):
        raise FolderError(f"{name} can't keep files: its name is not lower-case letters, digits and hyphens.")
    folder = data.resolve() / name
    for skill in skills:
        other = skill.folder.resolve()
        # A skill called ``skills`` must not get the folder of the person's skills as its own.
        if other.is_relative_to(folder) or folder.is_relative_to(other):
            raise FolderError(f"{folder}, where {name} keeps its files, holds skills.")
    if name in OURS:
        raise FolderError(f"{name} can't keep files: a folder of Deskhand itself has that name.")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The folder above is ours alone, so a link in its place is the person's own; below it nothing is trusted.
    return folder.resolve()
