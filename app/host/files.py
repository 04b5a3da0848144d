"""Files in granted folders, for skills: nothing outside of them, and through no link.

Every path is resolved first and must then be below a granted folder; it is opened step by step without following links,
so that what was checked is what is opened, whoever exchanges a folder for a link in between.
"""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deskhand.agent import scopes
from deskhand.agent.directory import Directory, Found
from deskhand.agent.filename import spelled
from deskhand.agent.folding import folded, names, real
from deskhand.agent.text_file import TextError, TextFile
from deskhand.agent.tools.host import Asked, HostError, Told

READ, WRITE = "files:read", "files:write"
MOST_BYTES = 4 << 20
"""Of a file that is read or changed; a larger one is no text for a model."""
MOST_ENTRIES = 200
MOST_LINES = 400
MOST_FOUND = 50
MOST_VISITED = 20_000
SECONDS = 10.0
"""For one search."""
_LARGE = f"files larger than {MOST_BYTES >> 20} MB"
_CLOSED = "files that can't be opened"
_CLOSED_FOLDER = "folders that can't be opened"
_SKIPPED = {".git", "node_modules", "__pycache__", ".venv"}


@dataclass(frozen=True)
class Place:
    """A path that may be used: the granted folder as a real path, and the way from there."""

    root: Path
    parts: tuple[str, ...]

    @property
    def path(self) -> Path:
        """Real and whole."""
        return self.root.joinpath(*self.parts)

    @property
    def shown(self) -> str:
        """The path as a tool is told it; `Files.place` finds it by that."""
        return spelled(str(self.path))


@dataclass
class _Search:
    """What one search came by, and what it passed over."""

    words: list[str]
    end: float
    cancel: threading.Event
    found: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    looked: int = 0
    passed: dict[str, int] = field(default_factory=dict[str, int])

    def pass_over(self, why: str) -> None:
        self.passed[why] = self.passed.get(why, 0) + 1

    @property
    def stopped(self) -> str:
        """Why it ended before everything was looked at; empty if it did not."""
        if self.cancel.is_set():
            return "It was stopped."
        if len(self.found) >= MOST_FOUND:
            return f"Only the first {MOST_FOUND} are listed: search for more words, or in a smaller folder."
        if self.looked >= MOST_VISITED or time.monotonic() >= self.end:
            return f"It ended after {self.looked} files: search in a smaller folder."
        return ""

    def told(self) -> dict[str, Any]:
        missed = ", ".join(f"{why} ({count})" for why, count in self.passed.items())
        note = " ".join(filter(None, [self.stopped, f"Not searched: {missed}." if missed else ""]))
        more = bool(self.stopped) or any(why in self.passed for why in (_LARGE, _CLOSED, _CLOSED_FOLDER))
        value: dict[str, Any] = {"found": self.found, "files_looked_at": self.looked, "there_may_be_more": more}
        return value | ({"incomplete": note} if note else {})


