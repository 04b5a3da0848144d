"""Why a process ended, in words for the person who was waiting for it."""

from __future__ import annotations

import re
import signal
from pathlib import Path

AGAIN = "It restarts with your next message."

_STARVED = re.compile(
    r"std::bad_alloc|MemoryError|failed to allocate|out of memory|cannot allocate memory|memory allocation .*failed"
    # What the libraries of threads and the loader of libraries say when they get no stack and no room.
    r"|thread creation failed|can't start new thread|failed to map segment from shared object(?!: operation not)",
    re.IGNORECASE,
)


def starved(text: str) -> bool:
    """Whether an error's text or the end of a log says that memory was short."""
    return _STARVED.search(text) is not None


def cause_of_death(code: int, log: str, out_of_memory: bool) -> str:
    """One sentence or two for the person.

    Args:
        code: as `subprocess.Popen.returncode`: negative for a signal.
        log: the end of what the process wrote.
        out_of_memory: the kernel's out-of-memory killer struck while it lived.
    """
    if (out_of_memory and code == -signal.SIGKILL) or (code != 0 and starved(log)):
        return (
            "The engine ran out of memory and was ended by the system. Close other programs, or choose a smaller "
            f"model or context length. {AGAIN}"
        )
    failed = re.search(r"GGML_ASSERT\((.*)\) failed|GGML_ABORT|fatal error", log)
    if code == -signal.SIGABRT:
        check = f" ({failed.group(0).strip()[:200]})" if failed else ""
        return f"The engine stopped at one of its own checks{check}; the fault is in it, not in your question. {AGAIN}"
    if code in {-signal.SIGSEGV, -signal.SIGBUS, -signal.SIGILL, -signal.SIGFPE}:
        return (
            f"The engine crashed ({signal.Signals(-code).name}). If this happens again, check the model with “deskhand "
            f"models verify” and the graphics driver for updates. {AGAIN}"
        )
    if code in {-signal.SIGKILL, -signal.SIGTERM}:
        return f"The model stopped unexpectedly. {AGAIN}"
    last = next((line.strip() for line in reversed(log.splitlines()) if line.strip()), "it said nothing")
    return f"The engine ended unexpectedly with code {code}: {last[:200]}. {AGAIN}"


def oom_kills() -> int:
    """How often the kernel's out-of-memory killer struck since the machine started; 0 where it does not say."""
    try:
        counters = Path("/proc/vmstat").read_text(encoding="ascii")
    except OSError:
        return 0
    found = re.search(r"^oom_kill (\d+)$", counters, re.MULTILINE)
    return int(found.group(1)) if found else 0
