"""What a server returns, as a result: text, pictures, and notes for all else."""

import base64
import io
import struct
import urllib.parse
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp import types
from PIL import Image as Picture

from deskhand.agent.limits import Limits
from deskhand.agent.mcp import results
from deskhand.agent.mcp.results import MOST_IMAGES, result
from deskhand.model.types import Image


def png(width=4, height=3, colour="red", mode="RGB"):
    out = io.BytesIO()
    Picture.new(mode, (width, height), colour).save(out, "PNG")
    return out.getvalue()


def picture(raw, kind="image/png"):
    return types.ImageContent(type="image", data=base64.b64encode(raw).decode(), mime_type=kind)


def of(*content, **more):
    return result(types.CallToolResult(content=list(content), **more), Limits())


def test_a_picture_becomes_its_pixels():
    assert of(picture(png())).images == (Image(bytes((255, 0, 0)) * 12, 4, 3),)
    assert of(picture(png(colour=(0, 0, 0, 0), mode="RGBA"))).images == (Image(bytes((255,)) * 36, 4, 3),)


def test_a_picture_with_a_wrong_checksum_beside_its_pixels_is_read():
    raw = png()
    text = b"tEXtComment\0x"
    broken = raw[:33] + struct.pack(">I", len(text) - 4) + text + b"\0\0\0\0" + raw[33:]
    assert of(picture(broken)).images == of(picture(raw)).images


def test_a_picture_that_can_not_be_read_is_a_note():
    assert of(picture(b"no picture")).value == "[a picture, image/png, that can't be read]"
    assert of(types.ImageContent(type="image", data="%%%", mime_type="image/png")).value.endswith("can't be read]")
    assert of(picture(png()[:50])).value == "[a picture, image/png, that is damaged]"


def test_a_bomb_is_not_decoded():
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    found = of(picture(bomb + b"\0\0\0\0IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))))
    assert found.images == ()
    assert found.value in {
        "[a picture of 60000×60000 pixels, left out: too large]",
        "[a picture, image/png, that can't be read]",
    }


def test_more_pictures_than_a_prompt_holds_are_left_out():
    found = of(*[picture(png(width=n + 1)) for n in range(6)])
    assert len(found.images) == MOST_IMAGES
    assert found.value.count("left out") == 2


def test_resources_and_sound_are_named():
    found = of(
        types.TextContent(type="text", text="words"),
        types.AudioContent(type="audio", data="AAAA", mime_type="audio/wav"),
        types.ResourceLink(type="resource_link", name="report", uri="file:///r.pdf"),
        types.EmbeddedResource(type="resource", resource=types.TextResourceContents(uri="a:b", text="inner")),
        types.EmbeddedResource(
            type="resource", resource=types.BlobResourceContents(uri="a:c", blob="AAAA", mime_type="application/pdf")
        ),
        types.EmbeddedResource(
            type="resource",
            resource=types.BlobResourceContents(
                uri="a:d", blob=base64.b64encode(png()).decode(), mime_type="image/png"
            ),
        ),
    )
    assert found.value.splitlines() == [
        "words",
        "[sound, audio/wav: not passed on]",
        "[a resource: report, file:///r.pdf]",
        "[a:b]",
        "inner",
        "[a:c, application/pdf: not passed on]",
    ]
    assert len(found.images) == 1


def test_nothing_and_structure_and_failure_are_words():
    assert of().value == "(nothing)"
    assert of(structured_content={"a": 1}).value == '{"a": 1}'
    assert of(is_error=True).error == "The server says that it failed, and not why."
    failed = of(types.TextContent(type="text", text="x" * 5000), is_error=True)
    assert failed.error.startswith("xxx")
    assert len(failed.error) < 2100


PLAIN = base64.b64encode(png(width=40, height=30, colour="blue")).decode()


@pytest.mark.parametrize(
    "data",
    [
        f"data:image/png;base64,{PLAIN}",
        f"DATA:image/png;charset=utf-8;base64,{PLAIN}",
        f"data:image/png;base64,{urllib.parse.quote(PLAIN)}",
        base64.encodebytes(png(width=40, height=30, colour="blue")).decode(),
        "\r\n".join(PLAIN[at : at + 76] for at in range(0, len(PLAIN), 76)),
        f"  {PLAIN}\n",
        PLAIN.rstrip("="),
        PLAIN.replace("+", "-").replace("/", "_"),
        PLAIN.replace("+", "-").replace("/", "_").rstrip("="),
        f"data:image/png,{urllib.parse.quote_from_bytes(png(width=40, height=30, colour='blue'))}",
    ],
)
@pytest.mark.parametrize("kind", ["image/png", "IMAGE/PNG", "image/*", "png"])
def test_a_picture_is_read_in_every_spelling_of_base64(data, kind):
    """Report E1."""
    found = of(types.ImageContent(type="image", data=data, mime_type=kind))
    assert [(image.width, image.height, image.pixels[:3]) for image in found.images] == [(40, 30, b"\0\0\xff")]
    if "/" in kind:
        inner = types.BlobResourceContents(uri="a:d", blob=data, mime_type=kind)
        assert of(types.EmbeddedResource(type="resource", resource=inner)).images == found.images


@given(st.binary(min_size=1, max_size=200), st.integers(1, 100), st.booleans(), st.booleans())
def test_no_byte_of_base64_is_lost(raw, width, safe, padded):
    text = (base64.urlsafe_b64encode if safe else base64.b64encode)(raw).decode()
    text = text if padded else text.rstrip("=")
    assert results._bytes("\n".join(text[at : at + width] for at in range(0, len(text), width))) == raw


def test_what_the_text_does_not_tell_of_a_structure_is_added():
    words = types.TextContent(type="text", text="3 projects found. Details are in the structured content.")
    found = of(words, structured_content={"projects": ["Aspen", "Birch"]})
    assert found.value.splitlines() == [words.text, '{"projects": ["Aspen", "Birch"]}']
    assert of(types.TextContent(type="text", text="42"), structured_content={"result": 42}).value == "42"
