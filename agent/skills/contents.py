"""Everything in a skill's folder: what there is, which path may be read, and the one hash that a consent is for."""

from __future__ import annotations

import hashlib
import os
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from deskhand.agent.filename import spelled

MOST_FILES = 10_000
MOST_BYTES = 64 * 1024**2
MOST_DEPTH = 12
IGNORED = frozenset(
    (".git", "node_modules", ".venv", "venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache")
)
"""Folders that belong to a clone or that its own set-up made: neither listed, hashed, read nor installed, and empty to
what the skill runs, so that nothing runs that nobody agreed to."""


class ContentsError(Exception):
    """A folder or path that no skill may have; the message is a sentence."""


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One file.

    Attributes:
        path: relative to the folder, with ``/``, in NFC; bytes that are not UTF-8 as `os.fsdecode` brings them.
        size: in bytes.
        link: where it leads if it is a symbolic link, else empty.
    """

    path: str
    size: int
    link: str = ""


def listing(folder: Path) -> tuple[Entry, ...]:
    """Every file below ``folder``, sorted by path; links are listed and not followed.

    Raises:
        ContentsError: too many, too large, too deep, neither file nor folder, or two names that are one in NFC.
    """
    found: dict[str, Entry] = {}
    total = 0
    for path, relative, status in _walk(folder):
        link = _target(path) if stat.S_ISLNK(status.st_mode) else ""
        if not link and not stat.S_ISREG(status.st_mode):
            raise ContentsError(f"{spelled(relative)} is neither a file nor a folder.")
        name = unicodedata.normalize("NFC", relative)
        if name in found:
            raise ContentsError(
                f"Two files are called {spelled(name)}, differing only in how their letters are composed."
            )
        total += 0 if link else status.st_size
        found[name] = Entry(name, 0 if link else status.st_size, link)
        if len(found) > MOST_FILES:
            raise ContentsError(f"It has more than {MOST_FILES:,} files.")
        if total > MOST_BYTES:
            raise ContentsError(f"Its files take more than {MOST_BYTES >> 20} MB.")
    return tuple(sorted(found.values()))


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError as error:
        raise ContentsError(f"{spelled(link.name)} can't be read: {error.strerror}.") from error


def _walk(folder: Path) -> Iterator[tuple[Path, str, os.stat_result]]:
    waiting = [(folder, PurePosixPath())]
    while waiting:
        here, relative = waiting.pop()
        if len(relative.parts) > MOST_DEPTH:
            raise ContentsError(f"Its folders are nested more than {MOST_DEPTH} deep.")
        try:
            with os.scandir(here) as entries:
                for entry in entries:
                    inside = relative / entry.name
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name not in IGNORED:
                            waiting.append((Path(entry.path), inside))
                            if len(waiting) > MOST_FILES:
                                raise ContentsError(f"It has more than {MOST_FILES:,} folders.")
                    else:
                        yield Path(entry.path), str(inside), entry.stat(follow_symlinks=False)
        except OSError as error:
            raise ContentsError(f"{spelled(str(here))} can't be read: {error.strerror}.") from error


def resolve(folder: Path, path: str) -> Path:
    """The regular file at ``path`` inside ``folder``, whatever links lead there.

    Raises:
        ContentsError: it is absolute, leads outside, is not there, or is no file.
    """
    given = PurePosixPath(path.strip().removeprefix("./"))
    if not path.strip() or given.is_absolute() or ".." in given.parts or "\0" in path or IGNORED & set(given.parts):
        raise ContentsError(
            f"Give a path inside the skill's folder, such as references/notes.md, and not {spelled(path[:200])}."
        )
    name = spelled(path[:200])
    try:
        root = folder.resolve()
        real = (root / given).resolve(strict=True)
        regular = real.is_file()
    except (OSError, RuntimeError, UnicodeError) as error:  # half a surrogate pair is no name of a file
        raise ContentsError(f"The skill has no file {name}.") from error
    if not real.is_relative_to(root):
        raise ContentsError(f"{name} leads outside of the skill's folder.")
    if IGNORED & set(real.relative_to(root).parts):
        raise ContentsError(f"{name} leads into a folder that is not part of the skill.")
    if not regular:
        raise ContentsError(f"{name} is not a file.")
    return real


def ignored(folder: Path) -> list[Path]:
    """The folders inside of ``folder`` that are not part of the skill."""
    found: list[Path] = []
    for here, names, _ in os.walk(folder):
        found += [Path(here, name) for name in names if name in IGNORED]
        names[:] = [name for name in names if name not in IGNORED]
    return found


def digest(folder: Path) -> str:
    """SHA-256 over the paths and contents of all files, in the order of `listing`: what a person's consent is for.

    Raises:
        ContentsError: as `listing`, or a file can't be read.
    """
    whole = hashlib.sha256()
    for entry in listing(folder):
        path, link = _bytes(entry.path), _bytes(entry.link or "-")
        whole.update(b"%d %b %b " % (len(path), path, link))
        if not entry.link or _is_manifest(entry.path):
            whole.update(_file(folder, entry.path).encode())
    return whole.hexdigest()


def _is_manifest(path: str) -> bool:
    """Whether a file is what a skill is read from, which may be a link to anywhere: no other file of a skill may be."""
    return path.lower() == "skill.md"


def _bytes(name: str) -> bytes:
    """The bytes of a name as they are on the disk, whatever encoding they are in."""
    return name.encode("utf-8", "surrogateescape")


def _file(folder: Path, name: str) -> str:
    try:
        path = folder / name
        if not path.exists():
            # The name on disk is composed in another way than NFC, or the file is gone since it was listed.
            found = (file for file, relative, _ in _walk(folder) if unicodedata.normalize("NFC", relative) == name)
            path = next(found, path)
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ContentsError(f"{spelled(name)} can't be read: {error.strerror}.") from error


def stamp(folder: Path) -> tuple[tuple[str, int, int, int], ...]:
    """Path, size, time of change and number of every file: equal as long as nothing was written, and cheap.

    Raises:
        ContentsError: as `listing`.
    """
    stamps: list[tuple[str, int, int, int]] = []
    for path, relative, own in _walk(folder):
        status = path.stat() if _is_manifest(relative) and path.exists() else own
        # The time of the last change of any kind can't be set back by a program, other than the one of the content.
        stamps.append((relative, status.st_size, status.st_ctime_ns, status.st_ino))
        if len(stamps) > MOST_FILES:
            raise ContentsError(f"It has more than {MOST_FILES:,} files.")
    return tuple(sorted(stamps))
