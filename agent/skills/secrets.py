"""Keys and tokens that skills need: asked of the person, kept in a file only they can read, given to scripts alone.

A secret belongs to the very version of a skill that the person agreed to, by the hash of its files: another skill of
the same name, or another version of it, gets nothing and asks for its own.

A secret never enters a prompt, the history, the audit log or an event: it goes from the file to a script's pipe.
"""

from __future__ import annotations

import base64
import json
import threading
import time
import urllib.parse
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from deskhand.agent import private
from deskhand.agent.limits import Stop

REDACTED = "[secret]"


class _Kept(BaseModel):
    """One secret.

    Attributes:
        skill: its name.
        digest: of the files of the version that it was given to; empty in a file of before that was kept, which is
            given to nobody.
        secret: itself.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    skill: str
    digest: str
    secret: str


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[2] = 2
    secrets: tuple[_Kept, ...] = ()


_BEFORE = TypeAdapter(dict[str, str])
"""What the file held when secrets were kept by the names of skills."""


@dataclass(frozen=True)
class SecretRequest:
    """A skill that needs a secret. Whoever shows it sets ``reply``: the secret, or nothing if the person has none.

    Attributes:
        skill: which one.
        description: what it needs and where to get it, in its author's words.
        reply: set once; cancelled when the turn is stopped.
    """

    skill: str
    description: str
    reply: Future[str] = field(default_factory=Future[str], compare=False, repr=False)


class SecretsError(Exception):
    """The secrets can't be kept; the message is a sentence."""


class Secrets:
    """The secrets of all skills.

    Args:
        path: of the file; need not exist.
        ask: shows a request; returns at once. None where nobody can be asked.
    """

    def __init__(self, path: Path, ask: Callable[[SecretRequest], None] | None = None) -> None:
        self._path = path
        self._ask = ask

    def of(self, skill: str, digest: str, description: str, cancel: threading.Event) -> str:
        """The secret of a version of a skill, asked for if it is not known; empty if the person gave none.

        Args:
            skill: its name.
            digest: of its files, which the person agreed to.
            description: what it needs, in its author's words.
            cancel: ends the question.

        Raises:
            SecretsError: the file can't be read or written.
        """
        kept = (each.secret for each in self._read() if digest and (each.skill, each.digest) == (skill, digest))
        found = next(kept, "")
        if found or self._ask is None:
            return found
        request = SecretRequest(skill, description)
        asked = time.monotonic()
        self._ask(request)
        given = _waited(request, cancel).strip()
        if isinstance(cancel, Stop):
            cancel.extend(time.monotonic() - asked)  # the person's time does not count
        if given:
            new = _Kept(skill=skill, digest=digest, secret=given)
            # What was kept by name alone goes with the first change: nobody gets it any more.
            self._change(lambda kept: (*(each for each in kept if each.digest and each.skill != skill), new))
        return given

    @property
    def names(self) -> tuple[str, ...]:
        """The skills that have one, sorted.

        Raises:
            SecretsError: the file can't be read.
        """
        return tuple(sorted({each.skill for each in self._read()}))

    def forget(self, skill: str, *, but: str = "") -> None:
        """Remove a skill's secret; the next call asks again.

        Args:
            skill: its name.
            but: the hash of a version that keeps its own.

        Raises:
            SecretsError: the file can't be read or written.
        """
        if any(each.skill == skill and (each.digest != but or not but) for each in self._read()):
            self._change(lambda kept: tuple(e for e in kept if e.skill != skill or (but and e.digest == but)))

    def _read(self) -> tuple[_Kept, ...]:
        try:
            raw = self._path.read_bytes()
            try:
                return _File.model_validate_json(raw).secrets
            except ValidationError:
                before = _BEFORE.validate_json(raw)
                return tuple(_Kept(skill=name, digest="", secret=secret) for name, secret in before.items())
        except FileNotFoundError:
            return ()
        except (OSError, ValidationError):
            raise SecretsError(f"The secrets in {self._path} can't be read: fix or delete the file.") from None

    def _change(self, change: Callable[[tuple[_Kept, ...]], tuple[_Kept, ...]]) -> None:
        try:
            with private.held(self._path.with_suffix(".lock")):
                private.write(self._path, _File(secrets=change(self._read())).model_dump_json().encode())
        except OSError as error:
            raise SecretsError(f"The secret can't be written to {self._path}: {error.strerror}.") from error


def _waited(request: SecretRequest, cancel: threading.Event) -> str:
    """What the person gives, however long they look for it; empty when they have none or the turn is stopped."""
    while not _stopped(cancel) or not request.reply.cancel():
        try:
            return request.reply.result(timeout=0.05)
        except TimeoutError:
            continue
        except CancelledError:
            break
    return ""


def _stopped(cancel: threading.Event) -> bool:
    return cancel.cancelled if isinstance(cancel, Stop) else cancel.is_set()


def hidden(text: str, secret: str) -> str:
    """``text`` without the secret, also where it stands as JSON, in an address, as base64 or in hexadecimal digits."""
    if not secret:
        return text
    raw = secret.encode()
    forms = {
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        urllib.parse.quote(secret, safe=""),
        urllib.parse.quote(secret),
        urllib.parse.quote_plus(secret),
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode(),
        base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
        raw.hex(),
        raw.hex().upper(),
    }
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, REDACTED)
    return text
