"""Bringing sound to 16 kHz block by block: what has come out once never changes, so that it can be read at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from deskhand.model.types import SAMPLE_RATE

if TYPE_CHECKING:
    from av import AudioFrame
    from av.audio.resampler import AudioResampler

Block = NDArray[np.float32]


class Resampler:
    """One recording on its way to 16 kHz, band-limited (libswresample's windowed sinc).

    Args:
        rate: samples a second of what goes in; 16,000 passes unchanged.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._swr: AudioResampler | None = None

    def feed(self, block: Block) -> Block:
        """What can be given of the sound so far; the filter holds some milliseconds back.

        Args:
            block: mono, shape (n,).

        Returns:
            Shape (m,).
        """
        if self._rate == SAMPLE_RATE or not block.size:
            return block.astype(np.float32, copy=False)
        from av import AudioFrame  # noqa: PLC0415 - FFmpeg takes 100 ms to load and most devices need no resampling

        samples = np.ascontiguousarray(block, np.float32).reshape(1, -1)
        frame = AudioFrame.from_ndarray(samples, format="flt", layout="mono")
        frame.sample_rate = self._rate
        return self._pass(frame)

    def end(self) -> Block:
        """What the filter still held back, shape (m,)."""
        return self._pass(None) if self._swr is not None else np.empty(0, np.float32)

    def _pass(self, frame: AudioFrame | None) -> Block:
        from av.audio.resampler import AudioResampler  # noqa: PLC0415 - as above

        if self._swr is None:
            self._swr = AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        out = [made.to_ndarray().reshape(-1) for made in self._swr.resample(frame)]
        return np.concatenate([*out, np.empty(0, np.float32)]).astype(np.float32, copy=False)
