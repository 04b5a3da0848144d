"""What the person agreed to: versions of skills by the hash of their files, skills switched off, projects trusted."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from deskhand.agent import private
from deskhand.agent.filename import spelled

Tell = Callable[..., str]
"""Takes the kind of an entry of the log and its fields, and returns why it could not be written; empty if it was."""


def untold(_kind: str, **_fields: object) -> str:
    """Where there is no log."""
    return ""


class ConsentsError(Exception):
    """The file of consents, or the log of them, can't be read or written; the message says what to do."""


class Consent(BaseModel):
    """One version of one skill that the person agreed to.

    Attributes:
        name: of the skill.
        digest: of all its files (`contents.digest`).
        origin: where it was installed from, for the person.
        when: in UTC, ISO 8601.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    digest: str
    origin: str = ""
    when: str = ""


class _State(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    consents: tuple[Consent, ...] = ()
    disabled: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()


class Consents:
    """The file ``path``, read anew whenever it is asked, so that two programs agree.

    Args:
        path: a JSON file, readable by the person only; need not exist.
        tell: the log, where every agreement is written before it counts, and what ends one after it does.
    """

    def __init__(self, path: Path, tell: Tell = untold) -> None:
        self._path = path
        self._tell = tell

    @property
    def stamp(self) -> tuple[int, int]:
        """Changes when the file does."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return (0, 0)
        except OSError as error:
            raise ConsentsError(f"The consents {self._path} can't be read: {error.strerror}.") from error
        return (status.st_mtime_ns, status.st_ino)

    def state(self, name: str, digest: str) -> str:
        """``agreed`` to this version, ``changed`` since an earlier one, or ``new``."""
        consents = self._read().consents
        if any(consent.name == name and consent.digest == digest for consent in consents):
            return "agreed"
        return "changed" if any(consent.name == name for consent in consents) else "new"

    def origin(self, name: str) -> str:
        """Where a skill was installed from; empty if that is not known."""
        return next((c.origin for c in self._read().consents if c.name == name), "")

    def agree(self, name: str, digest: str, origin: str = "") -> None:
        """Remember that the person agreed to this version, and to no other of that name."""
        when = datetime.now(UTC).isoformat(timespec="seconds")
        kept = self.origin(name)
        new = Consent(name=name, digest=digest, origin=spelled(origin or kept), when=when)

        def change(state: _State) -> dict[str, Any]:
            rest = tuple(consent for consent in state.consents if consent.name != name)
            off = tuple(entry for entry in state.disabled if entry != name)
            return {"consents": (*rest, new), "disabled": off}

        self._note("agreed", name=name, digest=digest, origin=new.origin)
        self._change(change)

    def forget(self, name: str) -> None:
        """Take the consent to a skill back."""
        self._change(lambda state: {"consents": tuple(c for c in state.consents if c.name != name)})
        self._note("forgot", name=name)

    def is_on(self, name: str) -> bool:
        """Whether a skill has not been switched off."""
        return name not in self._read().disabled

    def switch(self, name: str, *, on: bool) -> None:
        """Switch a skill on or off."""
        if on:
            self._note("on", name=name)
        self._change(lambda state: {"disabled": (*(n for n in state.disabled if n != name), *(() if on else (name,)))})
        if not on:
            self._note("off", name=name)

    def trusts(self, project: Path) -> bool:
        """Whether the person trusts a project's folder."""
        return spelled(str(project.resolve())) in self._read().trusted

    def trust(self, project: Path) -> None:
        """Remember that the person trusts a project's folder."""
        place = spelled(str(project.resolve()))
        self._note("trusted", folder=place)
        self._change(lambda state: {"trusted": (*(p for p in state.trusted if p != place), place)})

    def _note(self, did: str, **fields: str) -> None:
        if problem := self._tell("skill", did=did, **fields):
            raise ConsentsError(problem)

    def _read(self) -> _State:
        try:
            return _State.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return _State()
        except (OSError, ValidationError) as error:
            raise ConsentsError(
                f"What you agreed to of skills can't be read from {self._path}: fix or delete the file. Until then "
                "only the skills that came with Deskhand are used."
            ) from error

    def _change(self, change: Callable[[_State], dict[str, Any]]) -> None:
        try:
            with private.held(self._path.with_suffix(".lock")):
                state = self._read()
                data = state.model_copy(update=change(state)).model_dump(mode="json")
                private.write(self._path, json.dumps(data, ensure_ascii=False, indent=1).encode())
        except OSError as error:
            raise ConsentsError(f"What you agreed to can't be written to {self._path}: {error.strerror}.") from error
