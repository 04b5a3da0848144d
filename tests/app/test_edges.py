"""Fuzz of the edges: whatever comes in, only the edge's own error goes on. Damage is the same in every run."""

import importlib.util
import io
import json
import random
import sys
import wave
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st
from PIL import Image as Picture

from deskhand.agent.mcp.frames import Frames
from deskhand.agent.safety import addresses
from deskhand.app import settings, streams, terminal, visible
from deskhand.app.host import web
from deskhand.app.pictures import PictureError, read_image
from deskhand.model import sound
from deskhand.model.errors import PromptError
from tests.damage import damaged

ODD = st.text(st.characters(codec=None), max_size=60)
"""Any text, half characters among it."""
SOME = limits(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def picture(kind):
    pixels = random.Random(2).randbytes(40 * 30 * 3)
    stream = io.BytesIO()
    made = Picture.frombytes("RGB", (40, 30), pixels)
    exif = made.getexif()
    exif[0x0112] = 6
    made.save(stream, kind, **({"exif": exif} if kind in {"JPEG", "PNG", "WEBP", "TIFF"} else {}))
    return stream.getvalue()


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's about damaged EXIF, which is not read
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "ICO"])
def test_a_picture(tmp_path, kind):
    file = tmp_path / f"x.{kind.lower()}"
    refused = 0
    for data in damaged(picture(kind), zlib.crc32(kind.encode())):
        file.write_bytes(data)
        try:
            read_image(file)
        except PictureError:
            refused += 1
    assert refused


