"""A session that outlives the engine, if the person wants that: taken up when it loads, put away when it closes."""

from __future__ import annotations

import logging
from pathlib import Path

from deskhand.model.errors import ModelError
from deskhand.model.llama.saved import SUFFIX, SavedSessionError
from deskhand.model.llama.session import Session

_LOG = logging.getLogger(__name__)


class KeptSession:
    """A session's place between two starts: one file a bundle.

    Args:
        session: which.
        folder: for all of them; private, since conversations can be read from what is in it.
    """

    def __init__(self, session: Session, folder: Path) -> None:
        self._session = session
        self._path = folder / f"{str(session.identity['bundle'])[:16]}{SUFFIX}"
        self._resumed = session.cache.items

    def resume(self) -> tuple[str, ...]:
        """Bring the last session back, if there is one.

        Returns:
            A line for the engine's details: what was resumed, or why nothing was.
        """
        if not self._path.exists():
            return ()
        try:
            self._session.resume(self._path)
        except SavedSessionError as error:
            return (f"session: {error}",)
        self._resumed = self._session.cache.items
        return (f"session: {self._session.cache.position} tokens are still there from before",)

    def keep(self) -> None:
        """Put the session away, unless it is what was resumed. What goes wrong is told in the log only."""
        if self._session.cache.items == self._resumed:
            return
        try:
            self._session.save(self._path)
        except ModelError as error:
            _LOG.warning("%s", error)
