"""Damaged copies of bytes, the same in every run: what a fuzz test gives an edge of the program."""

from __future__ import annotations

import random
from collections.abc import Iterator

CASES = 150
"""A sample: enough to meet every exception that a thousand met when the tests were written."""


def damaged(good: bytes, seed: int = 0, cases: int = CASES) -> Iterator[bytes]:
    """Copies with bits turned, pieces cut out, doubled or overwritten, and cut off; the last is empty."""
    dice = random.Random(seed)
    for _ in range(cases):
        data = bytearray(good)
        for _ in range(dice.choice((1, 1, 2, 8))):
            _spoil(data, dice)
        yield bytes(data)
    yield b""


def _spoil(data: bytearray, dice: random.Random) -> None:
    at = dice.randrange(len(data)) if data else 0
    match dice.randrange(6):
        case 0 if data:
            data[at] ^= 1 << dice.randrange(8)
        case 1 if data:
            data[at] = dice.choice((0, 1, 0x7F, 0x80, 0xFF))
        case 2:
            del data[at : at + dice.choice((1, 2, 40))]
        case 3:
            data[at:at] = data[at : at + 40]
        case 4:
            data[at : at + 4] = dice.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", dice.randbytes(4)))
        case _:
            del data[at:]
