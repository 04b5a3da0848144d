"""Ten turns with screenshots and sound, as each of three engines is given them."""

from __future__ import annotations

import base64
import io
import wave
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from PIL import Image as Picture
from PIL import ImageDraw

from deskhand.model.pixels import reference_size, resize
from deskhand.model.types import SAMPLE_RATE, Audio, Image, Message, Part, Text

TURNS = 10
ANSWER = 24
"""Tokens of each answer."""

BUDGET = 280
SYSTEM = "You are a careful assistant on a person's own computer. You see the screen and hear the microphone. " * 8
_QUESTIONS = (
    "What does the window in the middle say?",
    "Listen to this and tell me what I should do next, please.",
    "Write a note about it that I can read tomorrow.",
    "Now look at the screen again: has anything changed?",
    "I have said it once more, did you understand it?",
    "How long will it take, roughly?",
    "Here is the other application, compare it with the first.",
    "This is the sound that it makes.",
    "Summarise all this in two sentences.",
    "Thank you. Is there anything else to do?",
)


@dataclass(frozen=True)
class Turn:
    """What the person brings in one turn."""

    text: str
    image: Image | None = None
    audio: Audio | None = None

    @property
    def parts(self) -> tuple[Part, ...]:
        """As our engine takes them."""
        return tuple(part for part in (self.image, Text(self.text), self.audio) if part is not None)


@cache
def turns() -> tuple[Turn, ...]:
    """Screenshots of 1280×800 in turns 1, 4, 7 and 10, three seconds of sound in turns 2, 5 and 8."""
    return tuple(
        Turn(
            text,
            screenshot(number) if number % 3 == 0 else None,
            recording(number) if number % 3 == 1 and number < TURNS - 1 else None,
        )
        for number, text in enumerate(_QUESTIONS)
    )


def screenshot(seed: int, width: int = 1280, height: int = 800) -> Image:
    """A window with text on a background."""
    picture = Picture.new("RGB", (width, height), (40 + 30 * seed % 200, 60, 90))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((width // 8, height // 8, width * 7 // 8, height * 7 // 8), fill=(245, 245, 240))
    for line in range(height // 30):
        text = f"{seed}.{line} The disk is almost full: {300 + 7 * line + seed} MB are left on this volume."
        draw.text((width // 7, height // 7 + 20 * line), text, fill=(20, 20, 20))
    return Image(picture.tobytes(), width, height, BUDGET)


def recording(seed: int, seconds: float = 3.0) -> Audio:
    """A tone that changes, in noise."""
    moment = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    noise = np.random.default_rng(seed).normal(size=moment.size) * 0.02
    return Audio((0.3 * np.sin(2 * np.pi * (200 + 40 * seed + 30 * moment) * moment) + noise).astype("<f4").tobytes())


def messages(answers: list[str]) -> tuple[Message, ...]:
    """The conversation after so many answers, for our engine."""
    found = [Message("system", (Text(SYSTEM),))]
    for number, turn in enumerate(turns()[: len(answers) + 1]):
        found.append(Message("user", turn.parts))
        if number < len(answers):
            found.append(Message("assistant", (Text(answers[number]),)))
    return tuple(found)


def openai_messages(answers: list[str], *, sound: bool) -> list[dict[str, Any]]:
    """The same for a peer. Pictures have the reference's size already, so that every engine counts the same tokens."""
    found: list[dict[str, Any]] = [{"role": "system", "content": SYSTEM}]
    for number, turn in enumerate(turns()[: len(answers) + 1]):
        content: list[dict[str, Any]] = []
        if turn.image:
            content.append({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{png(turn.image)}"}})
        content.append({"type": "text", "text": turn.text})
        if turn.audio and sound:
            content.append({"type": "input_audio", "input_audio": {"data": wav(turn.audio), "format": "wav"}})
        found.append({"role": "user", "content": content})
        if number < len(answers):
            found.append({"role": "assistant", "content": answers[number]})
    return found


@cache
def png(image: Image) -> str:
    size = reference_size(image.width, image.height, image.budget)
    buffer = io.BytesIO()
    Picture.frombytes("RGB", size, resize(image).tobytes()).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


@cache
def wav(audio: Audio) -> str:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((np.frombuffer(audio.samples, "<f4") * 32767).astype("<i2").tobytes())
    return base64.b64encode(buffer.getvalue()).decode()
