"""The SQLite file of the history: its tables and their versions, its transactions, and what goes wrong in words.

WAL with ``synchronous=FULL``: what a transaction wrote survives kill -9 and a power cut.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from deskhand.agent import private

VERSION = 3
"""Of the tables below (``PRAGMA user_version``)."""

RESET = "deskhand reset history"
"""The command that calls `set_aside`."""

_OURS = {"conversation", "turn", "message", "media"}
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
CREATE TABLE partial (turn TEXT PRIMARY KEY REFERENCES turn(id), body TEXT NOT NULL);
"""

_STEPS = {
    1: "ALTER TABLE message ADD COLUMN origins TEXT;\nCREATE TABLE tainted (skill TEXT PRIMARY KEY)",
    2: "CREATE TABLE IF NOT EXISTS partial (turn TEXT PRIMARY KEY REFERENCES turn(id), body TEXT NOT NULL)",
}
"""What makes the tables of a version those of the next one."""


class HistoryError(Exception):
    """The history can't be read or written; the message says what to do."""


class DamagedHistoryError(HistoryError):
    """The file is damaged, or not one of this version: `Store.start_fresh` puts it aside.

    Attributes:
        problem: a sentence without the remedy, for where a button offers that.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(f"{problem} Start a fresh one, which keeps the old file, with: {RESET}")
        self.problem = problem


class Database:
    """One connection, for every thread of the program.

    Args:
        path: of the file; it and its folder are made if they do not exist, readable by the person only.

    Attributes:
        connection: of SQLite; to be used within `transaction` or `reading`.

    Raises:
        HistoryError: the file can't be opened or is no history of ours. Every method raises it when the disk is full.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._open()

    def _open(self) -> None:
        with self._translated():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
            self.connection = sqlite3.connect(self._path, timeout=10, isolation_level=None, check_same_thread=False)
            # A text that is no UTF-8 any more must not hide the rows beside it.
            self.connection.text_factory = _text
            try:
                self._prepare()
            except BaseException:
                self.connection.close()
                raise

    def _prepare(self) -> None:
        self.connection.execute("PRAGMA busy_timeout=10000")
        self._check(self.connection)  # before anything is written into what may be another program's
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            self.connection.execute(f"PRAGMA {pragma}")
        with self.transaction() as db:
            version = self._check(db)
            if version < VERSION:
                steps = [_STEPS[step] for step in range(version, VERSION)] if version else [_TABLES]
                for statement in ";\n".join(steps).strip().rstrip(";").split(";\n"):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version={VERSION}")

    def _check(self, db: sqlite3.Connection) -> int:
        """The version of the file; 0 where it is new."""
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise DamagedHistoryError(
                f"Your chat history {self._path} was written by a newer Deskhand: update Deskhand."
            )
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables - {"sqlite_sequence"} if version <= 0 else not tables >= _OURS:
            raise DamagedHistoryError(f"The file {self._path} is no history of Deskhand.")
        return version

    @contextmanager
    def _translated(self) -> Generator[None]:
        """Turn what SQLite and the file system say into a sentence."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise HistoryError(self._sentence(error)) from error
        except sqlite3.ProgrammingError as error:
            raise HistoryError("The chat history is closed: start Deskhand again.") from error
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise DamagedHistoryError(
                f"Your chat history {self._path} is damaged, or no history of Deskhand ({error})."
            ) from error
        except OSError as error:
            raise HistoryError(
                f"Your chat history {self._path} can't be written ({error.strerror}): check that folder and try again."
            ) from error

    def _sentence(self, error: sqlite3.OperationalError) -> str:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without the detail of an extended code
        if code == sqlite3.SQLITE_FULL:
            return f"The disk is full, so the history {self._path} could not be written: free some space and ask again."
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return f"The history {self._path} is held by another program: close it and ask again."
        return f"The history {self._path} could not be used ({error}): check the disk and the folder's permissions."

    @contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        """Write all of what the block does, on disk when it ends, or nothing of it."""
        with self._lock, self._translated():
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                # A full disk may already have rolled back.
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection]:
        """Read, with errors in words."""
        with self._lock, self._translated():
            yield self.connection

    def start_fresh(self) -> Path | None:
        """Put the file aside, which is kept, and begin an empty one; returns the old one's new place.

        Raises:
            HistoryError: it can't be put aside.
        """
        with self._lock:
            self.connection.close()
            try:
                return set_aside(self._path)
            finally:
                self._open()

    def close(self) -> None:
        """Close the file; safe to call twice."""
        with self._lock:
            self.connection.close()


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def set_aside(path: Path) -> Path | None:
    """Rename a history with its logs so that nothing takes it for one; None where there is none.

    Raises:
        HistoryError: it can't be renamed.
    """
    try:
        # The log first: a history without the log that belongs to it is less than one with it.
        for log in ("-shm", "-wal"):
            private.set_aside(path.with_name(path.name + log))
        return private.set_aside(path)
    except OSError as error:
        raise HistoryError(
            f"{path} can't be put aside ({error.strerror}): check that folder, then try again."
        ) from error
