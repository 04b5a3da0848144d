"""The SQLite history: every message on disk before anything is done with it, pixels and sound once by digest.

WAL with ``synchronous=FULL``: what `append` returned from survives kill -9 and a power cut. One `Store` may be used
from several threads, and several processes may open the same file. A record that can't be read costs only itself: its
place is counted in `TurnRecord.damaged`, and nothing is ever deleted for it.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import psutil

from deskhand.agent import records
from deskhand.agent.database import DamagedHistoryError, Database, HistoryError
from deskhand.agent.events import CallRecord, Outcome
from deskhand.agent.filename import spelled
from deskhand.agent.origin import Origin
from deskhand.model.types import Audio, Image, Message

RECENT_BYTES = 128 * 1024**2
"""How much media is kept unpacked: some twenty screenshots of 1920×1080."""

CLOCK_SECONDS = 5
"""By how much programs may differ about when a process began: the boot time it is counted from gets corrected."""

__all__ = ["Conversation", "DamagedHistoryError", "HistoryError", "Store", "TurnRecord"]

_T = TypeVar("_T")

_TRACED = """
SELECT body, origins FROM (
    SELECT id, 0 AS late, body, origins FROM message WHERE conversation = ? AND body != ''
    UNION ALL
    SELECT MAX(message.id), 1, partial.body, '[]' FROM partial JOIN message USING (turn)
        WHERE message.conversation = ? GROUP BY turn
) ORDER BY id, late
"""
"""What an answer that was cut off had come to stands behind the last message of its turn."""


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
        damaged: how many of its records can't be read.
    """

    id: str
    started: datetime
    messages: tuple[Message, ...]
    calls: tuple[CallRecord, ...]
    outcome: Outcome | None
    interrupted: bool
    damaged: int = 0


