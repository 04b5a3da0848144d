"""A folder or an archive that holds skills → a copy of plain files in a folder of ours, or a refusal.

Nothing of what an archive says about itself is trusted: names, sizes, kinds and numbers of its entries are checked
while they are read, and only regular files are ever written.
"""

from __future__ import annotations

import gzip
import lzma
import stat
import struct
import tarfile
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from deskhand.agent.filename import odd, spelled
from deskhand.agent.skills.contents import IGNORED, MOST_BYTES, MOST_DEPTH, MOST_FILES

ENDINGS = (".zip", ".skill", ".tar.gz", ".tgz", ".tar")
MOST_RATIO = 200
"""By how much an entry may grow when it is unpacked; text shrinks some fivefold, a bomb a thousandfold."""
SMALL = 1024**2
"""Bytes up to which the ratio does not matter."""
_CHUNK = 256 * 1024
_JUNK = {"__MACOSX", ".DS_Store", "Thumbs.db"}
_DAMAGED = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,  # zipfile: a method that it does not know
    RuntimeError,  # zipfile: an encrypted entry
    ValueError,  # numbers and texts in headers, a file that is closed early
    ArithmeticError,
    LookupError,
    MemoryError,  # a size that a header makes up
)
"""What zipfile, tarfile and what they unpack with say of bytes that are no archive."""


class ArchiveError(Exception):
    """What was given can't be installed; the message is a sentence for the person."""


def unpack(source: Path, into: Path) -> None:
    """Copy everything that ``source`` holds into the empty folder ``into``.

    Raises:
        ArchiveError: it is no folder or archive, is damaged, or holds what no skill may hold.
    """
    name, told = source.name.lower(), spelled(source.name)
    try:
        if source.is_dir():
            _folder(source, _Copy(into))
        elif not source.is_file():
            raise ArchiveError(f"There is no {spelled(str(source))}.")
        elif name.endswith((".zip", ".skill")):
            _zip(source, _Copy(into))
        elif name.endswith((".tar.gz", ".tgz", ".tar")):
            _tar(source, _Copy(into))
        else:
            raise ArchiveError(f"{told} is neither a folder nor an archive ({', '.join(ENDINGS)}).")
    except UnicodeError as error:
        # A ZIP that says its names are UTF-8: zipfile decodes all of them before it gives the first.
        raise ArchiveError(f"{told} holds a file whose name is not UTF-8, as it says it is: pack it anew.") from error
    except _DAMAGED as error:
        raise ArchiveError(f"{told} is damaged or of a kind that can't be read: {_reason(error)}.") from error
    except OSError as error:
        raise ArchiveError(f"{told} can't be copied: {error.strerror or error}.") from error


def _reason(error: Exception) -> str:
    return str(error).strip().rstrip(".") or type(error).__name__


class _Copy:
    """Counts and checks what is written below one folder."""

    def __init__(self, into: Path) -> None:
        self._into = into
        self._names: set[str] = set()
        self._bytes = 0

    def add(self, name: str, stream: IO[bytes], packed: int | None = None) -> None:
        """Write one file.

        Args:
            name: its path in the source.
            stream: its content.
            packed: bytes it takes in the archive, if it is known.
        """
        path = self._checked(name)
        if path is None:
            return
        target = self._into / path
        target.parent.mkdir(parents=True, exist_ok=True)
        size = 0
        with target.open("xb") as file:
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
                self._bytes += len(chunk)
                if self._bytes > MOST_BYTES:
                    raise ArchiveError(f"It holds more than {MOST_BYTES >> 20} MB.")
                if packed is not None and size > SMALL and size > MOST_RATIO * max(1, packed):
                    raise ArchiveError(f"{spelled(name[:200])} grows more than {MOST_RATIO}-fold when it is unpacked.")
                file.write(chunk)

    def _checked(self, name: str) -> PurePosixPath | None:
        """The path of an entry; None for what is of a clone or an operating system and not of the skill."""
        path = PurePosixPath(name)
        windows = "\\" in name or (len(name) > 1 and name[1] == ":")
        if path.is_absolute() or ".." in path.parts or windows or not path.parts:
            raise ArchiveError(f"It holds a file that would be written elsewhere: {name[:200]!r}.")
        if IGNORED & set(path.parts[:-1]) or _JUNK & set(path.parts):
            return None
        if odd(name):
            raise ArchiveError(
                f"It holds a file whose name is not UTF-8: {spelled(name[:200])}. Rename that file first."
            )
        if not name.isprintable():
            raise ArchiveError(f"It holds a file whose name has signs that can't be seen: {name[:200]!r}.")
        if len(path.parts) > MOST_DEPTH + 1:
            raise ArchiveError(f"Its folders are nested more than {MOST_DEPTH} deep.")
        # One file system tells Ä from A + ¨ and A from a, another does not: there one file would hide another.
        key = unicodedata.normalize("NFC", str(path)).casefold()
        if key in self._names:
            raise ArchiveError(f"It holds two files of one name: {spelled(name[:200])}.")
        self._names.add(key)
        if len(self._names) > MOST_FILES:
            raise ArchiveError(f"It holds more than {MOST_FILES:,} files.")
        return path


