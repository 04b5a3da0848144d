"""The files of a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Bundle:
    """The files that make one model.

    Attributes:
        main: the language model.
        mmproj: turns pixels and sound into embeddings; None: it reads text only.
        drafter: multi-token-prediction drafter of ``main``; None: no drafting.
    """

    main: Path
    mmproj: Path | None = None
    drafter: Path | None = None
