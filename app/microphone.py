"""The microphone, through PortAudio: 16 kHz mono whatever the device offers, with a level while it records."""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from deskhand.agent.percept import SoundPercept
from deskhand.app import portaudio
from deskhand.app.portaudio import MicrophoneError
from deskhand.app.resampling import Resampler
from deskhand.model.sound import Downmix, samples_of
from deskhand.model.types import SAMPLE_RATE, Audio

__all__ = ["MOST_SECONDS", "MicrophoneError", "Recorder", "devices", "is_silent", "level_of", "status"]

_log = logging.getLogger(__name__)

MOST_SECONDS = 30.0
"""The longest recording: what Gemma 4 was trained with (750 audio tokens)."""

SILENCE_DB = -65.0
"""Full scale decibels below which a recording counts as silent. A quiet room gives about -60 through a usual
microphone, a muted one gives digital zero or dither below -80."""

PIECE_SECONDS = 0.2
"""How often a recording is given while it goes on: five frames, one batch for the engine."""

_FLOOR_DB = -60.0
_BLOCK_SECONDS = 0.04
_OPENING_SECONDS = 8.0
"""A sound server that has to be started first takes 1.5 s on a busy machine, a Bluetooth headset up to five."""

_STALL_SECONDS = 2.0
"""No block for so long means that the device is gone: PortAudio's ALSA host often says nothing when it is unplugged."""

_TAIL_SECONDS = 0.25
"""Kept behind the end that is asked for: sound is on its way for so long, and a finger is faster than a tongue."""

Block = NDArray[np.float32]


