"""The short sound with which a timer or a watch is noticed: two soft notes, made here."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from deskhand.app import portaudio

RATE = 48_000
_NOTES = ((659.26, 0.16), (880.0, 0.34))
"""Frequency in Hz (E5, A5) and length in seconds."""
_LOUDNESS = 0.2

_log = logging.getLogger(__name__)


def samples() -> NDArray[np.float32]:
    """The sound at `RATE`, mono: each note swells within 8 ms and dies away, so that nothing clicks."""
    notes: list[NDArray[np.float64]] = []
    for frequency, seconds in _NOTES:
        time = np.arange(round(seconds * RATE)) / RATE
        wave = np.sin(2 * np.pi * frequency * time) + 0.25 * np.sin(4 * np.pi * frequency * time)
        swell = np.minimum(1, time / 0.008) * np.exp(-6 * time / seconds) * np.minimum(1, (seconds - time) / 0.02)
        notes.append(wave * swell * _LOUDNESS)
    return np.concatenate(notes).astype(np.float32)


def play() -> None:
    """Play it to its end; a machine without a speaker stays silent. Blocking."""
    try:
        portaudio.play(samples(), RATE)
    except portaudio.SpeakerError as error:
        _log.info("no sound: %s", error)
