"""All skills of a person, from every place, as they are now: what may be used, what waits for consent, what is off.

Skills that came with Deskhand need no consent. Every other skill is used only in the very version that the person
agreed to: when a file of it changes, it is taken out before the next turn and waits again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from deskhand.agent.skills import contents, loading
from deskhand.agent.skills.consents import Consents, ConsentsError
from deskhand.agent.skills.skill import BUNDLED, Problem, Skill

State = Literal["on", "off", "new", "changed"]

WAITING = (
    "The skill {name} has changed since you agreed to it, so it is off. Look at it on the page Skills, or with: "
    "deskhand skills enable {name}"
)

Stamp = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True)
class Held:
    """One skill of the library, used or not.

    Attributes:
        skill: as it is now.
        state: ``on``; ``off``, switched off by the person; ``new`` or ``changed``, which wait for their consent.
        digest: of its files; empty for bundled skills, which need none.
    """

    skill: Skill
    state: State
    digest: str = ""


class Library:
    """A `SkillSource` over folders and the person's consents.

    Args:
        places: pairs of a folder and its source; skills of a later one replace those of an earlier one.
        consents: what the person agreed to.
        held_back: problems that are known from elsewhere, such as a project that is not trusted.
        off: bundled skills that the settings keep switched off.
    """

    def __init__(
        self,
        places: Sequence[tuple[Path, str]],
        consents: Consents,
        held_back: Sequence[Problem] = (),
        off: Collection[str] = (),
    ) -> None:
        self._places = tuple(places)
        self._consents = consents
        self._held_back = tuple(held_back)
        self._off = frozenset(off)
        self._stamps: dict[Path, Stamp] = {}
        self._digests: dict[tuple[Path, Stamp], str] = {}
        self._seen: object = None
        self._told: frozenset[str] = frozenset()
        self.held: tuple[Held, ...] = ()
        self.skills: tuple[Skill, ...] = ()
        self.problems: tuple[Problem, ...] = ()
        self._untold = self._refresh()

    def refresh(self) -> tuple[str, ...]:
        """Load again what changed; returns a sentence for each skill that newly waits for consent."""
        told = (*self._untold, *self._refresh())
        self._untold = ()
        return told

    def _refresh(self) -> tuple[str, ...]:
        stamps = {file.parent: _stamp(file.parent) for root, _ in self._places for file in loading.files(root, [])}
        try:
            seen = (stamps, self._consents.stamp)
        except ConsentsError:
            seen = (stamps, None)
        if seen == self._seen:
            return ()
        self._seen, self._stamps = seen, stamps
        self._load()
        waiting = frozenset(held.skill.name for held in self.held if held.state == "changed")
        new, self._told = waiting - self._told, waiting
        return tuple(WAITING.format(name=name) for name in sorted(new))

    def unchanged(self, skill: Skill) -> bool:
        """Whether the skill may be used and nothing was written into its folder since it was loaded."""
        return skill in self.skills and _stamp(skill.folder) == self._stamps.get(skill.folder)

    def find(self, name: str) -> Held | None:
        """The skill of that name that is used, else the one that waits or is off."""
        named = [held for held in self.held if held.skill.name == name]
        return next((held for held in named if held.state == "on"), named[-1] if named else None)

    def _load(self) -> None:
        problems = list(self._held_back)
        found = [skill for root, source in self._places for skill in loading.find(root, source, problems)]
        held: list[Held] = []
        for skill in found:
            try:
                held.append(self._hold(skill))
            except (contents.ContentsError, ConsentsError) as error:
                problems.append(Problem(skill.folder / "SKILL.md", str(error), fatal=True))
        merged = loading.merge((entry.skill for entry in held if entry.state == "on"), problems)
        used = {skill.folder for skill in merged.skills}
        self.skills = merged.skills
        self.held = tuple(entry for entry in held if entry.state != "on" or entry.skill.folder in used)
        self.problems = tuple(dict.fromkeys(problems))

    def _hold(self, skill: Skill) -> Held:
        if skill.source == BUNDLED:
            try:
                on = skill.name not in self._off and self._consents.is_on(skill.name)
            except ConsentsError:
                on = skill.name not in self._off
            return Held(skill, "on" if on else "off")
        key = (skill.folder, self._stamps.get(skill.folder, ()))
        if key not in self._digests:
            self._digests[key] = contents.digest(skill.folder)
        digest = self._digests[key]
        agreed = self._consents.state(skill.name, digest)
        if agreed != "agreed":
            return Held(skill, "changed" if agreed == "changed" else "new", digest)
        return Held(skill, "on" if self._consents.is_on(skill.name) else "off", digest)


def _stamp(folder: Path) -> Stamp:
    try:
        return contents.stamp(folder)
    except contents.ContentsError as error:
        return ((str(error), 0, 0, 0),)