class Store:
    """The history of one person.

    Args:
        path: of the SQLite file; it and its folder are made if they do not exist, readable by the person only.

    Raises:
        HistoryError: the file can't be opened or is no history of ours. Every method raises it when the disk is full.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database = Database(path)
        self._recent: OrderedDict[str, Image | Audio] = OrderedDict()

    @property
    def _db(self) -> sqlite3.Connection:
        return self._database.connection

    def start_fresh(self) -> Path | None:
        """Put the file aside, which is kept, and begin an empty history; returns the old one's new place.

        Raises:
            HistoryError: it can't be put aside.
        """
        self._recent.clear()
        return self._database.start_fresh()

    def new_conversation(self, title: str = "") -> int:
        """Begin one and return its number; without a title it takes the first words of its first message."""
        with self._database.transaction() as db:
            cursor = db.execute(
                "INSERT INTO conversation (title, started) VALUES (?, ?)", (spelled(title), time.time())
            )
            return int(cursor.lastrowid or 0)

    def conversations(self) -> list[Conversation]:
        """All, the one used last first."""
        with self._database.reading():
            rows = self._db.execute(
                "SELECT c.id, c.title, c.started, COUNT(t.id) FROM conversation c"
                " LEFT JOIN turn t ON t.conversation = c.id"
                " GROUP BY c.id ORDER BY COALESCE(MAX(t.started), c.started) DESC, c.id DESC"
            ).fetchall()
        return [Conversation(row[0], str(row[1]), _moment(row[2]), row[3]) for row in rows]

    def delete(self, conversation: int) -> None:
        """Take a conversation away for good, with the media that no other has.

        What was on disk is overwritten: in the file at once (``secure_delete``), in its log by starting that anew.
        """
        with self._database.transaction() as db:
            bodies = db.execute("SELECT body FROM message WHERE conversation = ?", (conversation,)).fetchall()
            db.execute("DELETE FROM message WHERE conversation = ?", (conversation,))
            db.execute(
                "DELETE FROM partial WHERE turn IN (SELECT id FROM turn WHERE conversation = ?)", (conversation,)
            )
            db.execute("DELETE FROM turn WHERE conversation = ?", (conversation,))
            db.execute("DELETE FROM conversation WHERE id = ?", (conversation,))
            for digest in {digest for (body,) in bodies for digest in records.media_of(body)}:
                if not db.execute("SELECT 1 FROM message WHERE instr(body, ?) LIMIT 1", (digest,)).fetchone():
                    db.execute("DELETE FROM media WHERE digest = ?", (digest,))
                    self._recent.pop(digest, None)
        with self._database.reading():
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
        with self._database.transaction() as db:
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
            db.execute("DELETE FROM partial WHERE turn = ?", (turn,))
            for part, _ in packed:
                self._remember(part)
            if message.role == "user" and message.text.strip():
                title = spelled(" ".join(message.text.split())[:60])
                db.execute("UPDATE conversation SET title = ? WHERE id = ? AND title = ''", (title, conversation))

    def note_call(self, conversation: int, turn: str, record: CallRecord) -> None:
        """Write a call that no message answers: one that could not be parsed."""
        with self._database.transaction() as db:
            db.execute(
                "INSERT INTO message (conversation, turn, body, record) VALUES (?, ?, '', ?)",
                (conversation, turn, records.dump_call(record)),
            )

    def keep_partial(self, turn: str, message: Message) -> None:
        """Write what a generation has said so far; the turn's next message or its end takes the place of it."""
        with self._database.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO partial (turn, body) SELECT id, ? FROM turn WHERE id = ?",
                (records.dump_message(message), turn),
            )

    def finish(self, turn: str, outcome: Outcome) -> None:
        """Write how a turn ended."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM partial WHERE turn = ?", (turn,))
            db.execute("UPDATE turn SET outcome = ? WHERE id = ?", (records.dump_outcome(outcome), turn))

    def messages(self, conversation: int) -> list[Message]:
        """All messages, oldest first, media included; without those that can't be read."""
        return [message for message, _ in self.traced(conversation)]

    def traced(self, conversation: int) -> list[tuple[Message, tuple[Origin, ...]]]:
        """Read all messages that can be read, oldest first, each with its untrusted content."""
        with self._database.reading() as db:
            rows = db.execute(_TRACED, (conversation, conversation)).fetchall()
            found = [(message, origins) for body, origins in rows if (message := self._message(body))]
        return [(message, records.load_origins(origins, message)) for message, origins in found]

    def _message(self, body: str) -> Message | None:
        try:
            return records.load_message(body, self._media)
        except records.RecordError:
            return None

    def conversation_of(self, tools: Sequence[str], name: str) -> int | None:
        """The conversation of the last call to one of ``tools`` whose result has the ``id`` ``name``."""
        with self._database.reading():
            row = self._db.execute(
                "SELECT conversation FROM message WHERE record IS NOT NULL AND CASE WHEN json_valid(record) THEN"
                " json_extract(record, '$.call.name') IN (SELECT value FROM json_each(?))"
                " AND json_extract(record, '$.result.id') = ? END ORDER BY id DESC LIMIT 1",
                (json.dumps(list(tools)), name),
            ).fetchone()
        return row[0] if row else None

    def mark(self, *names: str) -> None:
        """Remember what was kept in a tainted conversation: a skill all of whose files count, or marks of a text.

        Args:
            names: of `provenance.marks`.
        """
        if names:
            with self._database.transaction() as db:
                db.executemany("INSERT OR IGNORE INTO tainted (skill) VALUES (?)", [(name,) for name in names])

    def marked(self) -> frozenset[str]:
        """Every name that `mark` was ever given."""
        with self._database.reading():
            return frozenset(str(row[0]) for row in self._db.execute("SELECT skill FROM tainted"))

    def turns(self, conversation: int) -> list[TurnRecord]:
        """All turns, oldest first, as the window shows them."""
        with self._database.reading():
            rows = self._db.execute(
                "SELECT id, started, process, process_started, outcome FROM turn WHERE conversation = ? ORDER BY rowid",
                (conversation,),
            ).fetchall()
            return [self._turn(*row) for row in rows]

    def _turn(self, turn: str, started: float, process: int, process_started: float, outcome: str | None) -> TurnRecord:
        try:
            rows = self._db.execute("SELECT body, record FROM message WHERE turn = ? ORDER BY id", (turn,)).fetchall()
            rows += self._db.execute("SELECT body, NULL FROM partial WHERE turn = ?", (turn,)).fetchall()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            rows = [("damaged", None)]  # a page of the file is: the other turns may be whole
        messages = [self._message(body) for body, _ in rows if body]
        calls = [_loaded(records.load_call, record) for _, record in rows if record]
        kept = tuple(call for call in calls if call)
        ended = _loaded(lambda body: records.load_outcome(body, kept), outcome) if outcome else None
        return TurnRecord(
            turn,
            _moment(started),
            tuple(message for message in messages if message),
            kept,
            ended,
            outcome is None and not _runs(process, process_started),
            sum(each is None for each in (*messages, *calls)) + (outcome is not None and ended is None),
        )

    def _has(self, part: Image | Audio) -> bool:
        with self._database.reading():
            return self._db.execute("SELECT 1 FROM media WHERE digest = ?", (part.digest,)).fetchone() is not None

    def _media(self, digest: str) -> Image | Audio | None:
        """A picture or sound, None if it is damaged or gone."""
        if digest in self._recent:
            self._recent.move_to_end(digest)
            return self._recent[digest]
        row = self._db.execute(
            "SELECT kind, width, height, budget, data FROM media WHERE digest = ?", (digest,)
        ).fetchone()
        try:
            kind, width, height, budget, data = row
            raw = zlib.decompress(data)
            part = Image(raw, width, height, budget) if kind == "image" else Audio(raw)
        except (zlib.error, TypeError, ValueError, MemoryError):
            return None
        return self._remember(part) if part.digest == digest else None

    def _remember(self, part: Image | Audio) -> Image | Audio:
        """Keep recent media as objects: unpacking and hashing every screenshot at each step would be slow."""
        self._recent[part.digest] = part
        while len(self._recent) > 1 and sum(map(_size, self._recent.values())) > RECENT_BYTES:
            self._recent.popitem(last=False)
        return part

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._database.close()


def _loaded(load: Callable[[str], _T], body: str) -> _T | None:
    try:
        return load(body)
    except records.RecordError:
        return None


def _moment(seconds: float) -> datetime:
    """A time of the file; of a damaged one the beginning of time."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


def _pack(part: Image | Audio) -> bytes:
    # Level 1: a 1080p screenshot shrinks about twentyfold in some 30 ms; higher levels cost far more than they save.
    return zlib.compress(part.pixels if isinstance(part, Image) else part.samples, 1)


def _size(part: Image | Audio) -> int:
    return len(part.pixels if isinstance(part, Image) else part.samples)


def _runs(process: int, started: float) -> bool:
    """Whether that very process still runs; numbers are used again, so its start counts too."""
    try:
        return abs(psutil.Process(process).create_time() - started) < CLOCK_SECONDS
    except (psutil.Error, TypeError, ValueError, OverflowError):
        return False
