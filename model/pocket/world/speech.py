"""Speech from espeak-ng, hundreds of times as fast as it is spoken, and the same for the same list."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from deskhand.model.errors import ModelError
from deskhand.model.pocket.world.voices import Utterance
from deskhand.model.types import SAMPLE_RATE

_MISSING = "Speech for training comes from espeak-ng, which did not start: apt-get install espeak-ng"


class SpeechError(ModelError):
    """espeak-ng is missing or refuses."""


@cache
def speaker() -> Speaker:
    """The speaker of this process."""
    made = Speaker()
    atexit.register(made.close)
    return made


class Speaker:
    """espeak-ng in a process of its own, see `speaking`. Not thread-safe."""

    def __init__(self) -> None:
        program = [sys.executable, "-I", "-m", "deskhand.model.pocket.world.speaking"]
        # A fixed environment: even its length changes what lies in the memory that espeak-ng reads before writing it.
        environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}
        self._process = subprocess.Popen(program, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def close(self) -> None:
        """End the process. Safe to call twice."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                stream.close()
        self._process.wait()

    def say(self, utterances: Sequence[Utterance]) -> list[NDArray[np.float32]]:
        """Speak a list; each sentence as samples at `SAMPLE_RATE` in [-1, 1].

        Raises:
            SpeechError: a voice is missing, a text is empty, or espeak-ng did not start.
        """
        if not utterances:
            return []
        line = json.dumps([[each.text, each.voice, each.speed, each.pitch] for each in utterances])
        assert self._process.stdin  # noqa: S101 - Popen was told to
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
            count, rate = self._number(), self._number()
        except BrokenPipeError as error:
            raise SpeechError(_MISSING) from error
        if count != len(utterances):
            raise SpeechError(f"espeak-ng could not say one of {len(utterances)} sentences: is a voice missing?")
        return [_resampled(np.frombuffer(self._read(2 * self._number()), "<i2"), rate) for _ in range(count)]

    def _number(self) -> int:
        return int.from_bytes(self._read(4), "little", signed=True)

    def _read(self, size: int) -> bytes:
        assert self._process.stdout  # noqa: S101 - Popen was told to
        data = self._process.stdout.read(size)
        if len(data) < size:
            raise SpeechError(_MISSING)
        return data


def _resampled(wave: NDArray[np.int16], rate: int) -> NDArray[np.float32]:
    """Another sampling rate by cutting the spectrum; silence at both ends keeps it from wrapping round."""
    edge = 512
    padded = np.pad(wave.astype(np.float64) / 32768, edge)
    count = round(padded.size * SAMPLE_RATE / rate)
    made = np.fft.irfft(np.fft.rfft(padded)[: count // 2 + 1], count) * (count / padded.size)
    skip = round(edge * SAMPLE_RATE / rate)
    return np.clip(made[skip : count - skip], -1, 1).astype(np.float32)
