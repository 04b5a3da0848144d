"""What is compared: conversations with pictures and sound, the same for the engine and the reference."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np

from deskhand.model.types import BUDGETS, Audio, Image, Message, Request, Text, ToolCall, ToolSpec

NEW_TOKENS = 24
"""Length of the greedy continuations."""

KEPT_STEPS = (0, 23)
"""Steps of a continuation whose logits are kept whole; of the others the best token is."""

DRAFTED = 4
"""Tokens that the drafter proposes after each prompt."""

MEDIA_ROWS = 8
"""Embeddings kept of one picture or clip."""


def media_step(tokens: int) -> int:
    """Of a medium of ``tokens`` embeddings every so-manieth is kept, the first included."""
    return -(-tokens // MEDIA_ROWS)


@dataclass(frozen=True, slots=True)
class Case:
    """One prompt.

    Attributes:
        name: of its arrays.
        request: the conversation.
        warm: how many of its messages make the turn before, which the engine has answered already.
    """

    name: str
    request: Request
    warm: int = 0


def varied(request: Request, variant: int) -> Request:
    """A request with its last question put a little differently; variant 0 as it is."""
    if not variant:
        return request
    last = max(i for i, message in enumerate(request.messages) if message.role == "user")
    message = request.messages[last]
    asked = replace(message, parts=(*message.parts, Text(f"Take {variant}.")))
    return replace(request, messages=(*request.messages[:last], asked, *request.messages[last + 1 :]))


def picture(width: int, height: int, budget: int, seed: int) -> Image:
    """Coarse and fine blocks of colour: something is left of it at every size."""
    rng = np.random.default_rng([seed, width, height])
    rows, columns = np.arange(height)[:, None], np.arange(width)[None, :]
    coarse, fine = (
        rng.integers(0, limit, (-(-height // size), -(-width // size), 3))[rows // size, columns // size]
        for size, limit in ((37, 180), (5, 76))
    )
    return Image((coarse + fine).astype(np.uint8).tobytes(), width, height, budget)


def clip(samples: int, seed: int) -> Audio:
    """Noise that grows louder, in steps that float32 holds exactly."""
    noise = np.random.default_rng(seed).integers(-(1 << 15), 1 << 15, samples) / (1 << 16)
    loudness = 2.0 ** (np.arange(samples) * 6 // max(samples, 1) - 5)
    return Audio((noise * loudness).astype("<f4").tobytes())


def words(count: int, seed: int) -> str:
    """Plain prose of ``count`` words."""
    known = re.findall(r"\w+", "the window shows an error and a list of open files while music plays in the next room")
    return " ".join(known[i] for i in np.random.default_rng(seed).integers(0, len(known), count))


def user(*parts: Text | Image | Audio) -> Message:
    """What the person says."""
    return Message("user", parts)


_SIZES = ((640, 360), (1280, 800), (333, 777), (1920, 1080), (801, 600))
"""Of the picture at each budget: enlarged, shrunk, upright, a screen, odd."""

_NOTES = ToolSpec(
    "notes_append",
    "Writes a note. It is kept.",
    {"type": "object", "properties": {"text": {"type": "string"}, "times": {"type": "integer"}}, "required": ["text"]},
)

_LOOK = user(picture(500, 300, 140, 7), Text("What is on the screen?"))
_SEEN = Message("assistant", (Text("An error message in a window."),))

CASES: tuple[Case, ...] = (
    Case("text", Request((Message("system", (Text("Answer briefly."),)), user(Text("What time is it now?"))))),
    Case("long", Request((user(Text(words(700, 11))),))),
    *(
        Case(f"image-{budget}", Request((user(picture(*size, budget, budget), Text("Read it to me, please.")),)))
        for budget, size in zip(BUDGETS, _SIZES, strict=True)
    ),
    Case("sliver", Request((user(picture(900, 9, 70, 3), Text("What is this?")),))),
    Case("pictures", Request((user(picture(300, 300, 70, 5), picture(90, 400, 70, 6), Text("Compare them.")),))),
    Case("sound", Request((user(Text("Transcribe it."), clip(20_000, 21)),))),
    Case("mixed", Request((user(picture(1024, 768, 280, 8), Text("Do what I say."), clip(32_001, 22)),))),
    Case(
        "tools",
        Request(
            (
                user(Text("Write a note that says buy milk."), clip(9_000, 23)),
                Message("assistant", calls=(ToolCall("1", "notes_append", {"text": "buy milk", "times": 2}),)),
                Message("tool", (Text('{"ok": true}'),), call_id="1", name="notes_append"),
            ),
            tools=(_NOTES,),
        ),
    ),
    Case("thinking", Request((user(Text("Look at the settings.\n\nThen:\n\n\n1. close it")),), thinking=True)),
    Case("second-turn", Request((_LOOK, _SEEN, user(Text("And what did I say?"), clip(12_800, 24)))), warm=1),
    Case(
        "second-turn-long",
        Request((user(Text(words(700, 12))), _SEEN, user(picture(400, 200, 70, 9), Text("And now?")))),
        warm=1,
    ),
)
