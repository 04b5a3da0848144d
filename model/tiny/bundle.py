"""A tiny bundle of the exact Gemma 4 unified architecture, with seeded weights whose behaviour is known.

Keys, tensor names and shapes are those of llama.cpp's converter (`convert_hf_to_gguf.py`) for `gemma4`, `clip` with
`gemma4uv` + `gemma4ua`, and `gemma4-assistant`. The weights are random but not arbitrary. The hidden state has three
parts: the identity of the current token, a context that only attention writes, and the rest. The tokens that may be
generated stand in groups on a ring. The output head makes the next token one of the next group, and the context decides
which one. So greedy text depends on everything in the prompt, pixels and sound included, yet never runs into a control
token unless `TinySpec.stops` puts one on the ring; and a drafter that carries the context along is right as often as it
is told.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import platformdirs

from deskhand.model.files.bundle import Bundle
from deskhand.model.tiny.files import write_drafter, write_main, write_mmproj
from deskhand.model.tiny.keys import FRAME, PATCH_VALUES, POSITIONS
from deskhand.model.tiny.ring import Ring
from deskhand.model.tiny.spec import GENERATOR_VERSION, TinySpec
from deskhand.model.tiny.vocab import vocabulary

__all__ = [
    "DEFAULT",
    "FRAME",
    "GENERATOR_VERSION",
    "PATCH_VALUES",
    "POSITIONS",
    "TinySpec",
    "cached_bundle",
    "write_bundle",
]


DEFAULT = TinySpec()
"""11 MB, written in a second."""


def write_bundle(folder: Path, spec: TinySpec = DEFAULT) -> Bundle:
    """Write ``main.gguf``, ``mmproj.gguf`` and ``drafter.gguf`` into ``folder``, which is made if missing.

    Raises:
        OSError: the folder can't be written.
        ValueError: a stop names no token.
    """
    folder.mkdir(parents=True, exist_ok=True)
    bundle = Bundle(folder / "main.gguf", folder / "mmproj.gguf", folder / "drafter.gguf")
    ring = Ring(spec, vocabulary(spec.vocab))
    write_main(folder / "main.gguf", spec, ring)
    write_mmproj(folder / "mmproj.gguf", spec)
    write_drafter(folder / "drafter.gguf", spec, ring)
    return bundle


def cached_bundle(spec: TinySpec = DEFAULT) -> Bundle:
    """`write_bundle` into the person's cache, or what an earlier call wrote there.

    Safe against other processes doing the same: the folder appears whole, by a rename.

    Raises:
        OSError: the cache can't be written.
    """
    home = Path(platformdirs.user_cache_dir("deskhand"), "tiny")
    folder = home / spec.digest
    if not folder.is_dir():
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home, prefix=".new-") as made:
            write_bundle(Path(made, "bundle"), spec)
            try:
                Path(made, "bundle").rename(folder)
            except OSError:
                # Another process was faster; its files are the same.
                if not folder.is_dir():
                    raise
    return Bundle(folder / "main.gguf", folder / "mmproj.gguf", folder / "drafter.gguf")
