"""What trainer and llama.cpp are compared on: the same weights, turns of every kind of media, and forced answers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from deskhand.model.pocket.spec import SMALLEST
from deskhand.model.pocket.world import windows
from deskhand.model.pocket.world.commands import click
from deskhand.model.types import Audio, Image, Message, Request, Text, ToolCall

SPEC = replace(SMALLEST, window=48)
"""A window that is shorter than a picture, so that what a patch no longer sees is compared too."""

SEED = 5

ROWS = 8
"""Logits that are compared of each turn: after its prompt, and after each of the answer's first seven tokens."""

DRAFTED = 3
"""Steps of the drafter that are compared, after the prompt and the answer's first token."""


@dataclass(frozen=True)
class Turn:
    """One comparison.

    Attributes:
        name: of its arrays.
        request: the prompt.
        answer: whose tokens are forced.
    """

    name: str
    request: Request
    answer: Message


def _picture(seed: int) -> Image:
    return windows.picture(windows.draw(np.random.default_rng(seed), shifted=True).render())


def _sound(samples: int, seed: int) -> Audio:
    wave = np.random.default_rng(seed).uniform(-0.5, 0.5, samples)
    return Audio(wave.astype("<f4").tobytes())


def _asked(*parts: Text | Image | Audio) -> Request:
    return Request((Message("user", parts),))


_CALL = Message("assistant", calls=(ToolCall("1", "clock_set_timer", {"minutes": 25, "label": "tea"}),))
_CLICK = Message("assistant", calls=(click(318, 742),))
_READ = Message("assistant", (Text("Disk full | OK"),))

TURNS = (
    Turn("text", _asked(Text("set a timer for 25 minutes")), _CALL),
    Turn("picture", _asked(_picture(1), Text("Read the window.")), _READ),
    Turn("sound", _asked(_sound(17_000, 2)), _CALL),
    Turn("both", _asked(_picture(3), _sound(30_001, 4)), _CLICK),
    Turn("odd picture", _asked(Image(bytes(range(256)) * 90, 96, 80, 70), Text("What is the title?")), _READ),
    Turn(
        "second step",
        Request((*_asked(_picture(6), _sound(9_000, 7)).messages, _CALL, Message("tool", (Text("{}"),), call_id="1"))),
        Message("assistant", (Text("Done. Yes."),)),
    ),
)
"""Text, pictures, sound and both; a picture of another size, which is resized; a turn that goes on after a tool."""
