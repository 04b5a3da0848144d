"""Changes of files for skills: whole or not at all, through no link, and kept so that the person can take them back."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Generator
from pathlib import Path

from deskhand.agent.safety import places
from deskhand.agent.safety.places import Content, PlaceError
from deskhand.agent.safety.undo import LARGEST, By, Undo, UndoError
from deskhand.agent.tools.host import Asked, HostError, Told
from deskhand.app.host.files import MOST_BYTES, WRITE, Files, Place, decoded

NEW_MODE = 0o600


class Edits:
    """What skills may change.

    Args:
        files: says which paths may be used.
        undo: keeps what was there; None keeps nothing.
    """

    def __init__(self, files: Files, undo: Undo | None = None) -> None:
        self._files = files
        self._undo = undo

    def write_file(self, asked: Asked) -> Told:
        """Write a whole text file, or add to its end; the folder must exist."""
        given = asked.arguments
        place = self._files.place(given["path"], asked, WRITE)
        before = _content(place)
        text = given["text"]
        if given.get("append"):
            text = (decoded(before.raw, place.path) if before else "") + text
        return self._write(asked, place.path, before, text)

    def replace_in_file(self, asked: Asked) -> Told:
        """Replace the one place where a piece of text stands."""
        given = asked.arguments
        place = self._files.place(given["path"], asked, WRITE)
        before = _content(place)
        if before is None:
            raise HostError(f"There is no file {place.path}.")
        text = decoded(before.raw, place.path)
        count = text.count(given["old"]) if given["old"] else 0
        if count != 1:
            raise HostError(
                f"The text to replace stands {count} times in {place.path.name}; give a piece that stands there once."
            )
        return self._write(asked, place.path, before, text.replace(given["old"], given["new"]))

    def change_own_file(self, asked: Asked) -> Told:
        """Put a text in place of some bytes of a file in the skill's own folder; it is made if it is not there.

        ``was`` is the SHA-256 of the whole file as the skill has read it: if it is another by now, nothing is changed.
        """
        given = asked.arguments
        name, start, end = given["name"], given["start"], given["end"]
        if asked.data is None or not name.isprintable() or Path(name).name != name or name[:1] in {"", "."}:
            raise HostError(f"{name[:100]} is no name of a file in the skill's own folder.")
        path = asked.data.resolve() / name
        with _sentences():
            before = places.look(path)
        raw = before.raw if before else b""
        if hashlib.sha256(raw).hexdigest() != given["was"]:
            raise HostError(f"{name} was changed by somebody else just now: read it again.")
        if not 0 <= start <= end <= len(raw):
            raise HostError(f"{name} has no bytes {start} to {end}.")
        return self._put(asked, path, before, raw[:start] + given["text"].encode("utf-8", "replace") + raw[end:])

    def delete_file(self, asked: Asked) -> Told:
        """Delete one file."""
        place = self._file(asked, "path")
        with _sentences():
            if self._undo and _fits(place.path):
                there = places.look(place.path)
                if there is None:
                    raise HostError(f"There is no file {place.path}.")
                self._undo.write(_by(asked), place.path, there, None)
                return Told({"path": str(place.path), "deleted": True, "can_be_undone": True})
            places.put(place.path, None)
        return Told({"path": str(place.path), "deleted": True, "can_be_undone": False})

    def move_file(self, asked: Asked) -> Told:
        """Give one file another name or folder, where nothing is yet."""
        place, target = self._file(asked, "path"), self._file(asked, "target")
        if target.path.is_dir():
            raise HostError(f"{target.path} is a folder: give the whole new path, with the file's name.")
        kept = self._undo is not None and _fits(place.path)
        with _sentences():
            if self._undo and kept:
                self._undo.move(_by(asked), place.path, target.path)
            else:
                places.move(place.path, target.path)
        return Told({"path": str(place.path), "moved_to": str(target.path), "can_be_undone": kept})

    def _write(self, asked: Asked, path: Path, before: Content | None, text: str) -> Told:
        return self._put(asked, path, before, text.encode("utf-8", "replace"))

    def _put(self, asked: Asked, path: Path, before: Content | None, raw: bytes) -> Told:
        if len(raw) > MOST_BYTES:
            raise HostError(f"That is more than {MOST_BYTES >> 20} MB of text.")
        after = Content(raw, before.mode if before else NEW_MODE)
        with _sentences():
            if self._undo:
                self._undo.write(_by(asked), path, before, after)
            else:
                places.put(path, after)
        was = "new" if before is None else f"{len(before.raw)} bytes"
        return Told({"path": str(path), "bytes": len(raw), "was": was})

    def _file(self, asked: Asked, key: str) -> Place:
        """A place that an argument names itself: what a link leads to is neither deleted nor moved."""
        given = asked.arguments[key]
        place = self._files.place(given, asked, WRITE)
        if Path(given).expanduser().is_symlink():
            raise HostError(f"{given[:200]} is a link; only files can be deleted or moved.")
        return place


def _by(asked: Asked) -> By:
    return By(asked.tool, asked.skill, asked.call)


def _content(place: Place) -> Content | None:
    """What is there now; None if nothing is."""
    with _sentences():
        found = places.look(place.path)
    if found and len(found.raw) > MOST_BYTES:
        raise HostError(
            f"{place.path.name} has {len(found.raw) >> 20} MB; at most {MOST_BYTES >> 20} MB of text are changed."
        )
    return found


def _fits(path: Path) -> bool:
    """Whether a file can be kept; one that is not there or no file is for others to say."""
    try:
        return path.lstat().st_size <= LARGEST
    except OSError:
        return True


@contextlib.contextmanager
def _sentences() -> Generator[None]:
    try:
        yield
    except (PlaceError, UndoError) as error:
        raise HostError(str(error)) from error
