"""The command as a person runs it: a process of its own, with folders of the test's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HIDDEN = {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"}
"""A person's display, and the memory that the window's tests draw into."""
COMMAND = [sys.executable, "-W", "error", "-m", "deskhand.app.main"]


@dataclass(frozen=True)
class Run:
    """What a run of the command left."""

    code: int
    out: str
    err: str

    @property
    def turn(self) -> dict[str, Any]:
        """The object that ``--json`` printed: one line, nothing else on standard output."""
        assert self.out.count("\n") == 1, self.out + self.err
        return json.loads(self.out)


@pytest.fixture
def deskhand(own_folders: Path) -> Callable[..., Run]:
    """Run ``deskhand`` with these arguments, without a display or a terminal."""

    def run(*arguments: str | Path, **environment: str) -> Run:
        clean = {key: value for key, value in os.environ.items() if key not in HIDDEN}
        done = subprocess.run(
            [*COMMAND, *map(str, arguments)],
            env={**clean, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Run(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., str]:
    """Write a transcript of turns and return the engine's name that plays it."""

    def write(*turns: list[dict[str, Any]]) -> str:
        path = tmp_path / "script.json"
        path.write_text(json.dumps({"model": "a script", "turns": [{"steps": steps} for steps in turns]}))
        return f"scripted:{path}"

    return write
