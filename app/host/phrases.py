"""Phrases out of a running microphone: sound between two silences, cut without losing what is said meanwhile."""

from __future__ import annotations

import math
import queue
import threading
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from deskhand.app import portaudio
from deskhand.app.resampling import Resampler
from deskhand.model.types import SAMPLE_RATE, Audio

Block = NDArray[np.float32]

_FRAME = SAMPLE_RATE // 25
"""40 ms, as the engine's frames."""
QUIET_SECONDS = 0.7
"""Of silence that end a phrase: pauses within a sentence are shorter, those between two longer."""
LONGEST_SECONDS = 28.0
"""The engine takes 30 s at a time."""
_BEFORE = 8
"""Frames kept before the first loud one: consonants begin softly."""
_LEAST_LOUD = 5
"""Frames that a phrase has at least; a click or a knock has fewer."""
_FAINTEST_DB = -52.0
_ABOVE_NOISE_DB = 9.0
_RISE_DB = 0.04
"""What the estimate of the noise rises in a frame: 1 dB a second, so that ten seconds of speech do not become noise."""


class Cutter:
    """Cuts sound into phrases."""

    def __init__(self) -> None:
        self._rest: Block = np.empty(0, np.float32)
        self._before: deque[Block] = deque(maxlen=_BEFORE)
        self._phrase: list[Block] = []
        self._loud = 0
        self._quiet = 0
        self._noise = _FAINTEST_DB

    @property
    def speaking(self) -> bool:
        """Whether a phrase has begun and not ended."""
        return bool(self._phrase)

    def feed(self, samples: Block) -> Iterator[Audio]:
        """The phrases that end within ``samples``: mono at 16 kHz, of any length."""
        self._rest = np.concatenate((self._rest, samples))
        while len(self._rest) >= _FRAME:
            frame, self._rest = self._rest[:_FRAME], self._rest[_FRAME:]
            if found := self._take(frame):
                yield found

    def end(self) -> Audio | None:
        """The phrase that was not over."""
        found = self._cut() if self._loud >= _LEAST_LOUD else None
        self._phrase, self._loud, self._quiet = [], 0, 0
        return found

    def _take(self, frame: Block) -> Audio | None:
        power = float(np.mean(np.square(frame, dtype=np.float64)))
        level = 10 * math.log10(power) if power > 0 else -120.0
        loud = level > max(_FAINTEST_DB, self._noise + _ABOVE_NOISE_DB)
        self._noise = min(level, self._noise + _RISE_DB)
        if not self._phrase and not loud:
            self._before.append(frame)
            return None
        if not self._phrase:
            self._phrase = list(self._before)
            self._before.clear()
        self._phrase.append(frame)
        self._loud += loud
        self._quiet = 0 if loud else self._quiet + 1
        seconds = len(self._phrase) * _FRAME / SAMPLE_RATE
        if self._quiet * _FRAME / SAMPLE_RATE >= QUIET_SECONDS or seconds >= LONGEST_SECONDS:
            return self.end()
        return None

    def _cut(self) -> Audio:
        return Audio(np.concatenate(self._phrase).astype("<f4", copy=False).tobytes())


class Phrases:
    """An open microphone; made by `listening`."""

    def __init__(self) -> None:
        self.blocks: queue.SimpleQueue[Block] = queue.SimpleQueue()
        self.resampler = Resampler(SAMPLE_RATE)
        self._cutter = Cutter()
        self._ready: deque[Audio] = deque()
        self.heard = threading.Event()

    @property
    def speaking(self) -> bool:
        """Whether somebody speaks right now."""
        return self._cutter.speaking

    def take(self, data: Block, _frames: int, _time: object, _flags: object) -> None:
        """PortAudio's callback: copy and leave."""
        self.heard.set()
        self.blocks.put(data[:, 0].copy())

    def next(self, seconds: float) -> Audio | None:
        """The next phrase; None if none ends within ``seconds``, which are not waited for if one is there already."""
        try:
            block = self.blocks.get(timeout=0.0 if self._ready else seconds)
            while True:
                self._ready.extend(self._cutter.feed(self.resampler.feed(block)))
                block = self.blocks.get_nowait()
        except queue.Empty:
            return self._ready.popleft() if self._ready else None

    def last(self) -> list[Audio]:
        """What is left when it ends."""
        found = self._cutter.end()
        return [*self._ready, *([found] if found else [])]


@contextmanager
def listening() -> Generator[Phrases]:
    """Open the default microphone until the block ends.

    Raises:
        MicrophoneError: there is none, or it can't be opened; a sentence.
    """
    phrases = Phrases()
    stream, rate, _name = portaudio.open_input(None, phrases.take, 0.04)
    try:
        phrases.resampler = Resampler(rate)
        portaudio.start(stream)
        yield phrases
    finally:
        portaudio.close(stream)
