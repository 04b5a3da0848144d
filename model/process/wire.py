"""What the application and its engine's process say to each other: small frozen messages over one socket pair.

Both ends are ours, but an engine reads files of strangers: a message may name no class outside `_KNOWN`, so a worker
that was taken over can't make the application run anything. Pictures and recordings cross once: every later message
refers to them by their digest. Recordings do so in blocks, so that of a growing one only what is new crosses.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from collections import OrderedDict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from deskhand.model import errors, types

BLOCK_BYTES = 12_800
"""Of a recording: 200 ms, which is how often a growing one comes."""

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


@dataclass(frozen=True)
class Block:
    """A piece of a recording, `BLOCK_BYTES` long or its end."""

    samples: bytes

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the samples."""
        return hashlib.sha256(b"block " + self.samples).hexdigest()


Kept = types.Image | Block
"""What the worker keeps."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Hold these media, and let go of others, before the next `Generate`."""

    media: tuple[Kept, ...]
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


def _image(pixels: bytes | memoryview, width: int, height: int, budget: int) -> types.Image:
    return types.Image(bytes(pixels), width, height, budget)


def _audio(blocks: tuple[Block, ...], rest: bytes, growing: bool) -> types.Audio:
    return types.Audio(b"".join((*(block.samples for block in blocks), rest)), growing)


def blocks(audio: types.Audio) -> tuple[tuple[Block, ...], bytes]:
    """A recording in blocks, and what of a growing one fills none yet."""
    samples = audio.samples
    end = len(samples) // BLOCK_BYTES * BLOCK_BYTES if audio.growing else len(samples)
    return tuple(Block(samples[at : min(at + BLOCK_BYTES, end)]) for at in range(0, end, BLOCK_BYTES)), samples[end:]


_KNOWN: dict[tuple[str, str], Callable[..., object]] = {
    (part.__module__, part.__qualname__): part
    for part in (
        *(_image, _audio, Block, Configure, Keep, Generate, Cancel, Close, Loading, Ready, Deltas, Failed, Beat),
        *(types.Text, types.Image, types.Audio, types.ToolCall, types.Message, types.ToolSpec, types.Sampling),
        *(types.Request, types.Usage, types.TextDelta, types.ThoughtDelta, types.CallDelta, types.BrokenCall),
        *(types.Progress, types.Finish, types.EngineInfo, types.Trained),
    )
}


class _Pickler(pickle.Pickler):
    def __init__(
        self, file: io.BytesIO, held: Container[str], beside: Callable[[pickle.PickleBuffer], bool] | None
    ) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL, buffer_callback=beside)
        self._held = held

    def persistent_id(self, obj: object) -> str | None:
        return obj.digest if isinstance(obj, Kept) and obj.digest in self._held else None

    def reducer_override(self, obj: object) -> Any:  # noqa: ANN401 - pickle's own
        match obj:
            case types.Image(pixels, width, height, budget):
                return _image, (pickle.PickleBuffer(pixels), width, height, budget)
            case types.Audio():
                return _audio, (*blocks(obj), obj.growing)
            case _:
                return NotImplemented


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, held: Mapping[str, Kept], buffers: Iterable[memoryview]) -> None:
        super().__init__(file, buffers=buffers)
        self._held = held

    def persistent_load(self, pid: str) -> Kept:  # pyright: ignore[reportIncompatibleMethodOverride] - ours are digests
        return self._held[pid]

    def find_class(self, module_name: str, global_name: str, /) -> Any:  # noqa: ANN401 - pickle's own
        known = _KNOWN.get((module_name, global_name))
        if known is None:
            raise pickle.UnpicklingError(f"{module_name}.{global_name} has no business between engine and application")
        return known


_TEXT = {types.TextDelta: b"t", types.ThoughtDelta: b"h"}
_TEXT_OF = {tag[0]: kind for kind, tag in _TEXT.items()}
_HEAD = 9  # a tag, which no pickle begins with, and the number


def encode(
    message: Message,
    held: Container[str] = (),
    beside: Callable[[pickle.PickleBuffer], bool] | None = None,
) -> bytes:
    """Bytes of ``message``.

    One piece of text, which is what nearly every message is, crosses as it is: pickling it costs several times more.

    Args:
        message: to be sent.
        held: digests of media that the other side has; they are only named.
        beside: asked about the pixels of each picture; False if it sees to it that they cross some other way.
    """
    if isinstance(message, Deltas) and len(message.deltas) == 1:
        delta = message.deltas[0]
        if isinstance(delta, types.TextDelta | types.ThoughtDelta):
            return _TEXT[type(delta)] + message.number.to_bytes(_HEAD - 1) + delta.text.encode(errors="surrogatepass")
    file = io.BytesIO()
    _Pickler(file, held, beside).dump(message)
    return file.getvalue()


def decode(
    data: bytes | memoryview, held: Mapping[str, Kept] | None = None, buffers: Iterable[memoryview] = ()
) -> Message:
    """The message in ``data``.

    Args:
        data: of `encode`.
        held: what it may only name.
        buffers: pixels that crossed beside it, in order.

    Raises:
        pickle.UnpicklingError: it names a class that is not one of the messages' parts.
    """
    if kind := _TEXT_OF.get(data[0] if data else 0):
        text = bytes(data[_HEAD:]).decode(errors="surrogatepass")
        return Deltas(int.from_bytes(data[1:_HEAD]), (kind(text),))
    return _Unpickler(io.BytesIO(data), held or {}, buffers).load()


class Shelf:
    """The client's record of the media that the worker holds; it decides what crosses and what is let go."""

    def __init__(self, limit: int = MEDIA_BYTES) -> None:
        self._limit = limit
        self._bytes = 0
        self.held: OrderedDict[str, int] = OrderedDict()

    def plan(self, request: types.Request) -> Keep | None:
        """What must cross before ``request`` can: new media, and names of those to forget; None if nothing must.

        Media of the request itself are never forgotten, so a single request may exceed the limit.
        """
        wanted = {kept.digest: kept for message in request.messages for part in message.parts for kept in _kept(part)}
        new = tuple(kept for digest, kept in wanted.items() if digest not in self.held)
        for kept in new:
            self.held[kept.digest] = len(kept.pixels if isinstance(kept, types.Image) else kept.samples)
            self._bytes += self.held[kept.digest]
        for digest in wanted:
            self.held.move_to_end(digest)
        forget: list[str] = []
        while self._bytes > self._limit and (oldest := next(iter(self.held))) not in wanted:
            self._bytes -= self.held.pop(oldest)
            forget.append(oldest)
        return Keep(new, tuple(forget)) if new or forget else None


def _kept(part: types.Part) -> Iterator[Kept]:
    if isinstance(part, types.Image):
        yield part
    elif isinstance(part, types.Audio):
        yield from blocks(part)[0]
