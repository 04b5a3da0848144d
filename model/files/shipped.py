"""A bundle that comes with Deskhand: its files are only used if they are those that were measured."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from deskhand.model.errors import BundleError
from deskhand.model.files.bundle import Bundle, open_bundle

MANIFEST = "manifest.json"
LEARNT = "understood.json"
"""The sentences of a model that was trained on few (`deskhand.model.language.learnt`)."""


def state(folder: Path, files: Iterable[Path]) -> None:
    """Write the manifest of a folder: size and SHA-256 of each of its files, which may be in folders of it.

    Raises:
        OSError: a file can't be read, or the manifest not written.
    """
    stated = {
        path.relative_to(folder).as_posix(): {
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in files
    }
    (folder / MANIFEST).write_text(json.dumps(stated, indent=1) + "\n", encoding="utf-8")


def open_shipped(folder: Path) -> Bundle:
    """The bundle of a folder whose manifest names each of its files with its SHA-256.

    Raises:
        BundleError: a file is missing, changed, or not named.
    """
    again = "Please install Deskhand again."
    if not folder.is_dir():
        raise BundleError(f"There is no model in {folder}: this copy of Deskhand came without it.")
    try:
        manifest = cast("dict[str, dict[str, Any]]", json.loads((folder / MANIFEST).read_text("utf-8")))
        stated = {name: str(entry["sha256"]) for name, entry in manifest.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleError(f"The list of files in {folder} is missing or can't be read. {again}") from error
    for name, digest in stated.items():
        try:
            found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        except OSError as error:
            raise BundleError(f"{folder / name} is missing. {again}") from error
        if found != digest:
            raise BundleError(f"{folder / name} is not the file that came with Deskhand. {again}")
    bundle = open_bundle(folder)
    for path in bundle.files:
        if path.name not in stated:
            raise BundleError(f"{path} did not come with Deskhand. {again}")
    return bundle
