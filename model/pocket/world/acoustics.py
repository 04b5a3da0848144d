"""What a microphone does to speech, and sound that is no speech. Samples are float32 at `SAMPLE_RATE` in [-1, 1]."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from deskhand.model.types import FRAME_SAMPLES, SAMPLE_RATE

Samples = NDArray[np.float32]
Noise = Literal["white", "pink", "brown", "hum"]

NOISES: tuple[Noise, ...] = ("white", "pink", "brown")
"""Heard in training."""

HELD_OUT_NOISE: Noise = "hum"
"""Mains hum with its overtones over pink noise: kept to measure."""

LONGEST = 5.0
"""Seconds that a clip is cut to: 125 tokens."""


def noise(kind: Noise, size: int, rng: np.random.Generator) -> Samples:
    """Noise of power 1: ``white`` is even, ``pink`` falls by 3 dB and ``brown`` by 6 dB an octave."""
    white = rng.standard_normal(size)
    if kind == "hum":
        time = np.arange(size) / SAMPLE_RATE
        tones = sum(np.sin(2 * np.pi * 50 * n * time + rng.uniform(0, 6.3)) / n for n in (1, 2, 3, 5, 7))
        made = tones + 0.5 * _coloured(white, 0.5)
    else:
        made = _coloured(white, {"white": 0.0, "pink": 0.5, "brown": 1.0}[kind])
    return (made / (np.sqrt(np.square(made).mean()) + 1e-9)).astype(np.float32)


def _coloured(white: NDArray[np.float64], slope: float) -> NDArray[np.float64]:
    spectrum = np.fft.rfft(white)
    frequency = np.maximum(np.fft.rfftfreq(white.size, 1 / SAMPLE_RATE), 20.0)
    return np.fft.irfft(spectrum * frequency**-slope, white.size)


def recorded(
    speech: Samples, rng: np.random.Generator, *, snr: float | None, kind: Noise = "pink", room: bool = False
) -> Samples:
    """Speech as a microphone hears it: silence before and after, a room, a gain, and noise.

    Args:
        speech: clean.
        rng: decides everything.
        snr: of the noise below the speech's mean power, dB; None adds none.
        kind: of noise.
        room: whether walls answer: a decaying tail of up to 0.25 s.
    """
    made = speech
    if room:
        length = int(rng.uniform(0.05, 0.25) * SAMPLE_RATE)
        tail = rng.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
        tail *= rng.uniform(0.1, 0.5) / np.sqrt(np.square(tail).sum())
        tail[0] = 1.0
        made = _convolved(made, tail)
    power = float(np.square(made).mean())
    before = int(rng.integers(0, 4 * FRAME_SAMPLES))
    after = int(rng.integers(0, 4 * FRAME_SAMPLES))
    made = np.pad(made, (before, after))[: int(LONGEST * SAMPLE_RATE)]
    if snr is not None:
        made = made + noise(kind, made.size, rng) * np.sqrt(power * 10 ** (-snr / 10))
    loudness = 10 ** rng.uniform(-1.2, -0.3) / (float(np.abs(made).max()) + 1e-9)
    return (made * loudness).astype(np.float32)


def varied(speech: Samples, rng: np.random.Generator) -> Samples:
    """Speech as of a longer or shorter mouth, by up to an eighth, and a microphone that favours some frequencies.

    There are only so many synthetic voices; what is learnt from more of them holds for ones that were never heard.
    """
    factor = float(np.exp(rng.uniform(-0.12, 0.12)))
    size = max(64, round(speech.size * factor))
    spectrum = np.fft.rfft(np.pad(speech, (512, 512)))
    count = size + round(1024 * factor)
    frequency = np.linspace(0, 1, spectrum.size)
    points = np.cumsum(rng.normal(0, 3, 9))
    gain = 10 ** (np.interp(frequency**0.5, np.linspace(0, 1, 9), points - points.mean()) / 20)
    # Another count of points for the same spectrum is another rate: what lies above it is cut off, or is silent.
    kept = np.zeros(count // 2 + 1, np.complex128)
    shared = min(kept.size, spectrum.size)
    kept[:shared] = (spectrum * gain)[:shared]
    made = np.fft.irfft(kept, count) * (count / (speech.size + 1024))
    skip = round(512 * factor)
    made = made[skip : skip + size]
    return (made / max(1.0, float(np.abs(made).max()) + 1e-9)).astype(np.float32)


def _convolved(wave: Samples, tail: NDArray[np.float64]) -> Samples:
    size = wave.size + tail.size - 1
    return np.fft.irfft(np.fft.rfft(wave, size) * np.fft.rfft(tail, size), size)[: wave.size].astype(np.float32)


def no_speech(rng: np.random.Generator, *, held: bool = False) -> Samples:
    """Half a second to three without a word: silence, noise, or tones as of music.

    ``held`` takes noises and chords that training never hears; digital silence is the same.
    """
    size = int(rng.uniform(0.5, 3.0) * SAMPLE_RATE)
    which = int(rng.integers(3))
    if which == 0:
        level = 0.0 if rng.random() < 0.3 else 10 ** rng.uniform(-4, -2.5)
        made = noise("brown" if held else "white", size, rng) * level
    elif which == 1:
        made = noise(HELD_OUT_NOISE if held else NOISES[int(rng.integers(3))], size, rng) * 10 ** rng.uniform(-2, -0.7)
    else:
        made = _melody(size, rng, triads=held)
    return np.clip(made, -1, 1).astype(np.float32)


def _melody(size: int, rng: np.random.Generator, *, triads: bool) -> NDArray[np.float64]:
    """Notes of a fifth to half a second with overtones, single or three at a time."""
    time = np.arange(size) / SAMPLE_RATE
    made = np.zeros(size)
    begin = 0
    while begin < size:
        end = min(size, begin + int(rng.uniform(0.2, 0.5) * SAMPLE_RATE))
        root = 110 * 2 ** (rng.integers(0, 36) / 12)
        for step in (0, 4, 7) if triads else (0,):
            for overtone in range(1, 5):
                frequency = root * 2 ** (step / 12) * overtone
                made[begin:end] += np.sin(2 * np.pi * frequency * time[begin:end]) / overtone**1.5
        made[begin:end] *= np.linspace(1, 0.3, end - begin)
        begin = end
    return made / (np.abs(made).max() + 1e-9) * 10 ** rng.uniform(-1.2, -0.3)
