"""The log of what was asked, decided and done: append-only JSON lines, each carrying the hash of the one before.

A line is on disk before `Audit.note` returns, and so before the effect it tells of begins. What an editor changes,
takes out, moves or cuts off is found by `verify`. Who can write the file can also write a whole new chain: the log
shows accidents and clumsy hands, and what a tool in the sandbox did, which can't reach it (docs/security.md).
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from deskhand.agent import private
from deskhand.agent.safety.redaction import for_log

FIRST = "0" * 64
"""What the first line has in place of the hash before it."""

_TAIL = 1 << 16
"""Bytes read from the end to find the last line; no line is longer."""

LONGEST = 60_000
"""Bytes of one line; what is longer loses its fields, and says so."""


class AuditError(Exception):
    """The log can't be written; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line.

    Attributes:
        number: from 1.
        at: when, ISO 8601 in UTC.
        kind: what it tells of: ``engine``, ``turn``, ``prompt``, ``call``, ``result``, ``grant``, ``skill`` …
        fields: what else it tells.
    """

    number: int
    at: str
    kind: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """What `verify` found.

    Attributes:
        entries: lines that fit.
        problem: a sentence that names the first line that does not; empty if all do.
        notes: sentences about lines that were torn by a program's end and are accounted for.
    """

    entries: int
    problem: str = ""
    notes: tuple[str, ...] = ()


class Audit:
    """The log of one person; several processes may write one file.

    Args:
        path: of the file; it and its folder are made, readable by the person only.
        redacts: whether secrets are painted over; asked at each line.
    """

    def __init__(self, path: Path, redacts: Callable[[], bool] = lambda: True) -> None:
        self._path = path
        self._redacts = redacts
        self._lock = threading.Lock()

    def note(self, kind: str, **fields: Any) -> None:  # noqa: ANN401 - JSON values
        """Append a line; it is on disk when this returns.

        Secrets are painted over, unless the person chose otherwise, and long texts cut.

        Raises:
            AuditError: it could not be written; the file is as it was.
        """
        try:
            with self._lock, private.held(self._path.with_suffix(".lock")):
                self._append(kind, for_log(fields, redacts=self._redacts()))
        except OSError as error:
            why = error.strerror or str(error)
            raise AuditError(f"The log {self._path} can't be written ({why}): free some space, or mend it.") from error

    def tell(self, kind: str, **fields: Any) -> str:  # noqa: ANN401 - JSON values
        """As `note`, for those who know nothing of logs: returns why it could not be written, empty if it was."""
        try:
            self.note(kind, **fields)
        except AuditError as error:
            return str(error)
        return ""

    def _append(self, kind: str, fields: dict[str, Any]) -> None:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            last, torn = _last(file, size)
            number, before = (last["n"], last["hash"]) if last else (0, FIRST)
            lines = b""
            if torn:
                tells = {"bytes": len(torn), "sha256": hashlib.sha256(torn).hexdigest()}
                line, before = _line(number + 1, before, "torn", tells)
                number, lines = number + 1, b"\n" + line
            line, digest = _line(number + 1, before, kind, fields)
            try:
                _write(file, lines + line)
                # How far the log goes, apart from it, so that lines cut off its end are missed.
                head = json.dumps({"n": number + 1, "hash": digest}).encode()
                private.write(self._path.with_suffix(".head"), head)
            except OSError:
                # A full disk takes a piece of a line; the next one must not begin behind it.
                with suppress(OSError):
                    file.truncate(size)
                raise

    def entries(self) -> Iterator[Entry]:
        """Every line that can be read, the oldest first, without checking them.

        Raises:
            AuditError: the file can't be read.
        """
        for raw in _lines(self._path):
            data = _parsed(raw)
            if data:
                rest = {key: value for key, value in data.items() if key not in {"n", "at", "before", "kind", "hash"}}
                yield Entry(data["n"], str(data.get("at", "")), str(data.get("kind", "")), rest)

    def verify(self) -> Finding:
        """Check every line against the one before it, and the end against what was written down apart.

        Raises:
            AuditError: the file can't be read.
        """
        number, before = 0, FIRST
        notes: list[str] = []
        torn: bytes | None = None
        for place, raw in enumerate(_lines(self._path), 1):
            data = _parsed(raw)
            if data is None and torn is None:
                torn = raw
                continue
            if problem := _wrong(data, number, before, torn, place):
                return Finding(number, problem, tuple(notes))
            if torn is not None:
                notes.append(f"Line {place - 1} was torn when a program ended while writing it, and is accounted for.")
            assert data is not None  # noqa: S101 - `_wrong` has said so otherwise
            torn, number, before = None, data["n"], data["hash"]
        if torn:
            return Finding(
                number, f"The last line can't be read: it was torn or changed after entry {number}.", tuple(notes)
            )
        return Finding(number, self._short(number, before), tuple(notes))

    def _short(self, number: int, digest: str) -> str:
        try:
            head = json.loads(self._path.with_suffix(".head").read_bytes())
            written, known = int(head["n"]), str(head["hash"])
        except FileNotFoundError:
            return "The file that says how far the log goes is gone." if number else ""
        except (OSError, ValueError, KeyError, TypeError):
            return "The file that says how far the log goes can't be read."
        if number < written:
            return f"Lines are missing at the end: entry {number} is the last, and {written} were written."
        # A program that ends between the two writes leaves one entry more than was written down.
        if number == written and digest != known:
            return f"Entry {number} is not the one that was written: the end of the log was replaced."
        return "" if number <= written + 1 else f"Entry {number} is more than was written down: {written}."


def _write(file: IO[bytes], data: bytes) -> None:
    while data:
        data = data[file.write(data) :]
    os.fsync(file.fileno())


def _line(number: int, before: str, kind: str, fields: dict[str, Any]) -> tuple[bytes, str]:
    """A line with its hash, and that hash."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    data: dict[str, Any] = {**fields, "n": number, "at": now, "before": before, "kind": kind}
    if len(json.dumps(data)) > LONGEST:
        data = {"too_long": sorted(fields), "n": number, "at": now, "before": before, "kind": kind}
    digest = _digest(data)
    return json.dumps({**data, "hash": digest}, sort_keys=True).encode() + b"\n", digest


