"""Files in granted folders, for skills: nothing outside of them, and through no link.

Every path is resolved first and must then be below a granted folder; it is opened step by step without following links,
so that what was checked is what is opened, whoever exchanges a folder for a link in between.
"""

from __future__ import annotations

import contextlib
import os
import stat
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deskhand.agent import scopes
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


class Files:
    """What skills may do with files.

    Args:
        folders: granted ones; those that are not there are left out when they are used.
        private: of ours, which nobody gets, wherever they lie.
    """

    def __init__(self, folders: Sequence[Path], private: Sequence[Path] = ()) -> None:
        self._folders = tuple(folders)
        self._private = tuple(path.resolve() for path in private)

    def grant(self, folders: Sequence[Path]) -> None:
        """Grant exactly these from the next call on; from any thread."""
        self._folders = tuple(folders)

    def list_folder(self, asked: Asked) -> Told:
        """Names, kinds, sizes and times; without a path the granted folders."""
        given = asked.arguments.get("path") or ""
        if not given:
            return Told({"folders": [str(root) for root in self._roots()]})
        place = self.place(given, asked, READ)
        with self._folder(place) as handle:
            names = sorted(os.listdir(handle), key=str.casefold)  # noqa: PTH208 - of a handle, not of a name
            shown = [_entry(handle, name) for name in names[:MOST_ENTRIES]]
        return Told({"path": str(place.path), "entries": shown, "total": len(names)})

    def read_file(self, asked: Asked) -> Told:
        """Lines of a text file."""
        place = self.place(asked.arguments["path"], asked, READ)
        lines = decoded(self.bytes(place), place.path).splitlines()
        first = max(1, asked.arguments.get("first_line") or 1)
        count = min(MOST_LINES, max(1, asked.arguments.get("lines") or MOST_LINES))
        part = lines[first - 1 : first - 1 + count]
        return Told({"path": str(place.path), "text": "\n".join(part), "first_line": first, "of": len(lines)})

    def search_files(self, asked: Asked) -> Told:
        """Files whose name or text holds all words of the query, case aside."""
        words = asked.arguments["query"].casefold().split()
        if not words:
            raise HostError("The query is empty: give a word to look for.")
        place = self.place(asked.arguments["path"], asked, READ)
        found: list[dict[str, Any]] = []
        looked = 0
        more = False
        for path in self._walk(place, asked.cancel):
            looked += 1
            if hit := self._hit(place, path, words):
                found.append(hit)
            if len(found) >= MOST_FOUND or looked >= MOST_VISITED:
                more = True
                break
        return Told({"found": found, "files_looked_at": looked, "there_may_be_more": more})

    def _roots(self) -> list[Path]:
        return [folder.expanduser().resolve() for folder in self._folders if folder.expanduser().is_dir()]

    def place(self, given: str, asked: Asked, kind: str) -> Place:
        """The place that a path names.

        Raises:
            HostError: it is outside of every granted folder, or of those that the skill declares.
        """
        roots = self._roots()
        try:
            path = Path(given).expanduser()
            real = path.resolve()
        except (OSError, RuntimeError, ValueError) as error:
            raise HostError(f"{given[:200]} is no path that can be used.") from error
        if not path.is_absolute():
            raise HostError(f"Give the whole path, beginning with /. Granted: {_listed(roots)}.")
        root = next((root for root in roots if real.is_relative_to(root)), None)
        if root is None:
            raise HostError(
                f"{given[:200]} is in no folder that was granted. Granted: {_listed(roots)}. The person can "
                "add one under “folders” in the settings."
            )
        declared = [scopes.parse(scope) for scope in asked.scopes if scope.startswith(kind)]
        if not any(not each.detail or real.is_relative_to(Path(each.detail).resolve()) for each in declared):
            raise HostError(f"{given[:200]} is in no folder that the skill {asked.skill} declares in its SKILL.md.")
        if any(real.is_relative_to(own) for own in self._private):
            raise HostError(f"{given[:200]} is among Deskhand's own files, which no skill may use.")
        return Place(root, real.relative_to(root).parts)

    @contextlib.contextmanager
    def _folder(self, place: Place) -> Generator[int]:
        """A handle of a folder, opened step by step through no link."""
        handle = _open(None, str(place.root), os.O_DIRECTORY)
        try:
            for part in place.parts:
                inner = _open(handle, part, os.O_DIRECTORY)
                os.close(handle)
                handle = inner
            yield handle
        finally:
            os.close(handle)

    def bytes(self, place: Place) -> bytes:
        """The whole of a file; raises HostError where that can't be had."""
        if not place.parts:
            raise HostError(f"{place.path} is a folder.")
        with self._folder(Place(place.root, place.parts[:-1])) as folder:
            return _read(folder, place.parts[-1])

    def _walk(self, place: Place, cancel: threading.Event) -> Iterator[Path]:
        """Files below a place, by name, through no link, for a limited time."""
        end = time.monotonic() + SECONDS
        waiting = [place.path]
        while waiting and not cancel.is_set() and time.monotonic() < end:
            folder = waiting.pop()
            try:
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name, reverse=True)
            except OSError:
                continue
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in _SKIPPED and Path(entry.path) not in self._private:
                        waiting.append(Path(entry.path))
                elif entry.is_file(follow_symlinks=False):
                    yield Path(entry.path)

    def _hit(self, place: Place, path: Path, words: Sequence[str]) -> dict[str, Any] | None:
        name = path.name.casefold()
        if all(word in name for word in words):
            return {"path": str(path), "in": "name"}
        try:
            text = decoded(self.bytes(Place(place.root, path.relative_to(place.root).parts)), path)
        except HostError:
            return None
        if not all(word in text.casefold() for word in words):
            return None
        at, line = next(
            ((n, line) for n, line in enumerate(text.splitlines(), 1) if words[0] in line.casefold()), (1, "")
        )
        return {"path": str(path), "in": "text", "line": at, "text": line.strip()[:200]}


def _open(folder: int | None, name: str, flags: int) -> int:
    try:
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | flags, dir_fd=folder)
    except OSError as error:
        raise HostError(f"{name} can't be opened: {error.strerror}.") from error


def _entry(folder: int, name: str) -> dict[str, Any]:
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return {"name": name, "kind": "gone"}
    kinds = {stat.S_IFDIR: "folder", stat.S_IFREG: "file", stat.S_IFLNK: "link"}
    changed = time.strftime("%Y-%m-%d %H:%M", time.localtime(found.st_mtime))
    return {
        "name": name,
        "kind": kinds.get(stat.S_IFMT(found.st_mode), "other"),
        "bytes": found.st_size,
        "changed": changed,
    }


def _read(folder: int, name: str) -> bytes:
    # Without O_NONBLOCK opening a named pipe would wait for somebody to write.
    handle = _open(folder, name, os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise HostError(f"{name} is no file with text.")
        if found.st_size > MOST_BYTES:
            raise HostError(f"{name} has {found.st_size >> 20} MB; at most {MOST_BYTES >> 20} MB are read.")
        return file.read(MOST_BYTES + 1)


def decoded(raw: bytes, path: Path) -> str:
    """Text in UTF-8, UTF-16 with its mark, or an old Western encoding."""
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig")):
        if raw.startswith(mark):
            with contextlib.suppress(UnicodeDecodeError):
                return raw.decode(encoding)
    if b"\0" in raw[:8192]:
        raise HostError(f"{path.name} is no text.")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def _listed(roots: Sequence[Path]) -> str:
    return ", ".join(map(str, roots)) or "none"
