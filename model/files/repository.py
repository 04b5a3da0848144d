"""Files of a Hugging Face repository, fetched by huggingface_hub in a process of its own, resumable."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from deskhand.model.errors import DownloadError
from deskhand.model.files import transfer
from deskhand.model.files.catalog import Entry

# The child is a process and not a thread so that it can be ended at once; it imports huggingface_hub, we never do.
_LIST = """
import json, sys
from huggingface_hub import HfApi
info = HfApi().model_info(sys.argv[1], files_metadata=True)
files = [[f.rfilename, f.size or 0, f.lfs.sha256 if f.lfs else ""] for f in info.siblings]
print(json.dumps({"revision": info.sha, "files": files}))
"""
# hf_hub_download (2.4) throws a partial file away; its own http_get goes on from one. Smaller chunks lose less.
_FETCH = """
import sys
from huggingface_hub import constants, hf_hub_url
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers
repository, name, revision, target, size = sys.argv[1:]
constants.DOWNLOAD_CHUNK_SIZE = 1 << 20
url = hf_hub_url(repository, name, revision=revision)
with open(target, "ab") as file:
    http_get(url, file, resume_size=file.tell(), headers=build_hf_headers(), expected_size=int(size))
"""


@dataclass(frozen=True, slots=True)
class Remote:
    """One file of a repository at one revision.

    Attributes:
        path: inside the repository.
        size: bytes.
        sha256: as the repository states it; empty for a small file outside its large-file storage.
        revision: commit of the repository.
    """

    path: str
    size: int
    sha256: str
    revision: str


def chosen(entry: Entry, files: Sequence[Remote]) -> list[Remote]:
    """The files of a repository that an entry wants, in the order of its roles.

    Raises:
        DownloadError: a required one is not there.
    """
    found: list[Remote] = []
    for wanted in entry.repository_files:
        match = _first(files, wanted.patterns)
        if match is not None:
            found.append(match)
        elif wanted.required:
            raise DownloadError(
                f"{entry.repository} holds no file for the role {wanted.role}: its files were renamed. "
                "Fetch them by hand and name their folder with --bundle."
            )
    return found


def _first(files: Sequence[Remote], patterns: Sequence[str]) -> Remote | None:
    for pattern in patterns:
        for file in sorted(files, key=lambda file: file.path):
            if fnmatchcase(file.path.lower(), pattern.lower()):
                return file
    return None


def listed(entry: Entry, folder: Path, cancel: threading.Event | None) -> list[Remote]:
    """What the repository holds now.

    Raises:
        CancelledError: ``cancel`` was set.
        DownloadError: with a sentence for the person.
    """
    ended = _child(_LIST, [entry.repository], entry, folder, told=lambda _: None, cancel=cancel)
    answer = json.loads(ended.output)
    return [Remote(path, size, digest, answer["revision"]) for path, size, digest in answer["files"]]


def fetch_file(
    entry: Entry, file: Remote, folder: Path, told: Callable[[int], None], cancel: threading.Event | None
) -> Path:
    """Fetch one file into ``folder`` (made if missing); what arrived before an interruption is continued.

    Raises:
        CancelledError: ``cancel`` was set.
        DownloadError: with a sentence for the person.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / PurePosixPath(file.path).name
    # A new version of the file begins anew.
    partial = folder / f"{file.sha256 or file.revision}.part"
    if partial.is_file() and partial.stat().st_size > file.size:
        partial.unlink()
    if not path.is_file():
        arguments = [entry.repository, file.path, file.revision, str(partial), str(file.size)]
        _child(_FETCH, arguments, entry, folder, told=told, cancel=cancel)
        partial.rename(path)
    return path


def _child(
    code: str,
    arguments: list[str],
    entry: Entry,
    folder: Path,
    *,
    told: Callable[[int], None],
    cancel: threading.Event | None,
) -> transfer.Ended:
    environment = {**os.environ, "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    ended = transfer.run([sys.executable, "-c", code, *arguments], environment, folder, told, cancel)
    if ended.code:
        raise DownloadError(_sentence(entry, ended.errors))
    return ended


def _sentence(entry: Entry, errors: str) -> str:
    low = errors.lower()
    where = f"The repository {entry.repository} on Hugging Face"
    if "no space left" in low:
        return f"The disk is full: {entry.name} needs {entry.size >> 20} MB. Make room and try again."
    # Whole phrases only: a traceback is full of numbers. A repository that is gone is answered with 401 as well.
    if "gatedrepoerror" not in low and ("repositorynotfounderror" in low or "404 client error" in low):
        return f"{where} does not exist any more. Fetch the files by hand and name their folder with --bundle."
    if any(sign in low for sign in ("gatedrepoerror", "401 client error", "403 client error")):
        return f"{where} wants an account: accept its terms there, run `hf auth login`, and try again."
    return (
        f"{where} could not be reached: check the network and try again, or fetch the files on another machine and "
        "name their folder with --bundle."
    )
