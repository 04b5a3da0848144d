"""Loops are seen wherever they begin and however they are cut, and what only looks alike is not."""

from __future__ import annotations

import random

import pytest

from deskhand.model.language.repetition import LEAST, LONGEST, TIMES, Repetition

STORY = " ".join(f"On day {n} the ship came {n * 7 % 11} miles nearer to the ice." for n in range(400))
BLOCK = "call:write:\nBEGIN_ARG:\nparser.py\nEND_ARG\nBEGIN_ARG:\nimport re\n\nclass Parser:\n    pass\nEND_ARG\n"


def first(text: str, size: int) -> int | None:
    """After how many characters a loop is seen."""
    watch = Repetition()
    for at in range(0, len(text), size):
        if watch.feed(text[at : at + size]):
            return at + size
    return None


@pytest.mark.parametrize("size", [1, 3, 7, 100])
@pytest.mark.parametrize("before", ["", "Here it is.\n", STORY[:777]])
@pytest.mark.parametrize(
    "passage",
    ["I will do it now. ", "a", "\n", BLOCK, "é日本🦀 ", "".join(map(chr, range(1000, 1000 + LONGEST - 100)))],
)
def test_a_passage_that_is_said_over_and_over_is_seen_soon(passage: str, before: str, size: int) -> None:
    seen = first(before + passage * 12_000, size)
    assert seen is not None
    looped = max(TIMES * len(passage), LEAST)
    assert len(before) + looped - len(passage) <= seen <= len(before) + looped + len(passage) + 64 + size + 48


@pytest.mark.parametrize("size", [1, 7, 100])
def test_text_that_goes_on_is_no_loop(size: int) -> None:
    dice = random.Random(1)
    code = "\n".join(f"    x[{n}] = {dice.randint(0, 9)}" for n in range(2000))
    table = "| a | b |\n|---|---|\n" + "\n".join(f"| {n} | {n % 3} |" for n in range(1000))
    said_often = "".join(f"{n}. Yes, and yes, and yes, and yes.\n" for n in range(300))
    for text in (STORY, code, table, said_often, "-" * 900, "0, " * 300, BLOCK * 4, STORY[:1000] * 3):
        assert first(text, size) is None