def recording(kind):
    tone = (np.sin(np.arange(4000) / 9) * 9000).astype("<i2")
    if kind == "wav":
        stream = io.BytesIO()
        with wave.open(stream, "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(np.repeat(tone, 2).tobytes())
        return stream.getvalue()
    import av

    stream = io.BytesIO()
    with av.open(stream, "w", format=kind) as out:
        track = out.add_stream({"flac": "flac", "ogg": "libopus", "mp3": "libmp3lame"}[kind], rate=48_000)
        frame = av.AudioFrame.from_ndarray(tone.reshape(1, -1), "s16", "mono")
        frame.sample_rate = 48_000
        resampler = av.AudioResampler(format=track.format, layout=track.layout, rate=48_000)
        for each in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(track.encode(each))
        out.mux(track.encode(None))
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3"])
def test_a_sound(tmp_path, kind):
    file = tmp_path / f"x.{kind}"
    refused = 0
    for data in damaged(recording(kind), zlib.crc32(kind.encode()), 80):
        file.write_bytes(data)
        try:
            sound.read_audio(file, limit_seconds=60)
        except PromptError:
            refused += 1
    assert refused


@pytest.mark.parametrize("name", ["x.png", "x.wav"])
def test_what_is_no_file(tmp_path, name):
    read, error = (read_image, PictureError) if name == "x.png" else (sound.read_audio, PromptError)
    for made in (tmp_path / name, tmp_path / "\udce9.x", Path("/dev/null"), tmp_path):
        with pytest.raises(error):
            read(made)


def test_settings(own_folders):
    file = own_folders / "config" / "deskhand" / "settings.toml"
    file.parent.mkdir(parents=True)
    good = b'mode = "ask"\nfolders = ["~/x", "/y"]\ncontext_length = 4096\nweb = true\ngpu_layers = "auto"\n'
    file.write_bytes(good)
    assert settings.load().context_length == 4096
    refused = 0
    for data in damaged(good, 8, 500):
        file.write_bytes(data)
        for use in (settings.load, lambda: settings.change(web=False)):
            try:
                use()
            except settings.SettingsFileError as error:
                refused += 1
                told = str(error)
                assert str(file) in told
    assert refused > 100
    wrong = ("1", "1.5", '""', '"x"', "[]", "{}", "true", "1979-05-27", '["~nobody-here"]', '"\\u0000"', "nan", "-1")
    for name in settings.Settings.model_fields:
        for value in wrong:
            file.write_text(f"{name} = {value}\n")
            try:
                made = settings.load()
            except settings.SettingsFileError:
                continue
            assert made


@pytest.fixture(scope="module")
def tools():
    folder = settings.BUNDLED_SKILLS / "web"
    sys.path.insert(0, str(folder))
    try:
        spec = importlib.util.spec_from_file_location("web_tools_of_the_test", folder / "tools.py")
        made = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(made)
    finally:
        sys.path.remove(str(folder))
    return made


PAGE = b"""<!doctype html><html><head><meta charset="utf-8"><title>Mill</title><base href="/x/"></head><body><main><h1>A
</h1><p>Words &amp; <a href="http://[::1/">more</a> &#x110000; &#55296;</p><table><tr><td>1</table><script>x</script>
<ul><li>one<li>two</ul><pre>  a\n b</pre><!-- c --></main></body></html>"""


def test_a_page(tools):
    for data in damaged(PAGE, 6, 400):
        text = tools._decoded(data, "")
        page = tools.readable.read(text, "https://example.org/y")
        json.dumps([page.title, page.text, page.links]).encode()


CHARSETS = ("rot13", "base64", "hex", "idna", "punycode", "undefined", "unicode_escape", "utf-7", "utf-16", "x\0y", "ü")


@pytest.mark.parametrize("charset", CHARSETS)
def test_a_page_of_any_charset(tools, charset):
    for data in (PAGE, b"\xff\xfe\x00", PAGE.replace(b"utf-8", charset.encode("ascii", "replace")), b""):
        assert isinstance(tools._decoded(data, charset), str)
        assert isinstance(tools._decoded(data, ""), str)


def test_the_rules_of_a_site():
    rules = (
        b"User-agent: *\nDisallow: /*?x=%C3%A9$\nAllow: /\nCrawl-delay: 1\nSitemap: https://x/y\nRequest-rate: 1/5s\n"
    )
    for data in damaged(rules, 7, 400):
        parsed = web.Protego.parse(data.decode("utf-8-sig", "replace"))
        assert parsed.can_fetch("https://example.org/a?x=é", "deskhand") in {True, False}


@SOME
@given(ODD)
def test_an_address(text):
    for each in (text, f"https://{text}", f"https://example.org/{text}", f"http://{text}.example:80/?{text}#{text}"):
        try:
            found = addresses.parse(each)
        except addresses.AddressError as error:
            told = str(error)
            assert told
            continue
        assert found.url.isascii()


@SOME
@given(st.lists(st.one_of(st.binary(max_size=80), ODD.map(lambda text: json.dumps({"jsonrpc": "2.0", "id": text,
       "method": text, "params": {text: text}}).encode("utf-8", "surrogatepass") + b"\n")), max_size=6))  # fmt: skip
def test_lines_of_a_server(pieces):
    made = Frames(lambda _number: True)
    found = [message for piece in pieces for message in made.feed(piece)]
    found += made.end()
    assert isinstance(found, list)


@SOME
@given(ODD)
def test_what_is_written_to_a_terminal(text):
    for made in (visible.shown(text), visible.line(text), visible.exact(text), visible.one_line(text)):
        assert isinstance(made.encode(), bytes)
    for encoding in ("ascii", "latin-1", "cp437", "utf-8", "utf-16"):
        for handler in ("deskhand.plain", "deskhand.json"):
            raw = json.dumps(text, ensure_ascii=False).encode(encoding, handler)
            if handler == "deskhand.json":
                assert json.loads(raw.decode(encoding)) == text
    assert json.loads(terminal.escaped(json.dumps(text, ensure_ascii=False))) == text


def test_streams_that_are_closed_are_opened_on_nothing(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), "ascii"))
    streams.repair()
    sys.stderr.write("“a” → b \ud800 ü\n")
    sys.stderr.flush()
    assert sys.stderr.buffer.getvalue() == b'"a" -> b \\ud800 \\u00fc\n'
