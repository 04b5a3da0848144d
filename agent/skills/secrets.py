"""Keys and tokens that skills need: asked of the person, kept in a file only they can read, given to scripts alone.

A secret never enters a prompt, the history, the audit log or an event: it goes from the file to a script's pipe.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from deskhand.agent import private

REDACTED = "[secret]"
_KEPT = TypeAdapter(dict[str, str])


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

    def of(self, skill: str, description: str, cancel: threading.Event) -> str:
        """The secret of a skill, asked for if it is not known; empty if the person gave none.

        Raises:
            SecretsError: the file can't be read or written.
        """
        kept = self._read()
        if skill in kept or self._ask is None:
            return kept.get(skill, "")
        request = SecretRequest(skill, description)
        self._ask(request)
        given = ""
        while not cancel.is_set() or not request.reply.cancel():
            try:
                given = request.reply.result(timeout=0.05).strip()
            except TimeoutError:
                continue
            except CancelledError:
                given = ""
            break
        if given:
            self._write({**kept, skill: given})
        return given

    def forget(self, skill: str) -> None:
        """Remove a skill's secret; the next call asks again."""
        kept = self._read()
        if kept.pop(skill, None) is not None:
            self._write(kept)

    def _read(self) -> dict[str, str]:
        try:
            return _KEPT.validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValidationError):
            raise SecretsError(f"The secrets in {self._path} can't be read: mend or remove the file.") from None

    def _write(self, kept: dict[str, str]) -> None:
        try:
            private.write(self._path, json.dumps(kept).encode())
        except OSError as error:
            raise SecretsError(f"The secret can't be written to {self._path}: {error.strerror}.") from error
