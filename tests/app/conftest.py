"""Fixtures of the windows: Qt without a screen unless a test brings one, and a desk that a test plays by hand."""

from __future__ import annotations

import os

# Before Qt is loaded: the tests of this room draw into memory.
os.environ["QT_QPA_PLATFORM"] = "offscreen"

from collections.abc import Sequence
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QThreadPool, Signal
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from deskhand.agent.percept import Percept
from deskhand.app.happenings import EngineReady
from deskhand.app.window.talk import Talk
from deskhand.app.window.theme import Theme
from deskhand.app.window.window import Window
from deskhand.model.types import EngineInfo, ToolChoice


def pytest_collection_modifyitems(items):
    """The offscreen platform has no window manager to tell sizes and order to, and says so for every window."""
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        item.add_marker(
            pytest.mark.qt_log_ignore(r"plugin does not support (propagateSizeHints|raise)\(\)", extend=True)
        )


INFO = EngineInfo("scripted", "a script", 8192, sees=True, hears=True, drafts=False)


class HandDesk(QObject):
    """A desk without an agent: remembers what the window asks for; the test says what happens."""

    happened = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.submitted: list[tuple[str, tuple[Percept, ...]]] = []
        self.prepared: list[tuple[Percept, ...]] = []
        self.asked: list[str] = []

    def submit(self, text: str, percepts: Sequence[Percept] = (), *, tool_choice: ToolChoice = "auto") -> None:
        self.submitted.append((text, tuple(percepts)))

    def prepare(self, percepts: Sequence[Percept] = ()) -> None:
        self.prepared.append(tuple(percepts))

    def stop(self) -> None:
        self.asked.append("stop")

    def new_conversation(self) -> None:
        self.asked.append("new")

    def open(self, conversation: int) -> None:
        self.asked.append(f"open {conversation}")

    def delete(self, conversation: int) -> None:
        self.asked.append(f"delete {conversation}")

    def withdraw(self, task: str) -> None:
        self.asked.append(f"withdraw {task}")

    def undo(self, call: str, *, redo: bool = False, force: bool = False) -> None:
        self.asked.append(f"undo {call}{' again' * redo}{' anyway' * force}")

    def reload(self) -> None:
        self.asked.append("reload")

    def start_fresh(self) -> None:
        self.asked.append("fresh")


@pytest.fixture(scope="session")
def theme(qapp: QApplication):
    """One for the application, as in it; fixed to light, so that no test depends on the machine."""
    return Theme(qapp, dark=False)


@pytest.fixture
def desk() -> HandDesk:
    return HandDesk()


@pytest.fixture
def window(qtbot: QtBot, theme: Theme, desk: HandDesk):
    """A window that is shown, with an engine that is ready."""
    window = Window(desk, theme)
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    desk.happened.emit(EngineReady(INFO))
    yield window
    window.close()
    # What was begun in the background (a microphone that closes) ends before the devices of the tests do.
    assert QThreadPool.globalInstance().waitForDone(20_000)


_STAMP = Talk.stamp


@pytest.fixture(autouse=True)
def no_stamps(monkeypatch: pytest.MonkeyPatch) -> None:
    """QTest's stamps count events and not time: whoever holds a button down in a test waits for real."""
    monkeypatch.setattr(Talk, "stamp", staticmethod(lambda _event: 0))


@pytest.fixture
def stamps(no_stamps: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events have the stamps that they have: a click of QTest is a tap, however long it takes."""
    monkeypatch.setattr(Talk, "stamp", staticmethod(_STAMP))
