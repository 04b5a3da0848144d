"""Reading pictures: real text drawn with a real font, rows in reading order, sizes that must not break it."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from deskhand.model.cascade.ocr import LONGEST_SIDE, OVERLAP, SHORTER_SIDE, Reader, Word, reduced, rows, tiles
from deskhand.model.types import Image


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


def window(width: int, height: int, *lines: tuple[int, int, str], size: int = 20) -> Image:
    picture = Picture.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size)
    for left, top, text in lines:
        draw.text((left, top), text, fill="black", font=font)
    return Image(picture.tobytes(), width, height)


def test_text_is_read_in_rows(reader: Reader) -> None:
    image = window(
        800,
        300,
        (40, 30, "Backup failed"),
        (40, 90, "Volume Photos"),
        (500, 92, "312 MB needed"),
        (40, 150, "Retry now or later"),
    )
    assert reader.read(image).splitlines() == ["Backup failed", "Volume Photos | 312 MB needed", "Retry now or later"]


def test_light_text_on_dark_is_read(reader: Reader) -> None:
    picture = Picture.new("RGB", (600, 80), (30, 30, 40))
    ImageDraw.Draw(picture).text(
        (20, 20), "No such file or directory", fill=(220, 220, 220), font=ImageFont.load_default(22)
    )
    assert "No such file or directory" in reader.read(Image(picture.tobytes(), 600, 80))


@pytest.mark.parametrize("height", [1600, 8000, 15_000])
def test_every_line_of_a_scrolled_page_is_read_in_order(reader: Reader, height: int) -> None:
    """Report 6: nothing is lost in a page of any length."""
    step = (height - 60) // 60
    wanted = [f"Line {number} of the invoice list" for number in range(1, 61)]
    image = window(700, height, *((30, 30 + step * at, text) for at, text in enumerate(wanted)), size=20)
    assert reader.read(image).splitlines() == wanted


def test_a_line_that_lies_across_two_tiles_is_one(reader: Reader) -> None:
    text = "a sentence that is much longer than what two tiles share and has to be read as one piece of text"
    image = window(5000, 300, (2000, 100, text), (100, 100, "left"), (4700, 100, "right"), size=24)
    (row,) = reader.read(image).splitlines()
    assert row == f"left | {text} | right"


def test_rows_that_are_close_stay_rows_where_tiles_meet(reader: Reader) -> None:
    wanted = [f"Row number {number:03}" for number in range(1, 171)]
    image = window(420, 170 * 30 + 40, *((20, 20 + 30 * at, text) for at, text in enumerate(wanted)), size=20)
    assert reader.read(image).splitlines() == wanted


@settings(max_examples=200)
@given(st.integers(1, 200_000))
def test_tiles_cover_a_side_and_share_what_a_line_is_high(length: int) -> None:
    found = tiles(length)
    assert found[0][0] == 0
    assert found[-1][1] == length
    assert all(last - first <= LONGEST_SIDE + 1 for first, last in found)
    assert all(before[1] - after[0] >= OVERLAP - 1 for before, after in itertools.pairwise(found))


def test_what_was_shrunk_much_says_so(reader: Reader) -> None:
    """Report 6's kind: text that may be missing is not passed off as all of it."""
    image = window(4400, 4400, (1000, 1000, "BIG"), size=300)
    assert "Small text may be missing" not in reader.read(window(1400, 700, (100, 100, "BIG"), size=80))
    assert reader.read(Image(image.pixels * 2, 4400, 8800)).splitlines()[-1].startswith("[This picture was read at 33%")


@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 400), (400, 3), (640, 480)])
def test_pictures_without_text_give_none(reader: Reader, width: int, height: int) -> None:
    assert reader.read(Image(bytes([200]) * (width * height * 3), width, height)) == ""


def test_a_picture_of_200_megapixels_is_reduced_and_read(reader: Reader) -> None:
    pixels = np.full((10_000, 20_000, 3), 255, np.uint8)
    word = window(220, 60, (10, 10, "ENORMOUS"), size=36)
    small = np.frombuffer(word.pixels, np.uint8).reshape(60, 220, 3)
    big = small.repeat(20, axis=0).repeat(20, axis=1)
    pixels[3000 : 3000 + big.shape[0], 5000 : 5000 + big.shape[1]] = big
    image = Image(pixels.tobytes(), 20_000, 10_000)
    assert reduced(image).shape == (SHORTER_SIDE, 2 * SHORTER_SIDE, 3)
    assert reader.read(image).splitlines()[0] == "ENORMOUS"


def test_reducing_in_bands_is_reducing_at_once() -> None:
    random = np.random.default_rng(5)
    pixels = random.integers(0, 255, (3600, 6000, 3), np.uint8)
    made = reduced(Image(pixels.tobytes(), 6000, 3600))
    whole = np.asarray(Picture.fromarray(pixels).resize((LONGEST_SIDE, 1536), Picture.Resampling.BOX))
    assert made.shape == whole.shape
    assert np.abs(made.astype(int) - whole).max() <= 1
    same = reduced(Image(pixels[:600, :800].tobytes(), 800, 600))
    assert np.array_equal(same, pixels[:600, :800])


def test_a_row_is_what_stands_side_by_side() -> None:
    words = [
        Word("b", 60, 11, 90, 31),
        Word("far", 200, 9, 240, 29),
        Word("a", 10, 10, 50, 30),
        Word("below", 10, 34, 50, 54),
    ]
    assert rows(words) == ["a b | far", "below"]
    assert rows([]) == []


def test_reading_twice_gives_the_same(reader: Reader) -> None:
    image = window(500, 90, (20, 30, "Total 84.90 EUR"))
    assert reader.read(image) == reader.read(image)
    assert re.fullmatch(r"Total 84\.90 ?EUR", reader.read(image))