def _digest(data: dict[str, Any]) -> str:
    told = {key: value for key, value in data.items() if key != "hash"}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _last(file: IO[bytes], size: int) -> tuple[dict[str, Any] | None, bytes]:
    """The last whole line, and what was torn behind it."""
    file.seek(max(0, size - 3 * _TAIL))
    *whole, torn = file.read().split(b"\n")
    return next((data for raw in reversed(whole) if (data := _parsed(raw))), None), torn


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            for raw in file:
                yield raw.rstrip(b"\n")
    except FileNotFoundError:
        return
    except OSError as error:
        raise AuditError(f"The log {path} can't be read: {error.strerror}.") from error


def _parsed(raw: bytes) -> dict[str, Any] | None:
    try:
        data = json.loads(raw)
        return data if isinstance(data["n"], int) and isinstance(data["hash"], str) else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _wrong(data: dict[str, Any] | None, number: int, before: str, torn: bytes | None, place: int) -> str:  # noqa: PLR0911
    """What is wrong with the line at ``place`` that should follow entry ``number``; empty if nothing is."""
    known = data.get("sha256") if data and data.get("kind") == "torn" else None
    if torn is not None and known != hashlib.sha256(torn).hexdigest():
        return f"Line {place - 1} can't be read and no program's end accounts for it: it was changed."
    if data is None:
        return f"Line {place} can't be read."
    if _digest(data) != data["hash"]:
        return f"Line {place} (entry {data['n']}) was changed after it was written."
    if data["n"] <= number:
        return f"Line {place}: entry {data['n']} stands there again."
    if data["n"] > number + 1:
        missing = range(number + 1, data["n"])
        which = f"entry {missing[0]} is" if len(missing) == 1 else f"entries {missing[0]} to {missing[-1]} are"
        return f"Line {place}: {which} missing before it."
    if data.get("before") != before:
        return f"Line {place} (entry {data['n']}) does not follow the line before it: that one was replaced."
    return ""
