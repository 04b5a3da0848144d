"""Keys and tokens that skills need: asked of the person, kept in a file only they can read, given to scripts alone.

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

from pydantic import TypeAdapter, ValidationError

from deskhand.agent import private
from deskhand.agent.limits import Stop

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
        asked = time.monotonic()
        self._ask(request)
        given = _waited(request, cancel).strip()
        if isinstance(cancel, Stop):
            cancel.extend(time.monotonic() - asked)  # the person's time does not count
        if given:
            self._change(lambda kept: {**kept, skill: given})
        return given

    @property
    def names(self) -> tuple[str, ...]:
        """The skills that have one, sorted.

        Raises:
            SecretsError: the file can't be read.
        """
        return tuple(sorted(self._read()))

    def forget(self, skill: str) -> None:
        """Remove a skill's secret; the next call asks again.

        Raises:
            SecretsError: the file can't be read or written.
        """
        self._change(lambda kept: {name: secret for name, secret in kept.items() if name != skill})

    def _read(self) -> dict[str, str]:
        try:
            return _KEPT.validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValidationError):
            raise SecretsError(f"The secrets in {self._path} can't be read: mend or remove the file.") from None

    def _change(self, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
        try:
            with private.held(self._path.with_suffix(".lock")):
                private.write(self._path, json.dumps(change(self._read())).encode())
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
