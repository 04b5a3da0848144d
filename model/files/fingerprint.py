"""Which model a file holds, told in milliseconds: two files of the same fingerprint have the same weights."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from deskhand.model.files.header import part_paths, read_header

_PAGE = 4096


def fingerprint(paths: Iterable[Path]) -> str:
    """SHA-256, in hexadecimal, over each file's size, its header, and a page out of the middle of every tensor.

    Hashing the 12B whole would take longer than loading it. A fine-tune or another quantisation changes every matrix,
    so a page of each tells them apart.

    Raises:
        BundleError: a file can't be read.
    """
    digest = hashlib.sha256()
    for path in (part for first in paths for part in part_paths(first)):
        header = read_header(path)
        digest.update(f"{header.size} ".encode())
        with path.open("rb") as file:
            digest.update(file.read(header.data_offset))
            for tensor in header.tensors:
                file.seek(tensor.offset + max(0, tensor.size - _PAGE) // 2)
                digest.update(file.read(min(_PAGE, tensor.size)))
    return digest.hexdigest()
