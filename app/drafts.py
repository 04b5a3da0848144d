"""What is typed and not sent yet, for each conversation, kept on disk so that no crash takes it."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import cast

from deskhand.agent import private

NEW = "new"
"""The key of the conversation that has no turn yet."""


class Drafts:
    """A JSON file that only the person can read. What can't be read or written is lost in silence: it is a safety net.

    Args:
        path: of the file; need not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._numbered = 0

    def read(self) -> tuple[dict[str, str], str]:
        """Every draft by the key of its conversation, and the key of the one that was written last."""
        try:
            data = cast("object", json.loads(self._path.read_bytes()))
        except (OSError, ValueError, RecursionError):
            return {}, NEW
        held = cast("dict[str, object]", data) if isinstance(data, dict) else {}
        drafts = held.get("drafts")
        texts = cast("dict[str, object]", drafts) if isinstance(drafts, dict) else {}
        last = held.get("last")
        kept = {key: text for key, text in texts.items() if isinstance(text, str)}
        return kept, last if isinstance(last, str) else NEW

    def write(self, drafts: dict[str, str], last: str, number: int) -> None:
        """Keep these, unless later ones (by their number) were kept already; from any thread."""
        with self._lock:
            if number < self._numbered:
                return
            self._numbered = number
            try:
                if drafts:
                    private.write(self._path, json.dumps({"drafts": drafts, "last": last}).encode())
                else:
                    self._path.unlink(missing_ok=True)
            except OSError:
                return
