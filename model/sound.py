"""Sound as the model hears it: 640-sample frames of 16 kHz mono, in pieces of at most thirty seconds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from deskhand.model.errors import PromptError
from deskhand.model.types import FRAME_SAMPLES, SAMPLE_RATE, Audio

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame

PIECE_FRAMES = 750
"""Frames of the longest piece: 30 s, the most Gemma 4 was trained with; longer ones turn incoherent."""

_SEARCH_FRAMES = 250
"""How far before the limit a quiet place to cut is looked for: 10 s."""

_FRAME_BYTES = 4 * FRAME_SAMPLES

_QUIET_FRAMES = 5
"""Frames whose loudness decides where it is quiet: 200 ms, the length of a pause between words."""

_AUDIBLE = 1e-4
"""Of the loudest channel's power (-40 dB): quieter channels carry noise, and would only make the others quieter."""

_OPPOSITE = -0.3
"""Correlation with the loudest channel below which a channel is taken for one of opposite polarity."""

_MUCH = 4.0
"""Power by which one thing clearly exceeds another: 6 dB."""

_MEMORY_SECONDS = 2.0
"""How long what a channel carried counts: longer than a pause between words."""

_LOUD = 0.05
"""Of the loudest frame's amplitude: quieter frames are none of what is said."""


def samples_of(audio: Audio) -> NDArray[np.float32]:
    """The samples, limited to [-1, 1], with silence where a broken device delivered NaN or infinity; shape (n,)."""
    samples = np.frombuffer(audio.samples, "<f4")
    if np.isfinite(samples).all() and (not samples.size or np.abs(samples).max() <= 1):
        return samples
    return np.clip(np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0), -1, 1)


