"""The cascade understands: what is on a screen, what was said, when to call, and when nothing was said."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from pathlib import Path

import pytest
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from deskhand.app.virtual import speak
from deskhand.model.cascade.engine import NOTHING_HEARD, CascadeEngine
from deskhand.model.config import CascadeConfig, LocalConfig
from deskhand.model.errors import BundleError, PromptError
from deskhand.model.files.catalog import CATALOG
from deskhand.model.files.hub import fetch
from deskhand.model.sound import read_audio
from deskhand.model.types import (
    SAMPLE_RATE,
    Audio,
    CallDelta,
    Delta,
    Finish,
    Image,
    Message,
    Part,
    Progress,
    Request,
    Text,
    TextDelta,
    ToolCall,
    ToolSpec,
)

DATA = json.loads((Path(__file__).parents[2] / "data" / "decisions.json").read_text())
TOOLS = tuple(ToolSpec(**tool) for tool in DATA["tools"])


def text_config() -> LocalConfig:
    return LocalConfig(main=next(fetch(CATALOG["text-0.5b"]).glob("*.gguf")), context_length=4096)


@pytest.fixture(scope="module")
def engine() -> Generator[CascadeEngine]:
    made = CascadeEngine(CascadeConfig(text=text_config(), speech=fetch(CATALOG["speech-tiny"])))
    yield made
    made.close()


@pytest.fixture(scope="module")
def screen() -> Image:
    picture = Picture.new("RGB", (900, 400), "white")
    draw = ImageDraw.Draw(picture)
    for number, line in enumerate(("Backup Manager", "Error 0x51: volume Photos is full", "312 MB needed, 40 MB free")):
        draw.text((40, 40 + 60 * number), line, fill="black", font=ImageFont.load_default(22))
    return Image(picture.tobytes(), 900, 400)


def ask(engine: CascadeEngine, *parts: Part, tools: tuple[ToolSpec, ...] = TOOLS) -> list[Delta]:
    return list(engine.generate(request(*parts, tools=tools)))


def request(*parts: Part, tools: tuple[ToolSpec, ...] = TOOLS) -> Request:
    return Request((Message("system", (Text(DATA["system"]),)), Message("user", parts)), tools, max_tokens=60)


def said(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


def calls(deltas: list[Delta]) -> list[ToolCall]:
    return [delta.call for delta in deltas if isinstance(delta, CallDelta)]


def stages(deltas: list[Delta]) -> set[str]:
    return {delta.stage for delta in deltas if isinstance(delta, Progress)}


def test_a_question_about_the_screen_is_answered_from_it(engine: CascadeEngine, screen: Image) -> None:
    deltas = ask(engine, screen, Text("Which volume is full?"))
    assert "Photos" in said(deltas)
    assert not calls(deltas)
    assert "reading the screen" in stages(deltas)
    again = ask(engine, screen, Text("Which volume is full?"))
    assert "reading the screen" not in stages(again)
    last = again[-1]
    assert isinstance(last, Finish)
    assert last.usage.evaluated_tokens < 10  # all but the end is in the cache


def test_a_spoken_command_becomes_the_right_call(engine: CascadeEngine, tmp_path: Path) -> None:
    deltas = ask(engine, read_audio(speak("Set a timer for ten minutes.", tmp_path / "a.wav")))
    (call,) = calls(deltas)
    assert call.name == "clock_set_timer"
    assert call.arguments["minutes"] == 10
    assert "listening" in stages(deltas)


def test_a_greeting_and_a_sum_are_answered(engine: CascadeEngine) -> None:
    assert not calls(ask(engine, Text("Hello, how are you?")))
    deltas = ask(engine, Text("How much is 12 plus 30?"))
    assert "42" in said(deltas)
    assert not calls(deltas)


def test_a_result_is_told_in_words(engine: CascadeEngine) -> None:
    call = ToolCall("1", "clock_time")
    result = Message("tool", (Text('{"time": "14:25:10", "zone": "CET"}'),), call_id="1", name="clock_time")
    asked = request(Text("What time is it?"))
    deltas = list(
        engine.generate(
            Request((*asked.messages, Message("assistant", calls=(call,)), result), asked.tools, max_tokens=60)
        )
    )
    assert "14:25" in said(deltas)
    assert not calls(deltas)


def test_silence_alone_is_no_command(engine: CascadeEngine) -> None:
    deltas = ask(engine, Audio(bytes(4 * SAMPLE_RATE * 2)))
    assert said(deltas) == NOTHING_HEARD
    assert deltas[-1] == Finish("stop")
    assert calls(deltas) == []


def test_an_empty_picture_is_said_to_be_empty(engine: CascadeEngine) -> None:
    seen = Message("user", (Image(bytes([255]) * 30_000, 100, 100), Text("What is there?")))
    list(engine.generate(Request((seen,), max_tokens=1)))
    assert "no text was found" in engine._written(seen).text


def test_what_a_tool_shows_is_read_after_its_result(engine: CascadeEngine, screen: Image) -> None:
    list(engine.generate(Request((Message("user", (screen,)),), max_tokens=1)))
    shown = engine._written(Message("tool", (Text('{"screenshot": "follows"}'), screen), call_id="1"))
    assert shown.text.index("follows") < shown.text.index("volume Photos")
    assert "What is on this screen?" not in shown.text
    assert engine._written(Message("user", (screen,))).text.endswith("What is on this screen?")


def test_a_cancel_does_not_wait_for_ten_minutes_of_sound(engine: CascadeEngine) -> None:
    cancel = threading.Event()
    noise = bytes(range(1, 61)) * (600 * SAMPLE_RATE * 4 // 60)
    stream = engine.generate(request(Audio(noise)), cancel)
    first = next(stream)
    assert isinstance(first, Progress)
    cancel.set()
    assert [delta for delta in stream if not isinstance(delta, Progress)] == [Finish("cancelled")]
    assert "42" in said(ask(engine, Text("How much is 12 plus 30?")))


def test_missing_models_are_told(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="deskhand models get"):
        CascadeEngine(CascadeConfig(text=text_config(), speech=tmp_path))
    deaf = CascadeEngine(CascadeConfig(text=text_config()))
    with pytest.raises(PromptError, match="can't hear"):
        list(deaf.generate(request(Audio(bytes(4)))))
    deaf.close()


def test_while_somebody_speaks_the_screen_is_read_and_the_recording_waits(
    engine: CascadeEngine, screen: Image, tmp_path: Path
) -> None:
    spoken = read_audio(speak("Which volume is full?", tmp_path / "a.wav"))
    other = Image(screen.pixels[::-1], screen.width, screen.height)
    seen: list[set[str]] = []
    for share in (0.3, 0.7):
        growing = Audio(spoken.samples[: int(len(spoken.samples) // 4 * share) * 4], growing=True)
        begun = Request(request(other, growing).messages, TOOLS, max_tokens=0, unfinished=True)
        deltas = list(engine.generate(begun))
        assert said(deltas) == ""
        seen.append(stages(deltas))
    assert "reading the screen" in seen[0]
    assert "reading the screen" not in seen[1]
    assert "listening" not in seen[0] | seen[1]
    # A file that was attached is no growing recording: it is heard while the person types.
    attached = Request(request(other, spoken).messages, TOOLS, max_tokens=0, unfinished=True)
    assert stages(list(engine.generate(attached))) >= {"listening"}
    last = ask(engine, other, spoken)
    assert not stages(last) & {"reading the screen", "listening"}
    assert isinstance(last[-1], Finish)
    assert last[-1].usage.reused_tokens > last[-1].usage.evaluated_tokens


def test_a_transcript_is_the_words_and_no_answer(engine: CascadeEngine, tmp_path: Path):
    spoken = read_audio(speak("What is the capital of France?", tmp_path / "said.wav"))
    asked = Request((Message("user", (spoken, Text("Write it down."))),), max_tokens=50, transcript=True)
    text = said(list(engine.generate(asked)))
    assert "what is the capital" in text.lower()
    assert "paris" not in text.lower()
