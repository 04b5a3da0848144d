"""What was seen and heard: frozen percepts with where they came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from deskhand.model.types import Audio, Image


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class ScreenPercept:
    """A screenshot.

    Attributes:
        image: physical pixels.
        left: of the captured area on the virtual desktop, physical pixels.
        top: likewise.
        scale: physical pixels per logical pixel.
        source: how it was taken, for the person: "screen 1 (X11)".
        taken: when, in UTC.
        live: captured from this screen just now, not read from a file: then looking again tells nothing new.
    """

    image: Image
    left: int = 0
    top: int = 0
    scale: float = 1.0
    source: str = "screen"
    taken: datetime = field(default_factory=_now)
    live: bool = False


@dataclass(frozen=True)
class SoundPercept:
    """A recording.

    Attributes:
        audio: 16 kHz mono.
        source: the microphone's or file's name.
        taken: when it began, in UTC.
        own: the person's own voice command, spoken just now: as trusted as what they type.
    """

    audio: Audio
    source: str = "microphone"
    taken: datetime = field(default_factory=_now)
    own: bool = False


Percept = ScreenPercept | SoundPercept
