"""Picture files of every kind, whole and broken."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image as Picture
from PIL import PngImagePlugin

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


def _tiff(values, *, photometric, orientation=1):
    """A TIFF of one strip of 16-bit or 32-bit integers without sign."""
    height, width = values.shape
    entries = [
        *((256, 3, width), (257, 3, height), (258, 3, values.itemsize * 8), (259, 3, 1), (262, 3, photometric)),
        *((273, 4, 8 + 2 + 12 * 11 + 4), (274, 3, orientation), (277, 3, 1), (278, 3, height), (279, 4, values.nbytes)),
        (339, 3, 1),
    ]
    directory = b"".join(struct.pack("<HHI", tag, kind, 1) + struct.pack("<I", value) for tag, kind, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + bytes(4) + values.tobytes()


@pytest.mark.parametrize("orientation", [1, 3])
@pytest.mark.parametrize(
    ("kind", "white", "photometric"), [("<u2", 65_535, 0), ("<u2", 65_535, 1), ("<u4", 2**32 - 1, 1)]
)
def test_deep_greys_stay_what_they_are_also_when_turned(tmp_path, orientation, kind, white, photometric):
    """Report 4: values above half, and the smallest that is white in a picture that lies on its head."""
    ramp = (np.linspace(0, 1, 64) * white).astype(kind)[None].repeat(4, 0)
    (tmp_path / "a.tif").write_bytes(_tiff(ramp, photometric=photometric, orientation=orientation))
    image = read_image(tmp_path / "a.tif")
    greys = np.frombuffer(image.pixels, np.uint8).reshape(4, 64, 3)[0, :, 0].astype(int)
    expected = np.rint(np.linspace(0, 255, 64))
    assert np.abs(greys - (expected if (orientation == 1) == (photometric == 1) else expected[::-1])).max() <= 1


@pytest.mark.parametrize("error", [SyntaxError, struct.error, IndexError, EOFError, zlib.error, OverflowError])
def test_whatever_the_decoder_raises_becomes_a_sentence(tmp_path, monkeypatch, error):
    Picture.new("RGB", (4, 4)).save(tmp_path / "a.png")

    def load(_):
        raise error("broken")

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", load)
    with pytest.raises(PictureError, match=r"a\.png is damaged or can't be read"):
        read_image(tmp_path / "a.png")
