"""The SQLite history: every message on disk before anything is done with it, pixels and sound once by digest.

WAL with ``synchronous=FULL``: what `append` returned from survives kill -9 and a power cut. One `Store` may be used
from several threads, and several processes may open the same file.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
import zlib
from collections import OrderedDict
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from deskhand.agent import records
from deskhand.agent.events import CallRecord, Outcome
from deskhand.agent.origin import Origin
from deskhand.model.types import Audio, Image, Message

VERSION = 2
"""Of the tables below (``PRAGMA user_version``)."""

RECENT_BYTES = 128 * 1024**2
"""How much media is kept unpacked: some twenty screenshots of 1920×1080."""

CLOCK_SECONDS = 5
"""By how much programs may differ about when a process began: the boot time it is counted from gets corrected."""

_TABLES = """
CREATE TABLE conversation (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, started REAL NOT NULL);
CREATE TABLE turn (id TEXT PRIMARY KEY, conversation INTEGER NOT NULL REFERENCES conversation(id),
    started REAL NOT NULL, process INTEGER NOT NULL, process_started REAL NOT NULL, outcome TEXT);
CREATE TABLE message (id INTEGER PRIMARY KEY AUTOINCREMENT, conversation INTEGER NOT NULL REFERENCES conversation(id),
    turn TEXT NOT NULL REFERENCES turn(id), body TEXT NOT NULL, record TEXT, origins TEXT);
CREATE TABLE media (digest TEXT PRIMARY KEY, kind TEXT NOT NULL, width INTEGER, height INTEGER, budget INTEGER,
    data BLOB NOT NULL);
CREATE INDEX turn_of ON turn(conversation);
CREATE INDEX message_of ON message(conversation);
CREATE TABLE tainted (skill TEXT PRIMARY KEY);
"""

_FROM_1 = "ALTER TABLE message ADD COLUMN origins TEXT;\nCREATE TABLE tainted (skill TEXT PRIMARY KEY);"
"""What makes the tables of version 1 those of version 2."""


class HistoryError(Exception):
    """The history can't be read or written; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One line of the list of conversations; ``turns`` counts them."""

    id: int
    title: str
    started: datetime
    turns: int


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """One turn as the window shows it again.

    Attributes:
        id: as in `TurnStarted`.
        started: in UTC.
        messages: in order, media included.
        calls: with what became of them.
        outcome: how it ended, None if it did not.
        interrupted: it has no outcome and the process that ran it is gone.
    """

    id: str
    started: datetime
    messages: tuple[Message, ...]
    calls: tuple[CallRecord, ...]
    outcome: Outcome | None
    interrupted: bool


