"""Loads bundles in a process of its own, one a line, and reads a word and a picture with each that loads."""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GGML_NO_BACKTRACE", "1")

from deskhand.model.config import LocalConfig
from deskhand.model.errors import ModelError
from deskhand.model.language.dialect import Control, Plain
from deskhand.model.llama.session import Session
from deskhand.model.types import Image, Sampling

MEMORY = 4 << 30
"""Bytes of address space: a file that claims more must not take the test machine's memory."""


def tried(line: str) -> str:
    """What became of one bundle: ``read``, or a sentence."""
    files = {name: Path(path) for name, path in json.loads(line).items()}
    config = LocalConfig(**files, context_length=512, threads=1, image_budget=560)
    try:
        session = Session(config, available=2 << 30)
    except ModelError as error:
        return str(error)
    try:
        pieces = [Control("<bos>"), Image(bytes(48 * 48 * 3), 48, 48, 70), Plain("What?")]
        for _ in session.run(pieces, sampling=Sampling(temperature=0), max_tokens=4):
            pass
    except ModelError as error:
        return str(error)
    finally:
        session.close()
    return "read"


def main() -> None:
    """Answer each line with one."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    out = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        print(json.dumps(tried(line)), file=out, flush=True)


if __name__ == "__main__":
    main()
