"""The process that speaks: for each line on its input a fresh child says what is on it, and ends.

espeak-ng keeps state between sentences and reads memory that it has not written. So the parent does nothing but fork,
before it has read anything: every child begins from the same memory, and what it says depends on its line alone.

A line is JSON, ``[[text, voice, speed, pitch], …]``. The answer is an int32 count of sentences (-1: espeak-ng refused),
the sampling rate, and for each sentence the count of its samples and the samples, int16.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from typing import Any

_SYNCHRONOUS = 2  # speak_lib.h: AUDIO_OUTPUT_SYNCHRONOUS
_RATE, _PITCH = 1, 3  # espeak_PARAMETER
_CHARACTERS, _UTF8 = 1, 1  # espeak_POSITION_TYPE, espeakCHARS_UTF8
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)

_NO_MORE = 3
"""Exit code of a child whose input has ended."""

_heard = bytearray()


def _take(wave: Any, count: int, _events: object) -> int:  # noqa: ANN401 - a ctypes pointer
    if wave and count:
        _heard.extend(ctypes.string_at(wave, 2 * count))
    return 0


_callback = _CALLBACK(_take)


def _start() -> tuple[Any, int]:
    library: Any = ctypes.CDLL("libespeak-ng.so.1")
    rate: int = library.espeak_Initialize(_SYNCHRONOUS, 0, None, 0)
    library.espeak_SetSynthCallback(_callback)
    return library, rate


def _say(library: Any, text: str, voice: str, speed: int, pitch: int) -> bytes:  # noqa: ANN401 - a ctypes library
    _heard.clear()
    if library.espeak_SetVoiceByName(voice.encode()):
        return b""
    library.espeak_SetParameter(_RATE, speed, 0)
    library.espeak_SetParameter(_PITCH, pitch, 0)
    data = text.encode()
    library.espeak_Synth(data, len(data) + 1, 0, _CHARACTERS, 0, _UTF8, None, None)
    return bytes(_heard)


def _answer(library: Any, rate: int) -> int:  # noqa: ANN401 - a ctypes library
    line = sys.stdin.buffer.readline()
    if not line:
        return _NO_MORE
    waves = [_say(library, *each) for each in json.loads(line)]
    count = len(waves) if all(waves) else -1
    out = sys.stdout.buffer
    out.write(count.to_bytes(4, "little", signed=True) + rate.to_bytes(4, "little"))
    if count > 0:
        for wave in waves:
            out.write((len(wave) // 2).to_bytes(4, "little") + wave)
    out.flush()
    return 0


def main() -> int:
    """Serve until the input ends."""
    try:
        library, rate = _start()
    except OSError:
        return 1
    if rate <= 0:
        return 1
    while True:
        child = os.fork()
        if not child:
            code = 1
            try:
                code = _answer(library, rate)
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        if status:
            return 0 if os.waitstatus_to_exitcode(status) == _NO_MORE else 1


if __name__ == "__main__":
    sys.exit(main())
