"""Clips of people, for measuring only: Pocket was trained on no person's voice, so what it makes of one is reported.

They are the prompts of a telephone system (Debian's ``asterisk-core-sounds-en-wav``, one speaker, 8 kHz,
CC-BY-SA-3.0), which `make pocket` fetches and nothing ships. None of them is one of Pocket's commands.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from deskhand.model.pocket.world.samples import UNKNOWN, Sample
from deskhand.model.sound import read_audio, samples_of
from deskhand.model.types import SAMPLE_RATE, Message, Text

SHORTEST, LONGEST = 0.6, 5.0
"""Seconds of a clip that is taken: shorter ones are tones, and Pocket hears five seconds."""

_FAINTEST = 0.01
"""Mean square root of a clip that is taken; some are silence."""


def clips(folder: Path, count: int) -> list[Sample]:
    """At most ``count`` of the recordings below a folder, evenly over their names; right is to abstain."""
    found: list[Sample] = []
    for path in sorted(folder.rglob("*.wav")):
        sound = samples_of(read_audio(path))
        seconds = sound.size / SAMPLE_RATE
        if SHORTEST <= seconds <= LONGEST and float(np.sqrt(np.mean(sound**2))) >= _FAINTEST:
            found.append(Sample("unknown spoken", Message("assistant", (Text(UNKNOWN),)), sound=sound))
    return [found[index] for index in np.linspace(0, len(found) - 1, min(count, len(found))).round().astype(int)]
