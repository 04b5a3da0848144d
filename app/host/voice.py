"""Text spoken aloud, by espeak-ng where that is installed."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time

from deskhand.agent.limits import Stop
from deskhand.agent.tools.host import HostError

LONGEST = 4_000
"""Characters, some five minutes."""
MISSING = "Nothing speaks here. On Debian or Ubuntu: sudo apt-get install espeak-ng"


def speak(text: str, cancel: threading.Event, language: str = "en") -> int:
    """Speak until the end or Stop; returns how many characters were given to the voice, 0 if there is none.

    Raises:
        HostError: the voice fails, for example for want of a sound device.
    """
    program = shutil.which("espeak-ng") or shutil.which("espeak")
    words = "".join(c if c.isprintable() or c == "\n" else " " for c in text[:LONGEST])
    if program is None or not words.strip():
        return 0
    # On standard input, so that no text is taken for an option; `-m` is not given, so no mark-up is obeyed.
    process = subprocess.Popen(
        [program, "-v", language, "--stdin"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    began = time.monotonic()
    try:
        _give(process, words.encode("utf-8", "replace"))
        while process.poll() is None:
            if cancel.wait(0.05):
                raise HostError("The turn was stopped.")
        if process.returncode:
            said = process.stderr.read().decode(errors="replace").strip() if process.stderr else ""
            raise HostError(f"The voice failed: {said.rpartition(chr(10))[2][:200] or process.returncode}.")
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stderr):
            if pipe is not None:
                pipe.close()
        if isinstance(cancel, Stop):
            cancel.extend(time.monotonic() - began)  # the person listened
    return len(words)


def _give(process: subprocess.Popen[bytes], words: bytes) -> None:
    """Write all of it; `LONGEST` characters fit into a pipe, so this does not wait for the voice."""
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    try:
        process.stdin.write(words)
        process.stdin.close()
    except BrokenPipeError:
        return  # it ended at once: its code says so