class Files:
    """What skills may do with files.

    Args:
        folders: granted ones; those that are not there are left out when they are used.
        private: of ours, which nobody gets, wherever they lie.
    """

    def __init__(self, folders: Sequence[Path], private: Sequence[Path] = ()) -> None:
        self._private = tuple(path.resolve() for path in private)
        self._real: dict[Path, Path] = {}
        self.grant(folders)

    def grant(self, folders: Sequence[Path]) -> None:
        """Grant exactly these from the next call on; from any thread."""
        self._folders = tuple(folders)
        self._roots()

    def list_folder(self, asked: Asked) -> Told:
        """Names, kinds, sizes and times; without a path the granted folders."""
        given = asked.arguments.get("path") or ""
        if not given:
            return Told({"folders": [spelled(str(root)) for root in self._roots()]})
        place = self.place(given, asked, READ)
        try:
            with Directory.open(place.root, *place.parts) as folder:
                there = sorted(folder.names(), key=lambda name: (folded(spelled(name)), name))
                shown = [_entry(folder, name) for name in there[:MOST_ENTRIES]]
        except OSError as error:
            raise HostError(f"{place.shown} can't be opened: {error.strerror}.") from error
        value: dict[str, Any] = {"path": place.shown, "entries": shown, "total": len(there)}
        if len(there) > len(shown):
            value["incomplete"] = f"Only the first {len(shown)} of {len(there)} are listed: search for the others."
        return Told(value)

    def read_file(self, asked: Asked) -> Told:
        """Lines of a text file."""
        place = self.place(asked.arguments["path"], asked, READ)
        file = self.text(place)
        first = max(1, asked.arguments.get("first_line") or 1)
        count = min(MOST_LINES, max(1, asked.arguments.get("lines") or MOST_LINES))
        part = file.lines[first - 1 : first - 1 + count]
        value: dict[str, Any] = {"path": place.shown, "text": "\n".join(part)}
        value |= {"first_line": first, "of": len(file.lines)}
        return Told(value | ({"encoding": file.encoding} if file.encoding else {}))

    def search_files(self, asked: Asked) -> Told:
        """Files whose name or text holds all words of the query, however they are written."""
        words = folded(asked.arguments["query"]).split()
        if not words:
            raise HostError("The query is empty: give a word to look for.")
        place = self.place(asked.arguments["path"], asked, READ)
        search = _Search(words, time.monotonic() + SECONDS, asked.cancel)
        try:
            with Directory.open(place.root, *place.parts) as folder:
                for each in self._walk(place, folder, search):
                    _look(place, each, search)
        except OSError as error:
            raise HostError(f"{place.shown} can't be opened: {error.strerror}.") from error
        return Told(search.told())

    def _roots(self) -> list[Path]:
        """The granted folders that are there, and still are what they were when they were granted.

        Somebody who may write the folder around one could put a link in its place, which leads elsewhere.
        """
        found: list[Path] = []
        for folder in self._folders:
            whole = folder.expanduser().resolve()
            if whole.is_dir() and self._real.setdefault(folder, whole) == whole:
                found.append(whole)
        return found

    def place(self, given: str, asked: Asked, kind: str) -> Place:
        """The place that a path names.

        Raises:
            HostError: it is outside of every granted folder, or of those that the skill declares.
        """
        roots = self._roots()
        try:
            path = Path(given).expanduser()
            found = real(given)
        except (OSError, RuntimeError, ValueError) as error:
            raise HostError(f"{given[:200]} is no path that can be used.") from error
        if not path.is_absolute():
            raise HostError(f"Give the whole path, beginning with /. Granted: {_listed(roots)}.")
        root = next((root for root in roots if found.is_relative_to(root)), None)
        if root is None:
            raise HostError(
                f"{given[:200]} is in no folder that was granted. Granted: {_listed(roots)}. The person can "
                "add one under “folders” in the settings."
            )
        declared = [scopes.parse(scope) for scope in asked.scopes if scope.startswith(kind)]
        if not any(not each.detail or found.is_relative_to(Path(each.detail).resolve()) for each in declared):
            raise HostError(f"{given[:200]} is in no folder that the skill {asked.skill} declares in its SKILL.md.")
        if any(found.is_relative_to(own) for own in self._private):
            raise HostError(f"{given[:200]} is among Deskhand's own files, which no skill may use.")
        return Place(root, found.relative_to(root).parts)

    def text(self, place: Place) -> TextFile:
        """The text of a file; raises HostError where there is none."""
        if not place.parts:
            raise HostError(f"{place.shown} is a folder.")
        try:
            with Directory.open(place.root, *place.parts[:-1]) as folder:
                return text_of(_read(folder, place.parts[-1]), place)
        except OSError as error:
            raise HostError(f"{place.shown} can't be opened: {error.strerror}.") from error

    def _walk(self, place: Place, folder: Directory, search: _Search) -> Iterator[Found]:
        """Files below a folder, by name, through no link, for a limited time."""

        def enter(path: str) -> bool:
            if search.stopped:
                return False
            if path.rpartition("/")[2] in _SKIPPED:
                search.pass_over(f"folders called {path.rpartition('/')[2]}")
                return False
            return place.path / path not in self._private

        for each in folder.walk(enter, lambda _path: search.pass_over(_CLOSED_FOLDER)):
            if search.stopped:
                return
            if stat.S_ISREG(each.status.st_mode):
                search.looked += 1
                yield each
            elif stat.S_ISLNK(each.status.st_mode):
                search.pass_over("links, which are not followed")


def _look(place: Place, each: Found, search: _Search) -> None:
    """Look at one file, by its name and then by its text."""
    shown = f"{place.shown}/{spelled(each.path)}"
    if any(all(word in folded(name) for word in search.words) for name in names(each.name)):
        search.found.append({"path": shown, "in": "name"})
        return
    try:
        file = TextFile.of(each.folder.read(each.name, MOST_BYTES, own=False) or b"")
    except TextError:
        search.pass_over("what is in files that are no text")
        return
    except OSError:
        large = each.status.st_size > MOST_BYTES
        search.pass_over(_LARGE if large else _CLOSED)
        return
    text = folded(file.text)
    if all(word in text for word in search.words):
        lines = ((number, line) for number, line in enumerate(file.lines, 1) if search.words[0] in folded(line))
        at, line = next(lines, (1, ""))
        search.found.append({"path": shown, "in": "text", "line": at, "text": line.strip()[:200]})


def _entry(folder: Directory, name: str) -> dict[str, Any]:
    found = folder.status(name)
    if found is None:
        return {"name": spelled(name), "kind": "gone"}
    kinds = {stat.S_IFDIR: "folder", stat.S_IFREG: "file", stat.S_IFLNK: "link"}
    changed = time.strftime("%Y-%m-%d %H:%M", time.localtime(found.st_mtime))
    return {
        "name": spelled(name),
        "kind": kinds.get(stat.S_IFMT(found.st_mode), "other"),
        "bytes": found.st_size,
        "changed": changed,
    }


def _read(folder: Directory, name: str) -> bytes:
    status = folder.status(name)
    if status is not None and not (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
        raise HostError(f"{spelled(name)} is no file with text.")
    handle = folder.opened(name, own=False)
    if handle is None:
        raise HostError(f"{spelled(name)} can't be opened: there is no such file.")
    with os.fdopen(handle, "rb") as file:
        size = os.fstat(handle).st_size
        if size > MOST_BYTES:
            raise HostError(f"{spelled(name)} is too large: at most {MOST_BYTES >> 20} MB are read.")
        return file.read(MOST_BYTES)


def text_of(raw: bytes, place: Place) -> TextFile:
    """The text of what a file holds; raises HostError if it is none."""
    try:
        return TextFile.of(raw)
    except TextError as error:
        raise HostError(f"{spelled(place.path.name)} {error}.") from error


def _listed(roots: Sequence[Path]) -> str:
    return ", ".join(spelled(str(root)) for root in roots) or "none"
