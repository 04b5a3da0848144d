"""A small real engine that plays deltas, and everything an agent needs around it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deskhand.agent.events import Answer, ApprovalRequested, Event
from deskhand.agent.history import Store
from deskhand.agent.loop import Agent, Limits
from deskhand.agent.percept import ScreenPercept
from deskhand.agent.safety.audit import Audit
from deskhand.agent.safety.painting import Painter
from deskhand.agent.safety.permissions import Permissions
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.tools.host import Asked, HostError, Told, picture
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.app.host.edits import Edits
from deskhand.app.host.files import Files
from deskhand.model.types import (
    CallDelta,
    Delta,
    EngineInfo,
    Finish,
    Image,
    Request,
    TextDelta,
    ToolCall,
    Trained,
    Usage,
)

SKILLS = Path(__file__).parents[2] / "skills"


class Player:
    """An `Engine` that plays one list of deltas a generation; an exception among them is raised."""

    def __init__(
        self,
        *generations: list[Delta | Exception | Callable[[], None]],
        context_length: int = 8192,
        alone: bool = False,
        trained: Trained | None = None,
    ) -> None:
        self.generations = list(generations)
        self.requests: list[Request] = []
        self._context_length = context_length
        self._alone = alone
        self._trained = trained

    @property
    def info(self) -> EngineInfo:
        return EngineInfo(
            "scripted",
            "player",
            self._context_length,
            sees=True,
            hears=True,
            drafts=False,
            alone=self._alone,
            trained=self._trained,
        )

    def generate(self, request: Request, cancel: threading.Event | None = None) -> Iterator[Delta]:
        self.requests.append(request)
        usage = Usage(prompt_tokens=10, evaluated_tokens=4, reused_tokens=6, completion_tokens=2)
        for delta in self.generations.pop(0):
            if cancel is not None and cancel.is_set():
                yield Finish("cancelled", usage)
                return
            if isinstance(delta, Exception):
                raise delta
            if callable(delta):
                delta()
                continue
            yield delta
            if isinstance(delta, Finish):
                return
        yield Finish("cancelled" if cancel is not None and cancel.is_set() else "stop", usage)

    def close(self) -> None:
        pass


class Eyes:
    """A `Host` with a screen of two colours, or none."""

    def __init__(self, problem: str = "") -> None:
        self.problem = problem
        self.looks = 0
        self.asked: list[Asked] = []

    def ask(self, asked: Asked) -> Told:
        self.asked.append(asked)
        if asked.name == "change_own_file":
            return Edits(Files([])).change_own_file(asked)  # the real one: what notes say shall be on disk
        return picture(self.look()) if asked.name == "look" else Told(dict(asked.arguments))

    def look(self) -> ScreenPercept:
        self.looks += 1
        if self.problem:
            raise HostError(self.problem)
        return ScreenPercept(Image(bytes(range(256)) * 3 * 4, 32, 32), source="screen 1 (test)")


def says(text: str) -> list[Any]:
    return [TextDelta(text[: len(text) // 2]), TextDelta(text[len(text) // 2 :])]


def calls(name: str, /, **arguments: Any) -> list[Any]:
    return [CallDelta(ToolCall("c1", name, arguments))]


class Stage:
    """An agent with its surroundings, and the events of its turns."""

    def __init__(self, tmp: Path, skills: list[tuple[Path, str]]) -> None:
        self.events: list[Event] = []
        self.answers: list[Answer] = []
        self.cancel = threading.Event()
        self.store = Store(tmp / "history.db")
        self.conversation = self.store.new_conversation()
        self.eyes = Eyes()
        self.data = tmp / "data"
        self.toolbox = Toolbox(load_skills(skills), self.data, self.eyes)
        self.permissions = Permissions()
        self.limits = Limits()
        self.audit: Audit | None = None
        self.painter: Painter | None = None

    def emit(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, ApprovalRequested) and self.answers:
            event.request.reply.set_result(self.answers.pop(0))

    def agent(self, engine: Any) -> Agent:
        more = {"audit": self.audit, "painter": self.painter}
        return Agent(engine, self.store, self.toolbox, self.permissions, self.limits, **more)

    def run(self, engine: Any, text: str = "hello", percepts: Any = (), **options: Any) -> Any:
        return self.agent(engine).turn(self.conversation, text, percepts, self.emit, self.cancel, **options)

    def seen(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path, [(SKILLS, "bundled")])
    yield made
    made.store.close()


@pytest.fixture
def make_skill(tmp_path: Path) -> Callable[..., Path]:
    """Write a skill folder below ``tmp_path/skills`` and return the root."""

    def make(
        name: str, tools: str = "", scopes: str = "", front: str = "", body: str = "Body.", *, core: bool = True
    ) -> Path:
        folder = tmp_path / "skills" / name
        folder.mkdir(parents=True)
        text = f"---\nname: {name}\ndescription: A skill for tests.\n{front}"
        if tools:
            (folder / "tools.py").write_text(tools)
            text += f'metadata:\n  deskhand-tools: tools.py\n  deskhand-scopes: "{scopes}"\n'
            text += f'  deskhand-core: "{str(core).lower()}"\n'
        (folder / "SKILL.md").write_text(f"{text}---\n{body}\n")
        return folder.parent

    return make


@pytest.fixture
def player() -> type[Player]:
    return Player


@pytest.fixture
def eyes() -> type[Eyes]:
    return Eyes


@pytest.fixture
def script() -> Any:
    """``script.says`` and ``script.calls`` make the deltas of a generation."""

    class Script:
        says = staticmethod(says)
        calls = staticmethod(calls)

    return Script
