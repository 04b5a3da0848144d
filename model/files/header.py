"""Reading the header of a GGUF file without llama.cpp: what a file is, before anything native touches it.

llama.cpp aborts its process on some damaged files, so every file is looked at here first. Layout: the GGUF
specification (ggml `docs/gguf.md`): magic, version, counts, key-value pairs, tensor infos, padding, data.
"""

from __future__ import annotations

import math
import mmap
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

from deskhand.model.errors import BundleError

MAX_KEYS = 65_536
MAX_TENSORS = 262_144
MAX_NAME = 65_535
"""Limits on what a header may claim; the 12B has 48 keys and 667 tensors, the longest key is some 60 bytes."""

MAX_SHORT = 4096
"""Arrays up to this length are decoded; of longer ones (a vocabulary) only kind and length are kept."""

_SCALARS: Final = {
    0: struct.Struct("<B"),
    1: struct.Struct("<b"),
    2: struct.Struct("<H"),
    3: struct.Struct("<h"),
    4: struct.Struct("<I"),
    5: struct.Struct("<i"),
    6: struct.Struct("<f"),
    7: struct.Struct("<?"),
    10: struct.Struct("<Q"),
    11: struct.Struct("<q"),
    12: struct.Struct("<d"),
}
_STRING, _ARRAY = 8, 9
_LENGTH = _SCALARS[10]
_KINDS = frozenset(kind.value for kind in GGMLQuantizationType)