def _folder(source: Path, copy: _Copy) -> None:
    waiting = [(source, PurePosixPath())]
    while waiting:
        folder, relative = waiting.pop()
        if len(relative.parts) > MOST_DEPTH:
            raise ArchiveError(f"Its folders are nested more than {MOST_DEPTH} deep.")
        for entry in sorted(folder.iterdir()):
            inside = relative / entry.name
            mode = entry.lstat().st_mode
            if stat.S_ISDIR(mode):
                if entry.name not in IGNORED:
                    waiting.append((entry, inside))
                    if len(waiting) > MOST_FILES:
                        raise ArchiveError(f"It holds more than {MOST_FILES:,} folders.")
            elif stat.S_ISREG(mode):
                with entry.open("rb") as stream:
                    copy.add(str(inside), stream)
            else:
                raise ArchiveError(_kind("a symbolic link" if stat.S_ISLNK(mode) else "no plain file", str(inside)))


def _zip(source: Path, copy: _Copy) -> None:
    with zipfile.ZipFile(source) as archive:
        if len(archive.infolist()) > 4 * MOST_FILES:
            raise ArchiveError(f"It holds more than {MOST_FILES:,} files.")
        for entry in archive.infolist():
            mode = entry.external_attr >> 16
            if stat.S_IFMT(mode) not in {0, stat.S_IFREG, stat.S_IFDIR}:
                raise ArchiveError(_kind("a symbolic link" if stat.S_ISLNK(mode) else "no plain file", entry.filename))
            if entry.is_dir():
                continue
            with archive.open(entry) as stream:
                copy.add(entry.filename, stream, entry.compress_size)


def _tar(source: Path, copy: _Copy) -> None:
    with _plain(source) as file, tarfile.open(fileobj=file, mode="r:") as archive:
        for read, entry in enumerate(archive):
            if read > 4 * MOST_FILES:
                raise ArchiveError(f"It holds more than {MOST_FILES:,} files.")
            if entry.isdir():
                continue
            if not entry.isreg():
                raise ArchiveError(_kind("a link" if entry.issym() or entry.islnk() else "no plain file", entry.name))
            stream = archive.extractfile(entry)
            if stream is not None:
                copy.add(entry.name, stream)


@contextmanager
def _plain(source: Path) -> Generator[IO[bytes]]:
    """The archive unpacked, of a bounded size: tarfile reads some headers whole, however long they are."""
    most = 2 * MOST_BYTES
    with source.open("rb") as raw, tempfile.TemporaryFile() as file:
        stream = raw if source.name.lower().endswith(".tar") else gzip.GzipFile(fileobj=raw)
        while chunk := stream.read(_CHUNK):
            if file.tell() + len(chunk) > most:
                raise ArchiveError(f"It holds more than {MOST_BYTES >> 20} MB.")
            file.write(chunk)
        file.seek(0)
        yield file


def _kind(what: str, name: str) -> str:
    return f"It holds {what}, {spelled(name[:200])}; only plain files are installed."
