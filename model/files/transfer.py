"""A child process that fetches files, watched by the bytes it has put on disk."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from deskhand.model.errors import DownloadError

POLL_SECONDS = 0.1
"""How often progress is told and cancelling is noticed."""


@dataclass(frozen=True, slots=True)
class Download:
    """How far a download is.

    Attributes:
        entry: name of the catalogue entry.
        stage: ``downloading``, ``unpacking`` or ``done``.
        done: bytes of ``total``.
        total: bytes.
        item: the package or file at hand.
    """

    entry: str
    stage: str
    done: int
    total: int
    item: str = ""


class CancelledError(DownloadError):
    """The person stopped a download. What is complete stays, the rest is fetched the next time."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What a child left.

    Attributes:
        code: its exit code.
        output: standard output.
        errors: standard error.
    """

    code: int
    output: str
    errors: str


def size_on_disk(folder: Path) -> int:
    """Bytes of all files under ``folder``; files and folders that vanish meanwhile count nothing."""
    total = 0
    # os.walk passes over a folder that vanishes under it, Path.rglob raises (Python 3.11).
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += Path(parent, name).stat().st_size
    return total


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    watched: Path,
    told: Callable[[int], None],
    cancel: threading.Event | None,
) -> Ended:
    """Run ``command`` to its end, telling the bytes under ``watched`` as they grow.

    Args:
        command: an argument list.
        environment: the whole environment of the child.
        watched: a folder the child writes into.
        told: called with bytes, a few times a second.
        cancel: when set, the child is ended.

    Raises:
        CancelledError: ``cancel`` was set.
        DownloadError: the child could not be started.
    """
    try:
        child = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise DownloadError(f"The download program could not be started: {error}.") from error
    with child:
        try:
            while True:
                try:
                    output, errors = child.communicate(timeout=POLL_SECONDS)
                except subprocess.TimeoutExpired:
                    told(size_on_disk(watched))
                    if cancel is not None and cancel.is_set():
                        raise CancelledError("The download was stopped; it goes on from here next time.") from None
                else:
                    return Ended(child.returncode, output, errors)
        finally:
            if child.poll() is None:
                child.kill()
