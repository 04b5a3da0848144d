"""The only file that imports sounddevice: PortAudio, kept quiet, with errors that say what to do."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Protocol

from deskhand.model.types import SAMPLE_RATE

NO_MICROPHONE = "There is no microphone. Plug one in or choose one in the system's sound settings, then try again."
NO_LIBRARY = "PortAudio is missing, so nothing can be recorded. On Debian or Ubuntu: sudo apt-get install libportaudio2"

MOST_CHANNELS = 8
"""Devices with more are doors to a sound server, which mixes to as many as it is asked for: two, see `Downmix`."""

_lock = threading.Lock()
"""PortAudio's set-up and its list of devices are not safe to touch from two threads."""

_open = 0
"""Streams that are open; the list of devices is only read anew while there is none."""


class Stream(Protocol):
    """What is needed of `sounddevice.InputStream`."""

    def start(self) -> None:
        """Begin to call back."""
        ...

    def close(self, ignore_errors: bool = True) -> None:
        """End it."""
        ...


class MicrophoneError(Exception):
    """Nothing can be recorded; the message says what to do."""


class SpeakerError(Exception):
    """Nothing can be played; the message says why."""


@contextmanager
def _quiet() -> Generator[None]:
    """Send what C libraries write to standard error nowhere: ALSA lists every device that it fails to probe."""
    sys.stderr.flush()
    kept = os.dup(2)
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(sink)


def _library() -> ModuleType:
    try:
        with _quiet():
            import sounddevice  # noqa: PLC0415 - PortAudio probes every device as it is imported
    except OSError as error:
        raise MicrophoneError(NO_LIBRARY) from error
    return sounddevice


def inputs() -> list[tuple[int, str]]:
    """Index and name of every input, the default one first.

    Raises:
        MicrophoneError: PortAudio is missing.
    """
    with _lock:
        library = _library()
        found = _inputs(library)
        if not found and not _open:
            # The list is as old as the library's start: look again for what was plugged in since.
            _look_again(library)
            found = _inputs(library)
        return found


def _inputs(library: ModuleType) -> list[tuple[int, str]]:
    default = int(library.default.device[0])
    found = [(i, str(d["name"])) for i, d in enumerate(library.query_devices()) if d["max_input_channels"] > 0]
    return sorted(found, key=lambda each: each[0] != default)


def _look_again(library: ModuleType) -> None:
    with _quiet():
        # sounddevice has no public way to read the list anew (its issue 125 names these two).
        library._terminate()  # noqa: SLF001 - see above
        library._initialize()  # noqa: SLF001 - see above


def open_input(
    device: int | None, take: Callable[[Any, int, Any, Any], None], block_seconds: float
) -> tuple[Stream, int, str]:
    """Open a microphone without starting it.

    Args:
        device: an index of `inputs`; the default one when None.
        take: PortAudio's callback, given float32 of shape (n, channels).
        block_seconds: length of what it is given.

    Returns:
        The stream, its rate (16 kHz, or the device's own where that is refused) and the microphone's name.

    Raises:
        MicrophoneError: there is none, or it can't be opened.
    """
    global _open  # noqa: PLW0603 - counts the one library's streams
    found = inputs()
    if not found:
        raise MicrophoneError(NO_MICROPHONE)
    index, name = next((each for each in found if each[0] == device), found[0])
    with _lock:
        library = _library()
        own = library.query_devices(index)
        problem: Exception | None = None
        for channels, rate in _forms(int(own["max_input_channels"]), round(own["default_samplerate"])):
            try:
                with _quiet():
                    stream = library.InputStream(
                        samplerate=rate,
                        blocksize=round(rate * block_seconds),
                        device=index,
                        channels=channels,
                        dtype="float32",
                        callback=take,
                    )
            except library.PortAudioError as error:
                problem = error
            else:
                _open += 1
                return stream, rate, name
    raise _refused(name, problem) from problem


def _forms(channels: int, rate: int) -> list[tuple[int, int]]:
    """Channels and rates to try, best first.

    All channels of a real device: the voice may be on the second, and some devices refuse to be opened as mono.
    """
    counts = (channels, 1) if channels <= MOST_CHANNELS else (2, 1, channels)
    return [(count, each) for count in dict.fromkeys(counts) for each in dict.fromkeys((SAMPLE_RATE, rate))]


def start(stream: Stream) -> None:
    """Let a stream run.

    Raises:
        MicrophoneError: the device does not start.
    """
    library = _library()
    try:
        with _quiet():
            stream.start()
    except library.PortAudioError as error:
        raise _refused("the microphone", error) from error


def close(stream: Stream) -> None:
    """End a stream; a device that is gone is no error."""
    global _open  # noqa: PLW0603 - counts the one library's streams
    with _lock, _quiet():
        _open -= 1
        stream.close(ignore_errors=True)


def play(samples: Any, rate: int) -> None:  # noqa: ANN401 - an array, as `sounddevice` takes it
    """Play mono float32 samples through the default output, to their end.

    Raises:
        SpeakerError: there is no output, or it can't be opened.
    """
    global _open  # noqa: PLW0603 - counts the one library's streams
    try:
        library = _library()
    except MicrophoneError as error:
        raise SpeakerError(str(error)) from error
    with _lock:
        try:
            with _quiet():
                stream = library.OutputStream(samplerate=rate, channels=1, dtype="float32")
        except ValueError as error:
            raise SpeakerError(str(error)) from error
        except library.PortAudioError as error:
            raise SpeakerError(str(error).splitlines()[0]) from error
        _open += 1
    try:
        stream.start()
        stream.write(samples.reshape(-1, 1))
        stream.stop()  # once what was written has been heard
    except library.PortAudioError as error:
        raise SpeakerError(str(error).splitlines()[0]) from error
    finally:
        close(stream)


def _refused(name: str, error: Exception | None) -> MicrophoneError:
    said = (str(error).splitlines() or [""])[0] if error else ""
    words = re.sub(r" *\[[^\]]*\]", "", said).removeprefix("Error opening InputStream: ") or "no reason given"
    return MicrophoneError(
        f"The microphone “{name}” can't be opened ({words}). Close other programs that use it, check that Deskhand is "
        "allowed to listen, or choose another one in the system's sound settings."
    )
