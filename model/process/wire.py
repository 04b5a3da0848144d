"""What the application and its engine's process say to each other: small frozen messages over one socket pair.

Both ends are ours, but an engine reads files of strangers: a message may name no class outside `_KNOWN`, so a worker
that was taken over can't make the application run anything. Pictures and recordings cross once: every later message
refers to them by their digest.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from collections.abc import Container, Mapping
from dataclasses import dataclass

from deskhand.model import errors, types

MEDIA_BYTES = 256 << 20
"""Pictures and recordings that the worker keeps so that they need not cross again: forty 1080p screenshots."""


@dataclass(frozen=True, slots=True)
class Configure:
    """First message to a worker.

    Attributes:
        config: an `EngineConfig` as JSON.
    """

    config: str


@dataclass(frozen=True, slots=True)
class Generate:
    """Ask for one generation.

    Attributes:
        number: of this generation; its answers carry it.
        request: without the bytes of media that the worker holds.
    """

    number: int
    request: types.Request


@dataclass(frozen=True, slots=True)
class Cancel:
    """End generation ``number`` if it still runs."""

    number: int


@dataclass(frozen=True, slots=True)
class Close:
    """Close the engine, which may put its session away, and end."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Hold these media, and let go of others, before the next `Generate`."""

    media: tuple[types.Image | types.Audio, ...]
    forget: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ready:
    """The engine is loaded."""

    info: types.EngineInfo


@dataclass(frozen=True, slots=True)
class Deltas:
    """What generation ``number`` gave since the last message, in order."""

    number: int
    deltas: tuple[types.Delta, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """Loading (number 0) or a generation ended with an error.

    Attributes:
        number: of the generation, 0 for loading.
        error: the class's name in `errors`.
        sentence: for the person.
    """

    number: int
    error: str
    sentence: str

    def exception(self) -> errors.ModelError:
        """The error as it was raised on the other side."""
        found = getattr(errors, self.error, None)
        if isinstance(found, type) and issubclass(found, errors.ModelError):
            return found(self.sentence)
        return errors.ModelError(self.sentence)


@dataclass(frozen=True, slots=True)
class Loading:
    """The model is ``percent`` in memory."""

    percent: int


@dataclass(frozen=True, slots=True)
class Beat:
    """What the engine's thread is at, told by another thread while it says nothing itself.

    Attributes:
        activity: ``loading``, ``reading`` the prompt or ``writing``.
        still: seconds since it last showed that it moves on.
        slowest: the longest such pause of this activity after which it did move on, in seconds.
    """

    activity: str
    still: float
    slowest: float


ToWorker = Configure | Keep | Generate | Cancel | Close
ToClient = Loading | Ready | Deltas | Failed | Beat
Message = ToWorker | ToClient

_KNOWN = {
    (part.__module__, part.__qualname__): part
    for part in (
        *(Configure, Keep, Generate, Cancel, Close, Loading, Ready, Deltas, Failed, Beat),
        *(types.Text, types.Image, types.Audio, types.ToolCall, types.Message, types.ToolSpec, types.Sampling),
        *(types.Request, types.Usage, types.TextDelta, types.ThoughtDelta, types.CallDelta, types.BrokenCall),
        *(types.Progress, types.Finish, types.EngineInfo),
    )
}


Medium = types.Image | types.Audio


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, held: Container[str]) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._held = held

    def persistent_id(self, obj: object) -> str | None:
        return obj.digest if isinstance(obj, Medium) and obj.digest in self._held else None


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, held: Mapping[str, Medium]) -> None:
        super().__init__(file)
        self._held = held

    def persistent_load(self, pid: str) -> Medium:  # pyright: ignore[reportIncompatibleMethodOverride] - ours are digests
        return self._held[pid]

    def find_class(self, module_name: str, global_name: str, /) -> type:
        known = _KNOWN.get((module_name, global_name))
        if known is None:
            raise pickle.UnpicklingError(f"{module_name}.{global_name} has no business between engine and application")
        return known


_TEXT = {types.TextDelta: b"t", types.ThoughtDelta: b"h"}
_TEXT_OF = {tag[0]: kind for kind, tag in _TEXT.items()}
_HEAD = 9  # a tag, which no pickle begins with, and the number


def encode(message: Message, held: Container[str] = ()) -> bytes:
    """Bytes of ``message``; media whose digests are ``held`` on the other side are only named.

    One piece of text, which is what nearly every message is, crosses as it is: pickling it costs several times more.
    """
    if isinstance(message, Deltas) and len(message.deltas) == 1:
        delta = message.deltas[0]
        if isinstance(delta, types.TextDelta | types.ThoughtDelta):
            return _TEXT[type(delta)] + message.number.to_bytes(_HEAD - 1) + delta.text.encode(errors="surrogatepass")
    file = io.BytesIO()
    _Pickler(file, held).dump(message)
    return file.getvalue()


def decode(data: bytes, held: Mapping[str, Medium] | None = None) -> Message:
    """The message in ``data``.

    Raises:
        pickle.UnpicklingError: it names a class that is not one of the messages' parts.
    """
    if kind := _TEXT_OF.get(data[0] if data else 0):
        text = data[_HEAD:].decode(errors="surrogatepass")
        return Deltas(int.from_bytes(data[1:_HEAD]), (kind(text),))
    return _Unpickler(io.BytesIO(data), held or {}).load()


class Shelf:
    """The client's record of the media that the worker holds; it decides what crosses and what is let go."""

    def __init__(self, limit: int = MEDIA_BYTES) -> None:
        self._limit = limit
        self.held: OrderedDict[str, int] = OrderedDict()

    def plan(self, request: types.Request) -> Keep | None:
        """What must cross before ``request`` can: new media, and names of those to forget; None if nothing must.

        Media of the request itself are never forgotten, so a single request may exceed the limit.
        """
        parts = [part for message in request.messages for part in message.parts]
        wanted = {part.digest: part for part in parts if isinstance(part, Medium)}
        new = tuple(part for digest, part in wanted.items() if digest not in self.held)
        for digest, part in wanted.items():
            self.held[digest] = len(part.pixels if isinstance(part, types.Image) else part.samples)
            self.held.move_to_end(digest)
        forget: list[str] = []
        while sum(self.held.values()) > self._limit and (oldest := next(iter(self.held))) not in wanted:
            del self.held[oldest]
            forget.append(oldest)
        return Keep(new, tuple(forget)) if new or forget else None
