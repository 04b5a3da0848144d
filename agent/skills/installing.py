"""Installing a skill into the person's folder, and taking it out again so that it can be put back."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from deskhand.agent.skills import archives, card, contents, loading
from deskhand.agent.skills.archives import ArchiveError
from deskhand.agent.skills.card import Card
from deskhand.agent.skills.consents import Consents, Tell, untold
from deskhand.agent.skills.library import Library
from deskhand.agent.skills.lookalike import alike
from deskhand.agent.skills.manifest import NAME
from deskhand.agent.skills.skill import BUNDLED, Problem, Skill

USER = "user"


class InstallError(Exception):
    """A skill that can't be installed, removed or put back; the message is a sentence for the person."""


class Installer:
    """Changes the person's own skills.

    Args:
        folder: of the person's skills.
        trash: where removed skills are kept.
        library: all skills of now.
        consents: where an agreement is written.
        tell: the log, where every change is written.
        forget: lets go of the key of a skill by its name, but not of that of a version with a hash.
    """

    def __init__(  # noqa: PLR0917 - one part of the application each
        self,
        folder: Path,
        trash: Path,
        library: Library,
        consents: Consents,
        tell: Tell = untold,
        forget: Callable[[str, str], None] = lambda _name, _digest: None,
    ) -> None:
        self._folder = folder
        self._trash = trash
        self._library = library
        self._consents = consents
        self._tell = tell
        self._forget = forget

    @contextmanager
    def offered(self, source: Path) -> Generator[tuple[Card, ...]]:
        """The cards of all skills in a folder or archive, copied first so that what is agreed to is what is installed.

        Raises:
            InstallError: there is none, or one that may not be installed.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".install-", dir=self._folder.parent) as place:
            copy = Path(place) / "copy"
            copy.mkdir()
            try:
                archives.unpack(source, copy)
                problems: list[Problem] = []
                root = _named(copy, source)
                skills = list(loading.find(root, USER, problems, within=int(root != copy)))
                cards = tuple(self._card(skill, source, problems) for skill in skills)
            except (ArchiveError, contents.ContentsError) as error:
                raise InstallError(str(error)) from error
            if not cards:
                reason = next((problem.text for problem in problems), "It holds no SKILL.md.")
                raise InstallError(f"There is no skill in {source.name}: {reason}")
            yield cards

    def _card(self, skill: Skill, source: Path, problems: list[Problem]) -> Card:
        if not NAME.fullmatch(skill.name):
            raise InstallError(
                f"The skill “{skill.name}” can't be installed: a name is lower-case letters, digits and single hyphens."
            )
        for held in self._library.held:
            other = held.skill
            if other.source == BUNDLED and other.name == skill.name:
                raise InstallError(f"The skill {skill.name} can't be installed: one of that name came with Deskhand.")
            if other.name != skill.name and alike(other.name, skill.name):
                raise InstallError(
                    f"The skill {skill.name} can't be installed: its name looks like that of the skill {other.name}."
                )
        others = [held.skill for held in self._library.held]
        return card.of(skill, str(source), others, problems, changed=self._known(skill.name))

    def _known(self, name: str) -> bool:
        return any(held.skill.name == name and held.skill.source == USER for held in self._library.held)

    def install(self, chosen: Card) -> Path:
        """Put a skill of `offered` into the person's folder and remember that they agreed to it; within its context.

        Raises:
            InstallError: it could not be logged or moved.
            ConsentsError: the agreement could not be written; the skill is not there then.
        """
        name, target = chosen.skill.name, self._folder / chosen.skill.name
        scopes = list(chosen.skill.scopes)
        self._note("installed", name=name, digest=chosen.digest, origin=chosen.origin, place=str(target), scopes=scopes)
        self._library.refresh()
        for held in self._library.held:
            if held.skill.name == name and held.skill.source == USER:
                self._put_away(held.skill.folder, name)
        if target.exists():
            self._put_away(target, name)
        try:
            # Copied and not moved: another skill of the same source may lie inside of it.
            part = target.with_name(f".{name}.part")
            shutil.rmtree(part, ignore_errors=True)
            shutil.copytree(chosen.skill.folder, part, symlinks=True)
            part.rename(target)
        except OSError as error:
            raise InstallError(f"{name} could not be installed into {target}: {error.strerror}.") from error
        self._consents.agree(name, chosen.digest, chosen.origin)
        self._forget(name, chosen.digest)
        self._library.refresh()
        return target

    def remove(self, name: str) -> Path:
        """Move one of the person's own skills into the trash and return its place there.

        Raises:
            InstallError: there is none of that name, or it is not the person's to remove.
        """
        self._library.refresh()
        own = [held.skill for held in self._library.held if held.skill.name == name]
        skill = next((skill for skill in own if skill.source == USER), None)
        if skill is None:
            where = f" It is in {own[0].folder}; switch it off instead." if own else ""
            raise InstallError(f"There is no skill {name} among those you installed.{where}")
        place = self._put_away(skill.folder, name)
        self._consents.forget(name)
        self._forget(name, "")
        self._library.refresh()
        self._note("removed", name=name, place=str(place))
        return place

    def restore(self, name: str) -> Path:
        """Put the skill of that name that was removed last back; it waits for consent like any new one.

        Raises:
            InstallError: there is none, or its place is taken.
        """
        places = sorted(self._trash.glob(f"*--{name}")) if NAME.fullmatch(name) else []
        if not places:
            raise InstallError(f"There is no removed skill {name}.")
        target = self._folder / name
        if target.exists():
            raise InstallError(f"{target} is there already: remove it first.")
        self._note("restored", name=name, place=str(target))
        try:
            places[-1].rename(target)
        except OSError as error:
            raise InstallError(f"{name} could not be put back into {target}: {error.strerror}.") from error
        self._library.refresh()
        return target

    def _note(self, did: str, **fields: str | list[str]) -> None:
        if problem := self._tell("skill", did=did, **fields):
            raise InstallError(problem)

    def _put_away(self, folder: Path, name: str) -> Path:
        self._trash.mkdir(mode=0o700, parents=True, exist_ok=True)
        when = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        place = self._trash / f"{when}--{name}"
        try:
            shutil.move(folder, place)
        except OSError as error:
            raise InstallError(f"{folder} could not be moved to the trash: {error.strerror}.") from error
        return place


def _named(copy: Path, source: Path) -> Path:
    """Where to look for skills; a skill that is the whole source gets the name of the source as its folder."""
    if not loading.manifest_in(entry.name for entry in copy.iterdir()):
        return copy
    name = source.resolve().name
    for ending in archives.ENDINGS:
        name = name[: -len(ending)] if name.lower().endswith(ending) else name
    root = copy.with_name("named")
    root.mkdir()
    copy.rename(root / (name or "skill"))
    return root
