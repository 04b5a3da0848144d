"""The one interface behind which every engine stands."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Protocol

from deskhand.model.types import Delta, EngineInfo, Request

LOADING = "loading the model"
RESTARTING = "starting the engine again"
"""Stages of `Progress` of an engine in a process of its own, before it can answer; the second after that has ended."""


class Engine(Protocol):
    """Something that turns a conversation into an answer: local, cascade, scripted or remote.

    Every implementation passes `tests/model/test_engine_contract.py`.
    """

    @property
    def info(self) -> EngineInfo:
        """What this engine is. Loads the model if that has not been done yet."""
        ...

    def generate(self, request: Request, cancel: threading.Event | None = None) -> Iterator[Delta]:
        """Stream one generation.

        The last delta is a `Finish`. Setting ``cancel`` from any thread ends the stream within one decode step with
        ``Finish("cancelled")``; closing the iterator early does the same and leaves the engine usable.

        Raises:
            ModelError: with a sentence for the person; the engine can be used again afterwards.
        """
        ...

    def close(self) -> None:
        """Free everything. Safe to call twice, and from another thread than `generate`'s."""
        ...
