"""The person's skills as a window shows and changes them: blocking, for any thread but the window's own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from deskhand.agent.skills import card
from deskhand.agent.skills.card import Card
from deskhand.agent.skills.consents import Consents
from deskhand.agent.skills.installing import USER, Installer, InstallError
from deskhand.agent.skills.library import Held, Library
from deskhand.agent.skills.secrets import Secrets
from deskhand.agent.skills.skill import BUNDLED, Problem
from deskhand.app import settings


@dataclass(frozen=True)
class Row:
    """One skill.

    Attributes:
        held: with its state.
        problems: found in its folder.
        secret: it has a key of the person's.
        removable: it is among those that the person installed.
        unused: the engine uses others only, whatever its switch says.
    """

    held: Held
    problems: tuple[Problem, ...] = ()
    secret: bool = False
    removable: bool = False
    unused: bool = False


@dataclass(frozen=True)
class Shelved:
    """All skills as they are now.

    Attributes:
        rows: those that wait for consent first, then the person's own, then those that came with Deskhand.
        loose: problems of no skill that is there: one that could not be loaded, a folder that can't be read.
        orphans: names of skills that are gone and whose keys are still kept.
        used: names of the only skills that the engine uses; empty when it uses all that are on.
    """

    rows: tuple[Row, ...] = ()
    loose: tuple[Problem, ...] = ()
    orphans: tuple[str, ...] = ()
    used: tuple[str, ...] = ()


@dataclass(frozen=True)
class Removed:
    """What it takes to put a removed skill back as it was."""

    name: str
    digest: str
    origin: str
    agreed: bool
    on: bool


class Offer:
    """Skills that were copied from a folder or an archive and wait for the person's word; closed when that is said.

    Args:
        cards: what would be agreed to.
        install: does it.
        held: the copy, which closing removes.
    """

    def __init__(self, cards: tuple[Card, ...], install: Callable[[Card], object], held: ExitStack) -> None:
        self.cards = cards
        self._install = install
        self._held = held

    def accept(self) -> tuple[str, ...]:
        """Install all of it and return the names.

        Raises:
            InstallError: or ConsentsError: it could not be installed; each with a sentence.
        """
        try:
            for each in self.cards:
                self._install(each)
        finally:
            self.close()
        return tuple(each.skill.name for each in self.cards)

    def close(self) -> None:
        """Remove the copy; may be called again."""
        self._held.close()


class Shelf:
    """All that a person does with skills.

    Args:
        library: makes the library; called at the first use, because it reads every file.
        installer: of that library.
        consents: what the person agreed to.
        secrets: their keys.
        used: names of the only skills that the engine uses; empty when it uses all that are on.
    """

    def __init__(
        self,
        library: Callable[[], Library],
        installer: Callable[[Library], Installer],
        consents: Consents,
        secrets: Secrets,
        used: Collection[str] = (),
    ) -> None:
        self._make = library
        self._make_installer = installer
        self._consents = consents
        self._secrets = secrets
        self._used = tuple(used)
        self._lock = threading.Lock()
        self._made: Library | None = None
        self.activatable: tuple[tuple[str, str], ...] = ()
        """Name and description of what ``/name`` can activate, as of the last `look`; read without waiting."""

    def hold_to(self, used: Collection[str]) -> None:
        """Another engine is used, which may use these skills only; see ``used`` of the shelf."""
        self._used = tuple(used)

    def look(self) -> Shelved:
        """All skills, looked at again."""
        with self._lock:
            library = self._library()
            names = self._secrets.names
            rows = [self._row(held, library.problems, names) for held in library.held]
            self.activatable = tuple(
                sorted((skill.name, skill.description) for skill in library.skills if not (skill.core or self._used))
            )
        known = {row.held.skill.name for row in rows}
        of_rows = {problem for row in rows for problem in row.problems}
        loose = tuple(problem for problem in library.problems if problem not in of_rows)
        order = sorted(rows, key=lambda row: (_rank(row), row.held.skill.name))
        return Shelved(tuple(order), loose, tuple(name for name in names if name not in known), self._used)

    def card(self, name: str) -> Card:
        """What the person agrees to when they use the skill as it is now.

        Raises:
            InstallError: it is gone.
            ContentsError: its folder is none that a skill may have.
        """
        with self._lock:
            library = self._library()
            held = _found(library, name)
            others = [other.skill for other in library.held]
            changed = held.state == "changed"
            return card.of(held.skill, str(held.skill.folder), others, library.problems, changed=changed)

    def agree(self, agreed: Card) -> None:
        """Use the very version that a card of `card` showed."""
        with self._lock:
            self._consents.agree(agreed.skill.name, agreed.digest, str(agreed.skill.folder))

    def switch(self, name: str, *, on: bool) -> None:
        """Use a skill or don't."""
        with self._lock:
            self._consents.switch(name, on=on)
            settings.switch(name, on=on)

    def offer(self, source: Path) -> Offer:
        """Copy what a folder or archive holds, for the person to look at; close or accept the offer.

        Raises:
            InstallError: with a sentence.
        """
        with ExitStack() as stack, self._lock:
            installer = self._make_installer(self._library())
            cards = stack.enter_context(installer.offered(source))
            return Offer(cards, self._locked(installer.install), stack.pop_all())

    def _locked(self, install: Callable[[Card], object]) -> Callable[[Card], object]:
        def do(chosen: Card) -> object:
            with self._lock:
                return install(chosen)

        return do

    def remove(self, name: str) -> Removed:
        """Move a skill to the trash.

        Raises:
            InstallError: it is not the person's to remove.
        """
        with self._lock:
            library = self._library()
            own = (held for held in library.held if held.skill.name == name and held.skill.source == USER)
            held = next(own, None)
            removed = Removed(
                name,
                held.digest if held else "",
                self._consents.origin(name),
                agreed=held is not None and held.state in {"on", "off"},
                on=self._consents.is_on(name),
            )
            self._make_installer(library).remove(name)
            return removed

    def restore(self, removed: Removed) -> None:
        """Undo a removal; what had been agreed to and is still the same needs no new consent."""
        with self._lock:
            library = self._library()
            self._make_installer(library).restore(removed.name)
            same = any(h.skill.name == removed.name and h.digest == removed.digest for h in library.held)
            if removed.agreed and same:
                self._consents.agree(removed.name, removed.digest, removed.origin)
                self._consents.switch(removed.name, on=removed.on)

    def forget_secret(self, name: str) -> None:
        """Delete the key of a skill; it asks again when it needs one."""
        with self._lock:
            self._secrets.forget(name)

    def has_secret(self, name: str) -> bool:
        """Whether a key is kept for a skill of that name."""
        return name in self._secrets.names

    def _library(self) -> Library:
        if self._made is None:
            self._made = self._make()
        self._made.refresh()
        return self._made

    def _row(self, held: Held, problems: tuple[Problem, ...], secrets: tuple[str, ...]) -> Row:
        folder = held.skill.folder
        own = tuple(p for p in problems if not p.fatal and (p.path == folder or folder in p.path.parents))
        unused = bool(self._used) and not (held.skill.source == BUNDLED and held.skill.name in self._used)
        return Row(held, own, held.skill.name in secrets, held.skill.source == USER, unused)


def _rank(row: Row) -> int:
    if row.held.state in {"new", "changed"}:
        return 0
    return 2 if row.held.skill.source == "bundled" else 1


def _found(library: Library, name: str) -> Held:
    held = library.find(name)
    if held is None:
        raise InstallError(f"The skill {name} is not there any more.")
    return held
