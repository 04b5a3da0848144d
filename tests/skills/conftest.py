"""The bundled skills over the application's own host, as the agent calls them."""

from __future__ import annotations

import os

# Before Qt is loaded: what these tests need of it draws into memory, except where one brings a display of its own.
os.environ["QT_QPA_PLATFORM"] = "offscreen"

import sys
import threading
from collections.abc import Callable, Generator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from deskhand.agent.limits import Limits
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.tool import ToolResult
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.app.host import AppHost
from deskhand.model.types import ToolCall

ROOT = Path(__file__).parents[2] / "skills"


def skill_module(skill: str, name: str) -> ModuleType:
    """A file of a bundled skill, for what is tried thousands of times; calls of its tools run in their own process."""
    spec = spec_from_file_location(f"{skill}_{name}", ROOT / skill / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.insert(0, str(ROOT / skill))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(ROOT / skill))
    return module


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