_FOREIGN: tuple[tuple[Callable[[bytes], bool], str], ...] = (
    (lambda head: head.startswith(b"PK\x03\x04"), "a zip archive or a PyTorch checkpoint"),
    (lambda head: head.startswith(b"version https://git-lfs"), "a Git LFS pointer: the real file was not downloaded"),
    (lambda head: head.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")), "a web page"),
    (lambda head: head[8:9] == b"{", "a safetensors file"),
    (lambda head: head.startswith((b"tjgg", b"fmgg", b"lmgg", b"algg")), "a model in an older format of llama.cpp"),
    (lambda head: head.startswith(b"\x1f\x8b"), "a gzip archive"),
    (lambda head: head.startswith((b"\x89PNG", b"\xff\xd8\xff")), "a picture"),
    (lambda head: head.lstrip().startswith((b"{", b"[")), "a JSON file"),
)


@dataclass(frozen=True, slots=True)
class LongArray:
    """An array that was passed over.

    Attributes:
        kind: GGUF type of its elements.
        count: how many.
    """

    kind: int
    count: int


Value = bool | int | float | str | tuple["bool | int | float | str", ...] | LongArray


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor's place.

    Attributes:
        name: as in the file.
        shape: fastest first, as ggml has it.
        kind: ggml type number.
        offset: of its data in the file, bytes.
        size: bytes; 0 if the type is newer than this program.
    """

    name: str
    shape: tuple[int, ...]
    kind: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Header:
    """What a GGUF file says of itself.

    Attributes:
        path: the file.
        version: 2 or 3.
        metadata: values by key; long arrays as `LongArray`.
        tensors: in file order.
        data_offset: where tensor data begins, bytes.
        size: of the file, bytes.
    """

    path: Path
    version: int
    metadata: Mapping[str, Value] = field(repr=False)
    tensors: tuple[Tensor, ...] = field(repr=False)
    data_offset: int
    size: int

    @property
    def architecture(self) -> str:
        """``general.architecture``, empty if it is missing."""
        return self.text("general.architecture")

    @property
    def parameters(self) -> int:
        """Elements of all tensors."""
        return sum(math.prod(tensor.shape) for tensor in self.tensors)

    def text(self, key: str) -> str:
        """A string, empty if the key is missing or holds something else."""
        value = self.metadata.get(key)
        return value if isinstance(value, str) else ""

    def number(self, key: str) -> int:
        """A whole number, 0 if the key is missing or holds something else."""
        value = self.metadata.get(key)
        return value if isinstance(value, int) else 0

    def count(self, key: str) -> int:
        """Length of an array, 0 if the key is missing or holds something else."""
        value = self.metadata.get(key)
        if isinstance(value, LongArray):
            return value.count
        return len(value) if isinstance(value, tuple) else 0


def read_header(path: Path) -> Header:
    """Read and check a header: a file that passes is whole, as far as lengths can tell.

    Raises:
        BundleError: the file can't be read, is no GGUF, is damaged or cut short; one sentence for the person.
    """
    try:
        stat = path.stat()
        return _read(path, stat.st_size, stat.st_mtime_ns)
    except OSError as error:
        raise BundleError(f"The model file {path} can't be read: {error.strerror or error}.") from error


def part_paths(path: Path) -> tuple[Path, ...]:
    """The files of a model whose first part, or only file, is ``path``.

    llama.cpp finds the parts of a split file by the name of the first (``llama_split_path``, src/llama.cpp).

    Raises:
        BundleError: a part is missing, or the name does not tell what the parts are called.
    """
    count = read_header(path).number("split.count")
    if count <= 1:
        return (path,)
    stem = path.name.removesuffix(f"-00001-of-{count:05}.gguf")
    if stem == path.name:
        raise BundleError(f"{path} is the first of {count} parts: rename it to end in -00001-of-{count:05}.gguf.")
    parts = tuple(path.with_name(f"{stem}-{number:05}-of-{count:05}.gguf") for number in range(1, count + 1))
    for number, part in enumerate(parts, 1):
        if not part.is_file():
            raise BundleError(f"Part {number} of {count} of {path.name} is missing: put {part.name} beside it.")
        if read_header(part).number("split.no") != number - 1:
            raise BundleError(f"{part} is not part {number} of {count} of its model: download it again.")
    return parts


def read_model(path: Path) -> Header:
    """Read the header of a model of one or several files.

    Returns:
        What the first part says, with the tensors and bytes of all parts; their offsets are each in its own file.

    Raises:
        BundleError: a part is missing or damaged, or the parts do not make a whole.
    """
    first, *others = (read_header(part) for part in part_paths(path))
    if not others:
        return first
    tensors = tuple(tensor for header in (first, *others) for tensor in header.tensors)
    wanted = first.number("split.tensors.count")
    if wanted not in {0, len(tensors)} or len({tensor.name for tensor in tensors}) != len(tensors):
        raise BundleError(f"The parts of {path.name} do not make one model: download all of them again.")
    return replace(first, tensors=tensors, size=first.size + sum(header.size for header in others))


@lru_cache(maxsize=64)
def _read(path: Path, size: int, changed: int) -> Header:  # noqa: ARG001 - the time of change is part of the cache's key
    if not path.is_file():
        raise BundleError(f"{path} is not a file: name a GGUF file, or a folder that holds some.")
    with path.open("rb") as file:
        head = file.read(64)
        _refuse_foreign(path, head)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Cursor(path, data).header()


def _refuse_foreign(path: Path, head: bytes) -> None:
    if head[:4] == b"GGUF":
        return
    if not head:
        raise BundleError(f"The model file {path} is empty: download it again.")
    for matches, what in _FOREIGN:
        if matches(head):
            raise BundleError(f"{path} is {what}, not a GGUF file: get the model in GGUF format.")
    raise BundleError(f"{path} is not a GGUF file: get the model in GGUF format.")


class _Cursor:
    """A position in a file that never leaves it."""

    def __init__(self, path: Path, data: mmap.mmap) -> None:
        self.path, self.data, self.at, self.end = path, data, 4, len(data)

    def header(self) -> Header:
        version = self.scalar(4)
        if isinstance(version, int) and version & 0xFFFF == 0:
            raise BundleError(f"{self.path} is a big-endian GGUF: get the little-endian one.")
        if version not in (2, 3):
            raise BundleError(f"{self.path} is GGUF version {version}; versions 2 and 3 can be read. Get a newer file.")
        tensors, keys = self.length(MAX_TENSORS, "tensors"), self.length(MAX_KEYS, "keys")
        metadata: dict[str, Value] = {}
        for _ in range(keys):
            key = self.text(MAX_NAME)
            if key in metadata:
                raise self.damaged(f"the key {key[:60]!r} stands there twice")
            metadata[key] = self.value(int(self.scalar(4)))
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or not 8 <= alignment <= 1 << 20 or alignment % 8:
            raise self.damaged("its alignment makes no sense")
        infos = [self.info() for _ in range(tensors)]
        begin = -(-self.at // alignment) * alignment
        placed = tuple(self.place(info, begin, alignment) for info in infos)
        if len({tensor.name for tensor in placed}) != len(placed):
            raise self.damaged("a tensor stands there twice")
        return Header(self.path, int(version), metadata, placed, begin, self.end)

    def damaged(self, why: str) -> BundleError:
        return BundleError(f"The model file {self.path} is damaged ({why}): download it again.")

    def take(self, count: int) -> int:
        """Move on by ``count`` bytes and give where they begin."""
        at = self.at
        if count > self.end - at:
            raise BundleError(f"The model file {self.path} is cut short inside its header: download it again.")
        self.at = at + count
        return at

    def scalar(self, kind: int) -> bool | int | float:
        form = _SCALARS[kind]
        return form.unpack_from(self.data, self.take(form.size))[0]

    def length(self, most: int, what: str) -> int:
        count = int(self.scalar(10))
        if count > most:
            raise self.damaged(f"it claims {count} {what}")
        return count

    def text(self, most: int) -> str:
        size = int(self.scalar(10))
        if size > min(most, self.end):
            raise self.damaged("a name or text in it is longer than it can be")
        at = self.take(size)
        return self.data[at : at + size].decode("utf-8", "replace")

    def value(self, kind: int) -> Value:
        if kind == _STRING:
            return self.text(self.end)
        if kind == _ARRAY:
            return self.array()
        if kind not in _SCALARS:
            raise self.damaged(f"it holds a value of the unknown type {kind}")
        return self.scalar(kind)

    def array(self) -> Value:
        kind, count = int(self.scalar(4)), int(self.scalar(10))
        if kind != _STRING and kind not in _SCALARS:
            raise self.damaged(f"it holds an array of the unknown type {kind}")
        smallest = 8 if kind == _STRING else _SCALARS[kind].size
        if count * smallest > self.end - self.at:
            raise self.damaged("an array in it is longer than the file")
        if count <= MAX_SHORT:
            if kind == _STRING:
                return tuple(self.text(self.end) for _ in range(count))
            return tuple(self.scalar(kind) for _ in range(count))
        if kind == _STRING:
            self.pass_over(count)
        else:
            self.take(count * smallest)
        return LongArray(kind, count)

    def pass_over(self, count: int) -> None:
        """Skip many strings: no object per string, a real vocabulary has 262,144 and half a million merges."""
        unpack, data, at, end = _LENGTH.unpack_from, self.data, self.at, self.end - 8
        for _ in range(count):
            if at > end:
                break
            at += 8 + unpack(data, at)[0]
        self.take(at - self.at)

    def info(self) -> tuple[str, tuple[int, ...], int, int]:
        name, dimensions = self.text(MAX_NAME), int(self.scalar(4))
        if dimensions > 4:
            raise self.damaged(f"the tensor {name[:60]!r} has {dimensions} dimensions")
        shape = tuple(int(self.scalar(10)) for _ in range(dimensions))
        return name, shape, int(self.scalar(4)), int(self.scalar(10))

    def place(self, info: tuple[str, tuple[int, ...], int, int], begin: int, alignment: int) -> Tensor:
        name, shape, kind, offset = info
        elements = math.prod(shape)
        if elements >= 1 << 60 or elements == 0 or offset % alignment:
            raise self.damaged(f"the tensor {name[:60]!r} has an impossible shape or place")
        size = 0
        if kind in _KINDS:
            block, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType(kind)]
            if shape[:1] and shape[0] % block:
                raise self.damaged(f"the tensor {name[:60]!r} does not fill its blocks")
            size = elements // block * block_bytes
        last = begin + offset + size
        if last > self.end:
            raise BundleError(
                f"The model file {self.path} is cut short: it has {self.end} bytes and should have {last} or more. "
                "Download it again."
            )
        return Tensor(name, shape, kind, begin + offset, size)