class Store:
    """The history of one person.

    Args:
        path: of the SQLite file; it and its folder are made if they do not exist, readable by the person only.

    Raises:
        HistoryError: the file can't be opened or is no history of ours. Every method raises it when the disk is full.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._recent: OrderedDict[str, Image | Audio] = OrderedDict()
        with self._translated():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._db = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise

    def _prepare(self) -> None:
        for pragma in (
            "busy_timeout=10000",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
        ):
            self._db.execute(f"PRAGMA {pragma}")
        with self._transaction() as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                raise HistoryError(
                    f"The history {self._path} was written by a newer Deskhand: update Deskhand, "
                    "or name another data folder."
                )
            if version < VERSION:
                for statement in (_FROM_1 if version else _TABLES).strip().split(";\n"):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version={VERSION}")

    @contextmanager
    def _translated(self) -> Generator[None]:
        """Turn what SQLite and the file system say into a sentence."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise HistoryError(self._sentence(error)) from error
        except sqlite3.DatabaseError as error:
            raise HistoryError(
                f"The file {self._path} is damaged or no history of Deskhand ({error}): move it away and start again."
            ) from error
        except OSError as error:
            raise HistoryError(f"The history {self._path} can't be written: {error.strerror}.") from error

    def _sentence(self, error: sqlite3.OperationalError) -> str:
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            return f"The disk is full, so the history {self._path} could not be written: free some space and ask again."
        if error.sqlite_errorcode in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return f"The history {self._path} is held by another program: close it and ask again."
        return f"The history {self._path} could not be used ({error}): check the disk and the folder's permissions."

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        with self._lock, self._translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                # A full disk may already have rolled back.
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def new_conversation(self, title: str = "") -> int:
        """Begin one and return its number; without a title it takes the first words of its first message."""
        with self._transaction() as db:
            cursor = db.execute("INSERT INTO conversation (title, started) VALUES (?, ?)", (title, time.time()))
            return int(cursor.lastrowid or 0)

    def conversations(self) -> list[Conversation]:
        """All, the one used last first."""
        with self._lock, self._translated():
            rows = self._db.execute(
                "SELECT c.id, c.title, c.started, COUNT(t.id) FROM conversation c"
                " LEFT JOIN turn t ON t.conversation = c.id"
                " GROUP BY c.id ORDER BY COALESCE(MAX(t.started), c.started) DESC, c.id DESC"
            ).fetchall()
        return [Conversation(row[0], row[1], datetime.fromtimestamp(row[2], UTC), row[3]) for row in rows]

    def delete(self, conversation: int) -> None:
        """Take a conversation away for good, with the media that no other has.

        What was on disk is overwritten: in the file at once (``secure_delete``), in its log by starting that anew.
        """
        with self._transaction() as db:
            bodies = db.execute("SELECT body FROM message WHERE conversation = ?", (conversation,)).fetchall()
            db.execute("DELETE FROM message WHERE conversation = ?", (conversation,))
            db.execute("DELETE FROM turn WHERE conversation = ?", (conversation,))
            db.execute("DELETE FROM conversation WHERE id = ?", (conversation,))
            for digest in {digest for (body,) in bodies for digest in records.media_of(body)}:
                if not db.execute("SELECT 1 FROM message WHERE instr(body, ?) LIMIT 1", (digest,)).fetchone():
                    db.execute("DELETE FROM media WHERE digest = ?", (digest,))
                    self._recent.pop(digest, None)
        with self._lock, self._translated():
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def latest(self) -> int | None:
        """The conversation used last, None before the first."""
        every = self.conversations()
        return every[0].id if every else None

    def append(
        self,
        conversation: int,
        turn: str,
        message: Message,
        record: CallRecord | None = None,
        origins: Sequence[Origin] = (),
    ) -> None:
        """Write one message; it is on disk when this returns.

        Args:
            conversation: of `new_conversation`.
            turn: its id.
            message: what was said.
            record: what became of the call, if the message answers one.
            origins: what of it nobody vouches for.
        """
        media = [part for part in message.parts if isinstance(part, Image | Audio)]
        # Compressed before the lock is taken: a screenshot takes some tens of milliseconds.
        packed = [(part, None if self._has(part) else _pack(part)) for part in media]
        with self._transaction() as db:
            db.execute(
                "INSERT OR IGNORE INTO turn (id, conversation, started, process, process_started)"
                " VALUES (?, ?, ?, ?, ?)",
                (turn, conversation, time.time(), os.getpid(), psutil.Process().create_time()),
            )
            for part, data in packed:
                size = (part.width, part.height, part.budget) if isinstance(part, Image) else (None, None, None)
                if data is not None:
                    db.execute(
                        "INSERT OR IGNORE INTO media (digest, kind, width, height, budget, data)"
                        " VALUES (?, ?, ?, ?, ?, ?)",
                        (part.digest, "image" if isinstance(part, Image) else "audio", *size, data),
                    )
            db.execute(
                "INSERT INTO message (conversation, turn, body, record, origins) VALUES (?, ?, ?, ?, ?)",
                (
                    conversation,
                    turn,
                    records.dump_message(message),
                    records.dump_call(record) if record else None,
                    records.dump_origins(origins),
                ),
            )
            for part, _ in packed:
                self._remember(part)
            if message.role == "user" and message.text.strip():
                title = " ".join(message.text.split())[:60]
                db.execute("UPDATE conversation SET title = ? WHERE id = ? AND title = ''", (title, conversation))

    def note_call(self, conversation: int, turn: str, record: CallRecord) -> None:
        """Write a call that no message answers: one that could not be parsed."""
        with self._transaction() as db:
            db.execute(
                "INSERT INTO message (conversation, turn, body, record) VALUES (?, ?, '', ?)",
                (conversation, turn, records.dump_call(record)),
            )

    def finish(self, turn: str, outcome: Outcome) -> None:
        """Write how a turn ended."""
        with self._transaction() as db:
            db.execute("UPDATE turn SET outcome = ? WHERE id = ?", (records.dump_outcome(outcome), turn))

    def messages(self, conversation: int) -> list[Message]:
        """All messages, oldest first, media included."""
        return [message for message, _ in self.traced(conversation)]

    def traced(self, conversation: int) -> list[tuple[Message, tuple[Origin, ...]]]:
        """All messages, oldest first, each with what of it nobody vouches for."""
        with self._lock, self._translated():
            rows = self._db.execute(
                "SELECT body, origins FROM message WHERE conversation = ? AND body != '' ORDER BY id", (conversation,)
            ).fetchall()
            found = [(records.load_message(body, self._media), origins) for body, origins in rows]
        return [(message, records.load_origins(origins, message)) for message, origins in found]

    def conversation_of(self, tools: Sequence[str], name: str) -> int | None:
        """The conversation of the last call to one of ``tools`` whose result has the ``id`` ``name``."""
        with self._lock, self._translated():
            row = self._db.execute(
                "SELECT conversation FROM message WHERE record IS NOT NULL"
                " AND json_extract(record, '$.call.name') IN (SELECT value FROM json_each(?))"
                " AND json_extract(record, '$.result.id') = ? ORDER BY id DESC LIMIT 1",
                (json.dumps(list(tools)), name),
            ).fetchone()
        return row[0] if row else None

    def mark(self, skill: str) -> None:
        """Remember that the skill's own files were written in a tainted conversation: they say what others said."""
        with self._transaction() as db:
            db.execute("INSERT OR IGNORE INTO tainted (skill) VALUES (?)", (skill,))

    def marked(self, skill: str) -> bool:
        """Whether `mark` was ever called for the skill."""
        with self._lock, self._translated():
            return self._db.execute("SELECT 1 FROM tainted WHERE skill = ?", (skill,)).fetchone() is not None

    def turns(self, conversation: int) -> list[TurnRecord]:
        """All turns, oldest first, as the window shows them."""
        with self._lock, self._translated():
            rows = self._db.execute(
                "SELECT id, started, process, process_started, outcome FROM turn WHERE conversation = ? ORDER BY rowid",
                (conversation,),
            ).fetchall()
            return [self._turn(*row) for row in rows]

    def _turn(self, turn: str, started: float, process: int, process_started: float, outcome: str | None) -> TurnRecord:
        rows = self._db.execute("SELECT body, record FROM message WHERE turn = ? ORDER BY id", (turn,)).fetchall()
        calls = tuple(records.load_call(record) for _, record in rows if record)
        return TurnRecord(
            turn,
            datetime.fromtimestamp(started, UTC),
            tuple(records.load_message(body, self._media) for body, _ in rows if body),
            calls,
            records.load_outcome(outcome, calls) if outcome else None,
            outcome is None and not _runs(process, process_started),
        )

    def _has(self, part: Image | Audio) -> bool:
        with self._lock, self._translated():
            return self._db.execute("SELECT 1 FROM media WHERE digest = ?", (part.digest,)).fetchone() is not None

    def _media(self, digest: str) -> Image | Audio:
        if digest in self._recent:
            self._recent.move_to_end(digest)
            return self._recent[digest]
        row = self._db.execute(
            "SELECT kind, width, height, budget, data FROM media WHERE digest = ?", (digest,)
        ).fetchone()
        if row is None:
            raise HistoryError(f"The history {self._path} is damaged: a picture or sound is missing from it.")
        kind, width, height, budget, data = row
        raw = zlib.decompress(data)
        return self._remember(Image(raw, width, height, budget) if kind == "image" else Audio(raw))

    def _remember(self, part: Image | Audio) -> Image | Audio:
        """Keep recent media as objects: unpacking and hashing every screenshot at each step would be slow."""
        self._recent[part.digest] = part
        while len(self._recent) > 1 and sum(map(_size, self._recent.values())) > RECENT_BYTES:
            self._recent.popitem(last=False)
        return part

    def close(self) -> None:
        """Close the file; safe to call twice."""
        with self._lock:
            self._db.close()


def _pack(part: Image | Audio) -> bytes:
    # Level 1: a 1080p screenshot shrinks about twentyfold in some 30 ms; higher levels cost far more than they save.
    return zlib.compress(part.pixels if isinstance(part, Image) else part.samples, 1)


def _size(part: Image | Audio) -> int:
    return len(part.pixels if isinstance(part, Image) else part.samples)


def _runs(process: int, started: float) -> bool:
    """Whether that very process still runs; numbers are used again, so its start counts too."""
    try:
        return abs(psutil.Process(process).create_time() - started) < CLOCK_SECONDS
    except psutil.Error:
        return False
