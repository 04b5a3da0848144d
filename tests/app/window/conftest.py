"""A window with pages over real folders: the person's skills, consents, grants and settings of one test."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QThreadPool
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from deskhand.app import settings, wiring
from deskhand.app.happenings import EngineReady
from deskhand.app.window.window import Window
from tests.app.conftest import INFO, HandDesk

TEXT = "---\nname: {name}\ndescription: Says it {name}.\nlicense: MIT\n{front}---\nUse capitals.\n"


def write_skill(folder: Path, name: str, front: str = "", **files: str) -> Path:
    """A skill's folder below ``folder``, with further files by name."""
    made = folder / name
    made.mkdir(parents=True)
    (made / "SKILL.md").write_text(TEXT.format(name=name, front=front))
    for file, text in files.items():
        (made / file).write_text(text)
    return made


class Paged:
    """The window, and short ways to what is on its pages."""

    def __init__(self, window: Window, qtbot: QtBot) -> None:
        self.window = window
        self.qtbot = qtbot
        self.shelf = wiring.shelf()

    def find(self, name: str) -> QWidget | None:
        return next((w for w in self.window.findChildren(QWidget, name) if w.isVisible()), None)

    def wait(self, name: str) -> QWidget:
        self.qtbot.waitUntil(lambda: self.find(name) is not None, timeout=20_000)
        found = self.find(name)
        assert found is not None
        return found

    def readable(self) -> QWidget:
        """Wait until the sheet that is open can be answered."""
        self.qtbot.waitUntil(lambda: self.window.sheets.top is not None and self.window.sheets.top.answerable)
        assert self.window.sheets.top is not None
        return self.window.sheets.top

    def gone(self, name: str) -> None:
        self.qtbot.waitUntil(lambda: self.find(name) is None, timeout=20_000)

    def click(self, name: str) -> None:
        button = self.wait(name)
        self.qtbot.waitUntil(button.isEnabled)
        button.click()

    def says(self, text: str) -> None:
        """Wait for the page to say something."""
        self.qtbot.waitUntil(
            lambda: any(text in w.text() for w in self.window.findChildren(QWidget, "told-text") if w.isVisible()),
            timeout=20_000,
        )

    def state(self, name: str) -> str:
        return next((row.held.state for row in self.shelf.look().rows if row.held.skill.name == name), "")


@pytest.fixture
def paged(qtbot: QtBot, theme, desk: HandDesk, own_folders: Path):
    made = settings.load()
    window = Window(desk, theme, shelf=wiring.shelf(), permits=wiring.permits(made))
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    desk.happened.emit(EngineReady(INFO))
    yield Paged(window, qtbot)
    window.close()
    assert QThreadPool.globalInstance().waitForDone(20_000)
