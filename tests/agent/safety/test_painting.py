"""Secrets in pictures: painted over, refused where that can't be done, and done once."""

import threading

import numpy as np
import pytest
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from deskhand.agent.safety.painting import Painter, UncheckedError
from deskhand.model.cascade.ocr import Reader
from deskhand.model.types import Image


def written(*lines, size=18):
    picture = Picture.new("RGB", (640, 40 + 40 * len(lines)), "white")
    draw = ImageDraw.Draw(picture)
    font = ImageFont.truetype("DejaVuSans.ttf", size)
    for row, text in enumerate(lines):
        draw.text((20, 20 + 40 * row), text, "black", font)
    return Image(picture.tobytes(), *picture.size)


def ink(image, row):
    """Dark pixels of a row of `written`."""
    pixels = np.frombuffer(image.pixels, np.uint8).reshape(image.height, image.width, 3)
    return int((pixels[20 + 40 * row : 44 + 40 * row].max(axis=2) < 40).sum())


@pytest.fixture(scope="module")
def reader():
    return Reader()


class Broken(Reader):
    def lines(self, image, *args, **more):
        raise ModuleNotFoundError("No module named 'rapidocr'")


def test_a_secret_is_painted_over_and_the_rest_stays(reader):
    image = written("Password: Sommer2024!xy", "Nothing of this is secret")
    painter = Painter("pixels", reader)
    made = painter.painted(image)
    assert made.count == 1
    again = reader.read(made.image)
    assert "Sommer" not in again
    assert "Password" in again
    assert "Nothing of this is secret" in again
    assert ink(made.image, 1) == ink(image, 1)


def test_bullets_are_painted_over(reader):
    image = written("Old PIN or password", "●●●●●●●●●●")
    made = Painter("pixels", reader).painted(image)
    assert made.count == 1
    assert ink(made.image, 1) == 0


def test_what_holds_no_secret_stays_the_same_picture(reader):
    image = written("Nothing of this is secret")
    assert Painter("pixels", reader).painted(image).image is image


@pytest.mark.parametrize("mode", ["off", "log"])
def test_nothing_is_read_unless_the_person_chose_it(mode):
    image = written("Password: Sommer2024!xy")
    assert Painter(mode, Broken()).painted(image).image is image


def test_a_picture_that_can_not_be_read_is_refused():
    with pytest.raises(UncheckedError, match=r"rapidocr.*not used.*redaction"):
        Painter("pixels", Broken()).painted(written("Password: Sommer2024!xy"))


def test_stop_refuses_it(reader):
    stop = threading.Event()
    told = []

    def progress(done, total):
        told.append((done, total))
        stop.set()

    with pytest.raises(UncheckedError, match="stopped"):
        Painter("pixels", reader).painted(written(*(f"line {n} of text" for n in range(8))), stop, progress)
    assert told == [(0, 8)]


def test_it_is_done_once_and_what_was_painted_passes():
    read = []

    class Counting(Reader):
        def lines(self, image, *args, **more):
            read.append(image.digest)
            return super().lines(image, *args, **more)

    image = written("Password: Sommer2024!xy")
    painter = Painter("pixels", Counting())
    made = painter.painted(image)
    assert painter.painted(image) is made
    assert painter.painted(made.image).image is made.image
    assert read == [image.digest]


def test_only_the_picture_that_the_person_allowed_passes_as_it_is(reader):
    one, other = written("Password: Sommer2024!xy"), written("Password: Winter2025!xy")
    painter = Painter("pixels", reader)
    painter.allow(one)
    assert painter.painted(one).image is one
    assert painter.painted(other).count == 1
    painter.forbid(one)
    assert painter.painted(one).count == 1
