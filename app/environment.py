"""The variables that a person's folders come from, put right before anything is looked for in them.

A relative path in one of the XDG variables is to be ignored (XDG Base Directory Specification): it would mean another
folder in every working directory. Without a usable HOME the system's list of users says where home is.
"""

from __future__ import annotations

import os
from pathlib import Path

_FOLDERS = ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR")


class HomelessError(Exception):
    """Nobody knows where the person's files belong; the message says what to do."""


class DataFolderError(OSError):
    """A folder of ours can't be made or used; the message says which and what to do."""

    def __init__(self, folder: Path, error: OSError, variable: str = "") -> None:
        super().__init__(error.errno, error.strerror, str(folder))
        self._hint = f" (the variable {variable} names it)" if os.environ.get(variable) else ""

    def __str__(self) -> str:
        """The sentence."""
        return f"The folder {self.filename}{self._hint} can't be used: {self.strerror}. Deskhand keeps its files there."


def repair() -> None:
    """Forget variables that name no folder.

    Raises:
        HomelessError: there is no home.
    """
    for name in ("HOME", *_FOLDERS):
        if name in os.environ and not os.path.isabs(os.environ[name].strip()):  # noqa: PTH117 - not yet a path
            del os.environ[name]
    if not os.path.isabs(os.path.expanduser("~")):  # noqa: PTH111, PTH117 - Path raises an error of its own
        raise HomelessError(
            "Deskhand doesn't know your home folder: HOME is not set, and the system has no entry for you. "
            "Start it with HOME=/the/folder deskhand"
        )