def frames(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cut samples into frames, the last filled up with silence.

    An empty clip becomes one silent frame: llama.cpp aborts on clips of fewer than two samples (mtmd.cpp:1600).

    Returns:
        Shape (n ≥ 1, 640).
    """
    count = max(1, -(-samples.size // FRAME_SAMPLES))
    padded = np.zeros(count * FRAME_SAMPLES, np.float32)
    padded[: samples.size] = samples
    return padded.reshape(count, FRAME_SAMPLES)


def pieces(audio: Audio) -> list[NDArray[np.float32]]:
    """The clip's frames in pieces of at most `PIECE_FRAMES`, cut where the last ten seconds of each are quietest.

    Returns:
        Arrays of shape (n, 640), together all frames of the clip in order.
    """
    rest = frames(samples_of(audio))
    result: list[NDArray[np.float32]] = []
    while len(rest) > PIECE_FRAMES:
        start = PIECE_FRAMES - _SEARCH_FRAMES
        power = np.square(rest[start:PIECE_FRAMES]).mean(axis=1)
        loudness = np.convolve(power, np.ones(_QUIET_FRAMES), "valid")
        # Of equally quiet places the last: as few pieces as possible.
        quietest = len(loudness) - 1 - int(np.argmin(loudness[::-1]))
        cut = start + quietest + (_QUIET_FRAMES + 1) // 2
        result.append(rest[:cut])
        rest = rest[cut:]
    result.append(rest)
    return result


def whole_frames(audio: Audio) -> Audio:
    """A recording without the samples of its last frame that is not full yet: what more of it can't change.

    Cut at silence (`pieces`) a longer recording may be cut before its end once it exceeds thirty seconds.
    """
    length = len(audio.samples) // _FRAME_BYTES * _FRAME_BYTES
    return audio if length == len(audio.samples) else Audio(audio.samples[:length])


TAIL = 0.1
"""Seconds of silence that stay at the end of what a model of short sounds hears (`deskhand.model.language.alone`)."""


def without_tail(audio: Audio, seconds: float) -> Audio:
    """A clip up to ``seconds`` after its last frame with a twentieth of the amplitude of its loudest; at least a frame.

    Steady noise louder than that keeps a clip whole.
    """
    samples = samples_of(audio)
    loudness = np.sqrt(np.square(frames(samples)).mean(axis=1))
    last = int(np.flatnonzero(loudness >= _LOUD * loudness.max())[-1]) + 1
    kept = last * FRAME_SAMPLES + round(seconds * SAMPLE_RATE)
    return audio if kept >= samples.size else replace(audio, samples=samples[:kept].tobytes())


class Downmix:
    """Mixes channels to one as they come; nothing that is in one of them is lost.

    A plain mean cancels what two channels carry with opposite polarity (balanced inputs, some headsets) and halves
    what only one carries. So channels that nothing is on are left out, and one that mirrors the loudest is turned round
    first. What was mixed never depends on what comes later, so a growing recording begins with what it was.
    """

    def __init__(self) -> None:
        self._products: NDArray[np.float64] | None = None
        self._signs = np.ones(1)
        self._loudest = 0

    def feed(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mix a block.

        Args:
            block: shape (samples, channels), always as many channels.

        Returns:
            Shape (samples,); a single channel as it is.
        """
        if block.shape[1] == 1 or not len(block):
            return block[:, 0].copy()
        signal = np.nan_to_num(block.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
        return (signal @ self._weights(signal - signal.mean(axis=0))).astype(np.float32)

    def _weights(self, signal: NDArray[np.float64]) -> NDArray[np.float64]:
        """What each channel counts for, after the loudness and likeness of the last seconds; shape (channels,)."""
        products = signal.T @ signal
        if self._products is not None:
            products += self._products * 0.5 ** (len(signal) / (_MEMORY_SECONDS * SAMPLE_RATE))
        self._products = products
        power = np.diag(products)
        if power.max() > _MUCH * power[self._loudest]:
            self._loudest = int(np.argmax(power))
        loudest = power[self._loudest]
        likeness = products[self._loudest] / np.sqrt(np.maximum(power * loudest, np.finfo(float).tiny))
        # Turned round once, a channel stays so until it is clearly like the loudest again: weak likeness wavers.
        self._signs = np.where(likeness < _OPPOSITE, -1.0, np.where(likeness > -_OPPOSITE, 1.0, self._signs))
        audible = power >= _AUDIBLE * loudest
        weights = audible * self._signs / max(1, int(audible.sum()))
        if weights @ products @ weights < loudest / _MUCH:
            return np.eye(len(power))[self._loudest]  # they cancel in another way: delayed, turned in part
        return weights


def audio_tokens(audio: Audio) -> int:
    """Sound tokens of a clip, without begin and end markers: one for each begun 40 ms, at least one."""
    return max(1, -(-(len(audio.samples) // 4) // FRAME_SAMPLES))


def read_audio(path: Path, limit_seconds: float = 3600) -> Audio:
    """Read a sound file (WAV, FLAC, OGG, MP3 and whatever else FFmpeg reads) as 16 kHz mono.

    Args:
        path: of the file.
        limit_seconds: longer files are refused before they fill the memory.

    Raises:
        PromptError: there is no such file, it holds no sound, or it is too long.
    """
    import av  # noqa: PLC0415 - FFmpeg takes 100 ms to load and most turns read no file
    from av.error import FFmpegError  # noqa: PLC0415 - likewise

    if not path.is_file():
        raise PromptError(f"There is no sound file {path}.")
    blocks: list[NDArray[np.float32]] = []
    count = 0
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise PromptError(f"{path} holds no sound.")
            for block in _mixed(container.decode(container.streams.audio[0])):
                blocks.append(block)
                count += block.size
                if count > limit_seconds * SAMPLE_RATE:
                    raise PromptError(f"{path} is longer than {limit_seconds / 60:.0f} minutes. Please cut it first.")
    except (FFmpegError, ValueError) as error:
        raise PromptError(f"{path} is not a sound file that can be read ({error}).") from error
    return Audio(np.concatenate([*blocks, np.empty(0, "<f4")]).astype("<f4", copy=False).tobytes())


def _mixed(frames: Iterable[AudioFrame]) -> Iterator[NDArray[np.float32]]:
    """Sound of 16 kHz, mono, as it is decoded; recordings joined to one file may differ in channels and rate."""
    from av.audio.resampler import AudioResampler  # noqa: PLC0415 - with FFmpeg

    kind: tuple[str, str, int] | None = None
    resampler, downmix = AudioResampler(format="flt", rate=SAMPLE_RATE), Downmix()  # packed: PyAV crashes on 8 planes
    for frame in chain(frames, (None,)):
        now = None if frame is None else (frame.format.name, frame.layout.name, frame.sample_rate)
        if kind and now != kind:
            yield from (_mono(block, downmix) for block in resampler.resample(None))
            resampler, downmix = AudioResampler(format="flt", rate=SAMPLE_RATE), Downmix()
        kind = now
        if frame is not None:
            yield from (_mono(block, downmix) for block in resampler.resample(frame))


def _mono(block: AudioFrame, downmix: Downmix) -> NDArray[np.float32]:
    packed = block.to_ndarray().astype("<f4", copy=False)
    return downmix.feed(packed.reshape(-1, block.layout.nb_channels))
