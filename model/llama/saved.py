"""A session on disk: what its memory holds, so that the next start goes on without reading the conversation again.

A file is: `MAGIC`, the length of a head (8 bytes, little-endian), the head as JSON, llama.cpp's states one after the
other, and the SHA-256 of all that. The conversation can be read from it, so it is private to the person's account. It
appears whole, by a rename; a file that was cut short by a crash fails its hash.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deskhand.model.errors import ModelError
from deskhand.model.llama.cache import Item, Span

MAGIC = b"deskhand session 1\n"
SUFFIX = ".session"

MOST_BYTES = 2 << 30
"""Of one file; the 12B's takes 0.7 GiB at 8k and 1.2 GiB at 32k, with a checkpoint."""

FOLDER_BYTES = 4 << 30
"""Of all files together; the oldest go first."""

SPARE_BYTES = 2 << 30
"""Of the disk, left to everybody else."""

_HEAD_BYTES = 64 << 20
_CHUNK = 8 << 20
_WORD = 8
_HASH = hashlib.sha256().digest_size

Bytes = NDArray[np.uint8]


class SavedSessionError(ModelError):
    """A saved session can't be used, or one can't be saved; a sentence that says why."""


@dataclass(frozen=True)
class Saved:
    """What a file holds.

    Attributes:
        items: of the cache, in order.
        state: of the whole memory.
        checkpoint: the sliding layers at a place before the end; None if there is none.
        count: items before the checkpoint.
    """

    items: tuple[Item, ...]
    state: Bytes
    checkpoint: Bytes | None = None
    count: int = 0


def save(path: Path, identity: Mapping[str, Any], saved: Saved) -> None:
    """Write a session, for the person's account alone, in place of an older one of the same name.

    Args:
        path: of the file; the folder is made if it is missing.
        identity: what has to be the same for the state to mean the same.
        saved: the session.

    Raises:
        SavedSessionError: it is too large, the disk is nearly full, or the folder can't be written.
    """
    parts = [saved.state] if saved.checkpoint is None else [saved.state, saved.checkpoint]
    head = json.dumps(
        {
            "identity": dict(identity),
            "items": [asdict(item) if isinstance(item, Span) else item for item in saved.items],
            "sizes": [part.size for part in parts],
            "count": saved.count,
        }
    ).encode()
    size = sum(part.size for part in parts)
    part_file = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_room(path.parent, size)
        with suppress(FileNotFoundError):
            part_file.unlink()
        digest = hashlib.sha256()
        with os.fdopen(os.open(part_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            for piece in (MAGIC, len(head).to_bytes(_WORD, "little"), head, *_chunks(parts)):
                digest.update(piece)
                file.write(piece)
            file.write(digest.digest())
        part_file.replace(path)
    except OSError as error:
        with suppress(OSError):
            part_file.unlink()
        raise SavedSessionError(f"The session was not saved: {error.strerror or error}.") from error
    evict(path.parent, spare=path)


def load(path: Path, identity: Mapping[str, Any]) -> Saved:
    """Read a session back. Nothing of the file reaches llama.cpp unless its hash is right.

    Args:
        path: of the file.
        identity: as `save` was given it.

    Raises:
        SavedSessionError: there is none, it is damaged or no session, or it belongs to something else.
    """
    try:
        with path.open("rb") as file:
            head, parts = _read(file.read, path)
    except FileNotFoundError as error:
        raise SavedSessionError("No session has been saved yet.") from error
    except OSError as error:
        raise SavedSessionError(f"The saved session {path} can't be read: {error.strerror or error}.") from error
    for name, value in identity.items():
        if head["identity"].get(name) != value:
            raise SavedSessionError(
                f"The saved session is of another {name} ({head['identity'].get(name)} and not {value}); "
                "the conversation is read again."
            )
    items = tuple(Span(**item) if isinstance(item, dict) else int(item) for item in head["items"])
    return Saved(items, parts[0], parts[1] if len(parts) > 1 else None, int(head["count"]))


def evict(folder: Path, most: int = FOLDER_BYTES, spare: Path | None = None) -> None:
    """Remove what an interrupted save left, and the oldest sessions beyond ``most`` bytes, but never ``spare``."""
    for left in folder.glob(f".*{SUFFIX}.part"):
        left.unlink(missing_ok=True)
    found = sorted(folder.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    total = 0
    for path in sorted(found, key=lambda path: path != spare):
        total += path.stat().st_size
        if total > most and path != spare:
            path.unlink(missing_ok=True)


def _check_room(folder: Path, size: int) -> None:
    if size > MOST_BYTES:
        raise SavedSessionError(
            f"The session was not saved: it takes {size / 2**30:.1f} GiB, and {MOST_BYTES / 2**30:.0f} are the limit."
        )
    if shutil.disk_usage(folder).free < size + SPARE_BYTES:
        raise SavedSessionError(f"The session was not saved: the disk is nearly full, and it takes {size >> 20} MiB.")


def _chunks(parts: Sequence[Bytes]) -> Iterator[memoryview]:
    for part in parts:
        for start in range(0, part.size, _CHUNK):
            yield part[start : start + _CHUNK].data


def _read(read: Callable[[int], bytes], path: Path) -> tuple[dict[str, Any], list[Bytes]]:
    damaged = SavedSessionError(f"The saved session {path} is damaged or none; the conversation is read again.")
    digest = hashlib.sha256()

    def take(size: int) -> bytes:
        data = read(size)
        if len(data) != size:
            raise damaged
        digest.update(data)
        return data

    if take(len(MAGIC)) != MAGIC:
        raise damaged
    length = int.from_bytes(take(_WORD), "little")
    if length > _HEAD_BYTES:
        raise damaged
    try:
        head = json.loads(take(length))
        sizes = [int(size) for size in head["sizes"]]
    except (ValueError, KeyError, TypeError) as error:
        raise damaged from error
    if not 0 < len(sizes) <= 2 or min(sizes) < 0 or sum(sizes) > path.stat().st_size:
        raise damaged
    parts = [np.frombuffer(take(size), np.uint8) for size in sizes]
    wanted = digest.digest()
    if read(_HASH + 1) != wanted:
        raise damaged
    return head, parts
