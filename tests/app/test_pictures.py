"""Picture files of every kind, whole and broken."""

import numpy as np
import pytest
from PIL import Image as Picture

from deskhand.app.pictures import KEPT_PIXELS, PictureError, read_image


def test_reads_pixels_exactly_and_upright(tmp_path):
    picture = Picture.new("RGB", (3, 2))
    picture.putdata([(n, n + 1, n + 2) for n in range(6)])
    picture.save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png", 1120)
    assert (image.width, image.height, image.budget) == (3, 2, 1120)
    assert image.pixels == bytes(value for n in range(6) for value in (n, n + 1, n + 2))
    exif = Picture.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "turned.png", exif=exif)
    assert read_image(tmp_path / "turned.png").width == 2


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "I;16"])
def test_reads_every_mode(tmp_path, mode):
    suffix = "tiff" if mode == "CMYK" else "png"
    Picture.new(mode, (4, 3)).save(tmp_path / f"a.{suffix}")
    assert len(read_image(tmp_path / f"a.{suffix}").pixels) == 36


def test_transparency_lies_on_white(tmp_path):
    Picture.new("RGBA", (1, 1), (255, 0, 0, 0)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").pixels == b"\xff\xff\xff"


def test_one_pixel_and_a_very_long_strip(tmp_path):
    Picture.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    Picture.new("RGB", (1, 40_000)).save(tmp_path / "strip.png")
    assert read_image(tmp_path / "dot.png").width == 1
    assert read_image(tmp_path / "strip.png").height == 40_000


def test_a_huge_picture_is_reduced_and_a_monstrous_one_refused(tmp_path):
    Picture.new("L", (20_000, 10_000), 90).save(tmp_path / "huge.png", compress_level=1)
    image = read_image(tmp_path / "huge.png")
    assert image.width * image.height <= KEPT_PIXELS
    assert image.width / image.height == pytest.approx(2, rel=0.01)
    Picture.new("1", (40_000, 20_000)).save(tmp_path / "monster.png", compress_level=1)
    with pytest.raises(PictureError, match=r"more than 256 megapixels"):
        read_image(tmp_path / "monster.png")


def test_what_is_broken_becomes_a_sentence(tmp_path):
    Picture.effect_noise((200, 200), 80).save(tmp_path / "whole.png")
    whole = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "empty.png").touch()
    for name, words in (
        ("cut.png", "damaged"),
        ("text.png", "not a picture"),
        ("empty.png", "not a picture"),
        ("none.png", "no picture"),
    ):
        with pytest.raises(PictureError, match=words):
            read_image(tmp_path / name)


def test_a_huge_grey_picture_of_16_bits_is_reduced_and_keeps_its_greys(tmp_path):
    """Report 4, with report 6's size: it is scaled before it is reduced."""
    ramp = np.tile(np.linspace(0, 65535, 8000).astype(np.uint16), (6000, 1))
    Picture.fromarray(ramp).save(tmp_path / "scan.png", compress_level=1)
    image = read_image(tmp_path / "scan.png")
    pixels = np.frombuffer(image.pixels, np.uint8).reshape(image.height, image.width, 3)
    assert image.width * image.height <= KEPT_PIXELS
    assert [int(pixels[9, at, 0]) for at in (0, image.width // 2, image.width - 1)] == pytest.approx(
        [0, 128, 255], abs=1
    )
