"""What is said in a recording, written down by the engine that also answers."""

from __future__ import annotations

import threading

from deskhand.model.engine import Engine
from deskhand.model.types import Audio, Message, Request, Sampling, Text, TextDelta

WRITE_DOWN = "Write down exactly what is said in the recording, in its language, and nothing else."
CANNOT_HEAR = (
    "The model that is loaded can't hear, so it can't write down what is said. Load a bundle with sound, or fetch the "
    "small models: deskhand models get cascade"
)
TOKENS_A_SECOND = 8
"""The most that is written for a second of speech: fast speakers say four words a second."""


class DeafError(Exception):
    """The engine can't hear; the message is `CANNOT_HEAR`."""


class Hearing:
    """Writes down what is said.

    Args:
        engine: that hears, or does not.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def check(self) -> None:
        """Raise DeafError where the engine does not hear."""
        if not self._engine.info.hears:
            raise DeafError(CANNOT_HEAR)

    def transcribe(self, audio: Audio, cancel: threading.Event) -> str:
        """What is said in ``audio``; empty if nobody speaks, or what there is of it when ``cancel`` is set.

        Raises:
            ModelError: the engine failed.
        """
        request = Request(
            (Message("user", (audio, Text(WRITE_DOWN))),),
            sampling=Sampling(temperature=0),
            max_tokens=32 + round(audio.seconds * TOKENS_A_SECOND),
            end_loops=True,
            transcript=True,
        )
        said = (delta.text for delta in self._engine.generate(request, cancel) if isinstance(delta, TextDelta))
        return "".join(said).strip()
