"""Changes of files for skills: whole or not at all, through no link, and kept so that the person can take them back.

What a call would change is worked out before the person is asked, and again when it runs; only if both are the same is
anything written. Of a text only the piece that differs is written anew (`deskhand.agent.text_file`).
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from pathlib import Path

from deskhand.agent.filename import spelled
from deskhand.agent.folding import on_disk, real
from deskhand.agent.safety import places
from deskhand.agent.safety.changes import Change
from deskhand.agent.safety.places import Content, PlaceError
from deskhand.agent.safety.undo import LARGEST, By, Undo, UndoError
from deskhand.agent.text_file import TextError, encoded
from deskhand.agent.tools.host import Asked, HostError, Told
from deskhand.app.host.files import MOST_BYTES, WRITE, Files, Place, text_of

NEW_MODE = 0o600

CHANGED = "It changed while you were asked; nothing was written."


class Edits:
    """What skills may change.

    Args:
        files: says which paths may be used.
        undo: keeps what was there; None keeps nothing.
    """

    def __init__(self, files: Files, undo: Undo | None = None) -> None:
        self._files = files
        self._undo = undo
        self._plans: Mapping[str, Callable[[Asked], Change]] = {
            "write_file": self._written,
            "replace_in_file": self._replaced,
            "delete_file": self._deleted,
            "move_file": self._moved,
            "change_own_file": self._own,
        }

    def plan(self, asked: Asked) -> Change | None:
        """What a function would change; raises HostError with a sentence where it would be refused."""
        plan = self._plans.get(asked.name)
        return plan(asked) if plan else None

    def write_file(self, asked: Asked) -> Told:
        """Write a whole text file, or add to its end; the folder must exist."""
        return self._put(asked, _agreed(asked, self._written))

    def replace_in_file(self, asked: Asked) -> Told:
        """Replace the one place where a piece of text stands."""
        return self._put(asked, _agreed(asked, self._replaced))

    def delete_file(self, asked: Asked) -> Told:
        """Delete one file."""
        change = _agreed(asked, self._deleted)
        kept = self._undo is not None and change.size <= LARGEST
        with _sentences():
            if self._undo and kept:
                self._undo.write(_by(asked), change.path, change.before, None)
            else:
                places.put(change.path, None)
        return Told({"path": spelled(str(change.path)), "deleted": True, "can_be_undone": kept})

    def move_file(self, asked: Asked) -> Told:
        """Give one file another name or folder, where nothing is yet."""
        change = _agreed(asked, self._moved)
        path, target = change.path, change.target or change.path
        kept = self._undo is not None and change.size <= LARGEST
        with _sentences():
            if self._undo and kept:
                self._undo.move(_by(asked), path, target)
            else:
                places.move(path, target)
        told = {"path": spelled(str(path)), "moved_to": spelled(str(target)), "can_be_undone": kept}
        return Told(told)

    def change_own_file(self, asked: Asked) -> Told:
        """Put a text in place of some bytes of a file in the skill's own folder; it is made if it is not there.

        It gets the line ends that stand there, and the encoding of the file.
        ``was`` is the SHA-256 of the whole file as the skill has read it: if it is another by now, nothing is changed.
        """
        return self._put(asked, _agreed(asked, self._own))

    # What would be changed --------------------------------------------------------------------------------------------

    def _own(self, asked: Asked) -> Change:
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
        place = Place(path.parent, (path.name,))
        file = text_of(raw, place)
        made = _made(place, lambda: file.written(given["text"], start))
        return self._change(path, before, raw[:start] + made + raw[end:])

    def _written(self, asked: Asked) -> Change:
        place, before = self._there(asked)
        text = asked.arguments["text"]
        if before is None:
            return self._change(place.path, None, _made(place, lambda: encoded(text)))
        file = text_of(before.raw, place)
        write = file.appended if asked.arguments.get("append") else file.rewritten
        return self._change(place.path, before, _made(place, lambda: write(text)))

    def _replaced(self, asked: Asked) -> Change:
        given = asked.arguments
        place, before = self._there(asked)
        if before is None:
            raise HostError(f"There is no file {place.shown}.")
        file = text_of(before.raw, place)
        count = file.count(given["old"])
        if count != 1:
            raise HostError(
                f"The text to replace stands {count} times in {spelled(place.path.name)}; give a piece that stands "
                "there once."
            )
        return self._change(place.path, before, _made(place, lambda: file.replaced(given["old"], given["new"])))

    def _deleted(self, asked: Asked) -> Change:
        return self._whole(self._file(asked, "path"))

    def _moved(self, asked: Asked) -> Change:
        place, target = self._file(asked, "path"), self._file(asked, "target")
        if target.path.is_dir():
            raise HostError(f"{target.shown} is a folder: give the whole new path, with the file's name.")
        if target.path.exists():
            raise HostError(f"{target.shown} is there already: give another name.")
        return replace(self._whole(place), target=target.path)

    def _change(self, path: Path, before: Content | None, after: bytes) -> Change:
        if len(after) > MOST_BYTES:
            raise HostError(f"That is more than {MOST_BYTES >> 20} MB of text.")
        made = Content(after, before.mode if before else NEW_MODE)
        return Change(path, before, made, size=len(before.raw) if before else 0)

    def _there(self, asked: Asked) -> tuple[Place, Content | None]:
        """A place that is to be written, and what is there now; None if nothing is."""
        place = self._files.place(asked.arguments["path"], asked, WRITE)
        with _sentences():
            size = places.size(place.path)
            if size is not None and size > MOST_BYTES:
                most = f"at most {MOST_BYTES >> 20} MB of text are changed"
                raise HostError(f"{spelled(place.path.name)} is too large: {most}.")
            return place, places.look(place.path)

    def _whole(self, place: Place) -> Change:
        """A file as it is, to be deleted or moved; one that is too large is known by its number and time."""
        with _sentences():
            found = places.status(place.path)
            if found is None:
                raise HostError(f"There is no file {place.shown}.")
            if found.st_size > LARGEST:
                stamp = (found.st_ino, found.st_size, found.st_mtime_ns)
                return Change(place.path, None, None, size=found.st_size, stamp=stamp)
            return Change(place.path, places.look(place.path), None, size=found.st_size)

    def _put(self, asked: Asked, change: Change) -> Told:
        before, after = change.before, change.after or Content(b"", NEW_MODE)
        with _sentences():
            if self._undo:
                self._undo.write(_by(asked), change.path, before, after)
            elif places.look(change.path) != before:
                raise HostError(CHANGED)
            else:
                places.put(change.path, after)
        was = "new" if before is None else f"{len(before.raw)} bytes"
        return Told({"path": spelled(str(change.path)), "bytes": len(after.raw), "was": was})

    def _file(self, asked: Asked, key: str) -> Place:
        """A place that an argument names itself: what a link leads to is neither deleted nor moved."""
        given = asked.arguments[key]
        place = self._files.place(given, asked, WRITE)
        path = Path(given).expanduser()
        folder = real(str(path.parent))
        if (folder / on_disk(folder, path.name)).is_symlink():
            raise HostError(f"{given[:200]} is a link; only files can be deleted or moved.")
        return place


def _agreed(asked: Asked, plan: Callable[[Asked], Change]) -> Change:
    """The change, if it still is the one that the person was told of; raises HostError if it is not."""
    shown = asked.change
    try:
        change = plan(asked)
    except HostError as error:
        raise (HostError(CHANGED) if shown else error) from error
    if shown is not None and change != shown:
        raise HostError(CHANGED)
    return change


def _by(asked: Asked) -> By:
    return By(asked.tool, asked.skill, asked.call)


def _made(place: Place, make: Callable[[], bytes]) -> bytes:
    try:
        return make()
    except TextError as error:
        raise HostError(f"{spelled(place.path.name)} {error}.") from error


@contextlib.contextmanager
def _sentences() -> Generator[None]:
    try:
        yield
    except (PlaceError, UndoError) as error:
        raise HostError(str(error)) from error
