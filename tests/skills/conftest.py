"""The bundled skills over the application's own host, as the agent calls them."""

from __future__ import annotations

import os

# Before Qt is loaded: what these tests need of it draws into memory, except where one brings a display of its own.
os.environ["QT_QPA_PLATFORM"] = "offscreen"

import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from deskhand.agent.limits import Limits
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.tool import ToolResult
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.app.host import AppHost
from deskhand.model.types import ToolCall

ROOT = Path(__file__).parents[2] / "skills"


@pytest.fixture
def bundled(tmp_path: Path) -> Generator[Callable[..., Callable[..., ToolResult]]]:
    """``bundled(host)`` gives a function that calls a tool by name over that host."""

    made: list[AppHost] = []

    def over(host: Any, cancel: threading.Event | None = None) -> Callable[..., ToolResult]:
        made.extend([host] if isinstance(host, AppHost) else [])
        box = Toolbox(load_skills([(ROOT, "bundled")]), tmp_path / "data", host)

        def call(name: str, /, **arguments: Any) -> ToolResult:
            return box.run(ToolCall("c", name, arguments), cancel or threading.Event(), Limits())

        return call

    yield over
    for host in made:
        host.close()
