"""Files of a Hugging Face repository, fetched by huggingface_hub in a process of its own, resumable."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from deskhand.model import transfer
from deskhand.model.catalog import Entry
from deskhand.model.errors import DownloadError

# The child is a process and not a thread so that it can be ended at once; it imports huggingface_hub, we never do.
_LIST = """
import json, sys
from huggingface_hub import HfApi
info = HfApi().model_info(sys.argv[1], files_metadata=True)
files = [[f.rfilename, f.size or 0, f.lfs.sha256 if f.lfs else ""] for f in info.siblings]
print(json.dumps({"revision": info.sha, "files": files}))
"""
_FETCH = """
import sys
from huggingface_hub import hf_hub_download
hf_hub_download(sys.argv[1], sys.argv[2], revision=sys.argv[3], local_dir=sys.argv[4])
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
    """Fetch one file into ``folder``; what arrived before an interruption is kept and continued.

    Raises:
        CancelledError: ``cancel`` was set.
        DownloadError: with a sentence for the person.
    """
    _child(_FETCH, [entry.repository, file.path, file.revision, str(folder)], entry, folder, told=told, cancel=cancel)
    return folder / file.path


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
    if "gatedrepo" in low or "401" in low or "403" in low:
        return f"{where} wants an account: accept its terms there, run `hf auth login`, and try again."
    if "repositorynotfound" in low or "404" in low:
        return f"{where} does not exist any more. Fetch the files by hand and name their folder with --bundle."
    return (
        f"{where} could not be reached: check the network and try again, or fetch the files on another machine and "
        "name their folder with --bundle."
    )