class Recorder:
    """Records once: `start`, then `stop` or `cancel`. `start` and `stop` block for as long as the device does.

    Args:
        device: index of `devices`; the system's default when None.
        most_seconds: recording ends by itself then.
        on_end: called from a thread when the recording ends by itself; `note` says why, `stop` gives what there is. May
            be set until `start`.
        on_sound: called from a thread every `PIECE_SECONDS` with the recording so far; each begins with the one before,
            to the bit. May be set until `start`.

    Attributes:
        note: why it ended by itself.
        held: seconds of it up to the end that `stop` was asked for.
    """

    def __init__(
        self,
        device: int | None = None,
        *,
        most_seconds: float = MOST_SECONDS,
        on_end: Callable[[], None] | None = None,
        on_sound: Callable[[SoundPercept], None] | None = None,
    ) -> None:
        self._device = device
        self._most = most_seconds
        self.on_end = on_end
        self.on_sound = on_sound
        self._queue: queue.SimpleQueue[Block | None] = queue.SimpleQueue()
        self._resampler = Resampler(SAMPLE_RATE)
        self._downmix = Downmix()
        self._samples = bytearray()
        self._given = 0
        self._count = 0
        self._rate = SAMPLE_RATE
        self._stream: portaudio.Stream | None = None
        self._reader: threading.Thread | None = None
        self._origin = math.inf
        self._heard = threading.Event()
        self._closed = threading.Event()
        self._device_lock = threading.Lock()
        self._name = "microphone"
        self._began = datetime.now(UTC)
        self.note = ""
        self.held = 0.0

    @property
    def seconds(self) -> float:
        """How much has been recorded."""
        return self._count / self._rate

    def start(self, on_level: Callable[[float], None] | None = None) -> None:
        """Open the device and record; returns when the first sound has arrived, so nothing said afterwards is lost.

        Args:
            on_level: called some 25 times a second from a thread with a level in [0, 1].

        Raises:
            MicrophoneError: there is no microphone, or it can't be opened; the sentence says what to do.
        """
        with self._device_lock:
            if self._closed.is_set():
                return
            self._stream, self._rate, self._name = portaudio.open_input(self._device, self._take, _BLOCK_SECONDS)
            self._resampler = Resampler(self._rate)
            self._began = datetime.now(UTC)
            self._reader = threading.Thread(target=self._read, args=(on_level,), name="microphone", daemon=True)
            self._reader.start()
            try:
                portaudio.start(self._stream)
            except MicrophoneError as error:
                problem = error
            else:
                problem = None
        if problem is None and not self._heard.wait(_OPENING_SECONDS):
            problem = MicrophoneError(
                f"The microphone “{self._name}” gives no sound. Plug it in anew, or choose another one."
            )
        if problem is not None:
            self._close()
            raise problem

    def stop(self, until: float | None = None) -> SoundPercept:
        """End the recording and give it: 16 kHz mono, at most ``most_seconds`` long.

        Args:
            until: a moment of `time.monotonic`. What was said before it is waited for if it is still on its way; what
                came later is left out. Now if None.
        """
        if until is not None:
            limit = time.monotonic() + 2 * _TAIL_SECONDS
            while self._said_until < until and not self.note and time.monotonic() < limit:
                time.sleep(_BLOCK_SECONDS / 2)
        self._close()
        self._samples += self._resampler.end().astype("<f4", copy=False).tobytes()
        sound = self._so_far
        self.held = self.seconds
        if until is not None and self._count:
            self.held = min(self.held, max(0.0, until - self._origin))
            sound = sound[: round((self.held + _TAIL_SECONDS) * SAMPLE_RATE) * 4]
        return SoundPercept(Audio(sound), source=self._name, taken=self._began, own=True)

    @property
    def _said_until(self) -> float:
        """The moment up to which there is sound, at the latest."""
        return self._origin + self.seconds

    def cancel(self) -> None:
        """End the recording and forget it; also while `start` is still opening the device, in another thread."""
        self._close()
        self._samples.clear()

    def _take(self, data: Block, _frames: int, _time: object, _flags: object) -> None:
        # PortAudio's own thread: copy and leave.
        self._queue.put(data.copy())

    def _read(self, on_level: Callable[[float], None] | None) -> None:
        try:
            self._take_in(on_level)
        except Exception:  # noqa: BLE001 - what was heard until then is kept, and the window does not wait for ever
            _log.exception("a recording broke off")
            self._end_early("The recording broke off; what was heard until then is kept.")

    def _take_in(self, on_level: Callable[[float], None] | None) -> None:
        while True:
            try:
                block = self._queue.get(timeout=_STALL_SECONDS if self._count else None)
            except queue.Empty:
                self._end_early(f"The microphone stopped after {self.seconds:.0f} s: was it unplugged?")
                return
            if block is None:
                return
            mixed = self._downmix.feed(block)
            self._keep(mixed)
            if on_level is not None:
                on_level(level_of(mixed))
            self._give()
            if self.seconds >= self._most:
                self._end_early(f"Ended after {self._most:.0f} s, the most that is understood at once.")
                return

    def _keep(self, block: Block) -> None:
        self._count += block.size
        # Blocks come late or on time, and never early: the least late one says when the first sample was taken.
        self._origin = min(self._origin, time.monotonic() - self.seconds)
        self._heard.set()
        self._samples += self._resampler.feed(block).astype("<f4", copy=False).tobytes()

    @property
    def _so_far(self) -> bytes:
        return bytes(self._samples[: int(self._most * SAMPLE_RATE) * 4])

    def _give(self) -> None:
        if self.on_sound is not None and self.seconds - self._given / self._rate >= PIECE_SECONDS:
            self._given = self._count
            self.on_sound(
                SoundPercept(Audio(self._so_far, growing=True), source=self._name, taken=self._began, own=True)
            )

    def _end_early(self, note: str) -> None:
        self.note = note
        if self.on_end is not None:
            self.on_end()

    def _close(self) -> None:
        self._closed.set()
        # Whoever waits in `start` for the first sound need not wait any more.
        self._heard.set()
        # PortAudio must not close what another thread is just opening.
        with self._device_lock:
            stream, self._stream = self._stream, None
            if stream is not None:
                portaudio.close(stream)
        self._queue.put(None)
        if self._reader is not None and self._reader is not threading.current_thread():
            self._reader.join()


def level_of(block: Block) -> float:
    """Loudness in [0, 1]: 0 at -60 dB of full scale and below, 1 at 0 dB, linear in decibels between."""
    return min(max(1 - _decibels(block) / _FLOOR_DB, 0.0), 1.0)


def is_silent(audio: Audio) -> bool:
    """Whether nobody can be heard: the loudest 200 ms stay below `SILENCE_DB`, or there is no sound at all."""
    samples = samples_of(audio)
    window = SAMPLE_RATE // 5
    # A constant offset is not a sound.
    samples = samples - samples.mean() if samples.size else samples
    return all(_decibels(samples[at : at + window]) < SILENCE_DB for at in range(0, samples.size, window))


def devices() -> list[tuple[int, str]]:
    """Index and name of every microphone, the default one first; empty when there is none."""
    return portaudio.inputs()


def status() -> tuple[bool, str]:
    """Whether there is a microphone, and which, or why not."""
    try:
        found = devices()
    except MicrophoneError as error:
        return False, str(error)
    if not found:
        return False, portaudio.NO_MICROPHONE
    return True, found[0][1]


def _decibels(block: Block) -> float:
    power = float(np.mean(np.square(block, dtype=np.float64))) if block.size else 0.0
    return 10 * math.log10(power) if power > 0 else -math.inf
