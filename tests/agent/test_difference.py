import numpy as np
import pytest
from PIL import Image as Picture
from PIL import ImageDraw

from deskhand.agent.difference import differs
from deskhand.agent.percept import ScreenPercept
from deskhand.model.types import Image


def screen(draw=lambda _pen: None, size=(640, 400), **where):
    picture = Picture.new("RGB", size, "white")
    pen = ImageDraw.Draw(picture)
    pen.text((40, 40), "make: *** building", fill="black", font_size=16)
    pen.text((580, 10), "12:41", fill="black", font_size=14)
    draw(pen)
    return ScreenPercept(Image(picture.tobytes(), *size, 70), **where)


def clock(pen):
    pen.rectangle((575, 5, 635, 30), fill="white")
    pen.text((580, 10), "12:42", fill="black", font_size=14)


@pytest.mark.parametrize(
    ("draw", "different"),
    [
        (lambda pen: None, False),
        (lambda pen: pen.rectangle((200, 40, 201, 58), fill="black"), False),  # a text cursor
        (clock, False),
        (lambda pen: pen.text((40, 80), "Build finished", fill="black", font_size=16), True),
        (lambda pen: pen.rectangle((300, 100, 600, 300), fill="lightgrey"), True),
    ],
    ids=["nothing", "cursor", "clock", "words", "window"],
)
def test_words_and_windows_are_a_change_and_a_cursor_and_a_clock_are_none(draw, different):
    assert differs(screen(), screen(draw)) is different


def test_noise_of_the_last_bits_is_no_change():
    before = screen()
    noisy = np.frombuffer(before.image.pixels, np.uint8).astype(int)
    noisy = np.clip(noisy + np.random.default_rng(0).integers(-8, 9, noisy.shape), 0, 255).astype(np.uint8)
    assert not differs(before, ScreenPercept(Image(noisy.tobytes(), 640, 400, 70)))


def test_another_size_or_place_is_a_change():
    assert differs(screen(), screen(size=(641, 400)))
    assert differs(screen(), screen(left=640))
