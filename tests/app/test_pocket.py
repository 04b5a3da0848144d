"""Pocket as a person gets it: explained on the screen, offered its own tools only, and answering one turn at a time."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from pathlib import Path

from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from deskhand.agent.events import Event, Notice
from deskhand.app import settings, wiring
from deskhand.app.desktop import open_window
from deskhand.app.settings import POCKET
from deskhand.app.window.theme import Theme
from deskhand.app.window.welcome import POCKET as GREETING
from deskhand.model.config import LocalConfig
from deskhand.model.pocket.spec import HEIGHT, WIDTH
from deskhand.model.types import Trained


def test_it_is_loaded_for_pictures_and_turns_as_it_was_trained_on(own_folders: Path):
    config = wiring.engine_config(settings.load(engine="pocket"))
    assert isinstance(config, LocalConfig)
    assert (config.alone, config.image_budget, config.context_length) == (True, 70, 1024)
    assert config.main.parent == POCKET
    assert config.trained == Trained(pictures=1, size=(WIDTH, HEIGHT), seconds=5.0)


def test_the_command_of_the_readme_fetches_no_model():
    root = Path(__file__).parents[2]
    make = shutil.which("make")
    assert make
    steps = subprocess.run([make, "-n", "try"], cwd=root, capture_output=True, text=True, check=True).stdout
    assert "deskhand --engine pocket" in steps
    assert "models get" not in steps
    assert "\nmake try " in (root / "README.md").read_text("utf-8")


def test_its_small_world_is_explained_before_anything_is_asked(qtbot: QtBot, theme: Theme):
    window, bridge = open_window(settings.load(engine="pocket"), wiring.open_history(), theme)
    qtbot.addWidget(window)
    window.show()
    try:
        for width in (900, 1400):
            window.resize(width, 720)
            qtbot.wait(20)
            (lead,) = (each for each in window.welcome.findChildren(QLabel) if "can be wrong" in each.text())
            assert lead.height() >= lead.heightForWidth(lead.width()), "its last lines are cut off"
        told = " ".join(label.text() for label in window.welcome.findChildren(QLabel))
        megabytes = round(json.loads((POCKET / "report.json").read_text("utf-8"))["bytes"] / 1e6)
        assert f"a model of {megabytes} MB that came with Deskhand" in told
        assert "it can be wrong" in told
        asked: list[bool] = []
        window.practice_requested.connect(lambda: asked.append(True))
        window.welcome.findChild(QPushButton, "practice").click()
        assert asked
    finally:
        assert bridge.shutdown(30)


def test_typed_commands_become_calls_of_its_skills_turn_by_turn(own_folders: Path):
    suggested = [text for _, text, screenshot in GREETING.suggestions if not screenshot]
    notices: list[object] = []
    events: list[Event] = []
    chosen = settings.load(engine="pocket")
    desk = wiring.build(chosen, wiring.open_history(), notices.append, ["clock", "notes"], ask=False)
    try:
        conversation = desk.store.new_conversation()
        outcomes = [
            desk.agent.turn(conversation, text, (), events.append, threading.Event())
            for text in (*suggested, "what time is it", "boil the water")
        ]
    finally:
        desk.close()
    called = [[(each.call.name, dict(each.call.arguments), each.error) for each in done.calls] for done in outcomes]
    assert called == [
        [("clock_set_timer", {"minutes": 10}, "")],
        [("notes_append", {"text": "buy milk and bread"}, "")],
        [("clock_time", {}, "")],
        [],
    ]
    assert [(outcome.finish, outcome.answer) for outcome in outcomes[:3]] == [("stop", "Done.")] * 3
    assert outcomes[3].finish == "stop"
    assert not [event for event in events if isinstance(event, Notice)]
    assert not notices
