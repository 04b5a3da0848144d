"""Damaged copies of a GGUF file: cut short, bits flipped, and the fields of its header overwritten."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deskhand.model.files.header import read_header

ODD = (
    0,
    1,
    2,
    3,
    7,
    255,
    65_535,
    1 << 20,
    (1 << 31) - 1,
    1 << 31,
    (1 << 32) - 1,
    1 << 40,
    (1 << 63) - 1,
    (1 << 64) - 1,
)
"""Numbers that lie at some border."""


@dataclass(frozen=True)
class Original:
    """A whole file and where its header's fields lie.

    Attributes:
        data: of the file.
        keys: where each key's text ends: its type follows, then its value.
        tensors: where each tensor's name ends: dimensions, shape, type and offset follow.
        header: bytes of header.
    """

    data: bytes
    keys: tuple[int, ...]
    tensors: tuple[int, ...]
    header: int


def original(path: Path) -> Original:
    """Find the fields of a good file."""
    header, data = read_header(path), path.read_bytes()
    return Original(
        data,
        tuple(_end(data, key) for key in header.metadata),
        tuple(_end(data, tensor.name) for tensor in header.tensors),
        header.data_offset,
    )


def _end(data: bytes, name: str) -> int:
    text = name.encode()
    return data.index(struct.pack("<Q", len(text)) + text) + 8 + len(text)


def mutations(whole: Original, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """``count`` damaged copies, each with the name of what was done; the same seed gives the same ones."""
    chance = random.Random(seed)
    for _ in range(count):
        kind = chance.choice(("cut", "bits", "number", "type", "length", "shape", "place", "words"))
        data = bytearray(whole.data)
        key, tensor = chance.choice(whole.keys), chance.choice(whole.tensors)
        match kind:
            case "cut":
                data = data[: chance.randrange(chance.choice((whole.header, len(data))))]
            case "bits":
                for _ in range(chance.randint(1, 8)):
                    data[chance.randrange(4, whole.header)] ^= 1 << chance.randrange(8)
            case "number":
                _write(data, key + 4, chance)
            case "type":
                _write(data, key, chance, small=True)
            case "length":
                _write(data, chance.choice((key, tensor)) - chance.randint(8, 24), chance)
            case "shape":
                _write(data, tensor + 4 + 8 * chance.randrange(3), chance)
            case "place":
                _write(data, tensor + chance.choice((0, 12, 20, 28)), chance, small=chance.random() < 0.5)
            case _:
                at = chance.randrange(4, whole.header - 16)
                data[at : at + 16] = chance.randbytes(16)
        yield kind, bytes(data)


def _write(data: bytearray, at: int, chance: random.Random, *, small: bool = False) -> None:
    number = chance.randrange(40) if small else chance.choice((*ODD, chance.randrange(1 << 16)))
    size = chance.choice((1, 4, 8))
    data[at : at + size] = (number & ((1 << 8 * size) - 1)).to_bytes(size, "little")
