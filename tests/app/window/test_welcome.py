"""The greeting: all of it can be read in the smallest window, by keys alone, and another can take its place."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton

from deskhand.app.window.welcome import POCKET, USUAL
from deskhand.app.window.window import LEAST

ROOT = Path(__file__).parents[3]


def test_all_of_it_is_reached_by_keys_in_the_smallest_window_of_a_real_screen(x_display: str):
    clean = {key: value for key, value in os.environ.items() if key != "WAYLAND_DISPLAY"}
    told = subprocess.run(
        [sys.executable, "-m", "tests.app.window.welcome_on_screen"],
        env={**clean, "DISPLAY": x_display, "QT_QPA_PLATFORM": "xcb"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    runs = [json.loads(line) for line in told.stdout.splitlines()]
    assert len(runs) == 4
    for run in runs:
        assert run["size"] == list(LEAST)
        assert len(run["texts"]) >= 5
        assert set(run["texts"]) == set(run["seen"])
    pocket = runs[1]
    assert POCKET.lead in pocket["first"], "what it can't do is read first"


def test_a_narrow_window_begins_without_the_conversations(window):
    assert window.head.fold.isChecked()
    narrow = type(window)(window._desk, window._theme)
    narrow.resize(*LEAST)
    narrow.show()
    assert not narrow.sidebar.isVisible()
    narrow.close()


def test_where_all_is_to_be_seen_the_greeting_is_no_stop_of_the_tab_key(window, qtbot):
    window.resize(1280, 800)
    qtbot.waitUntil(lambda: window.welcome.focusPolicy() == Qt.FocusPolicy.NoFocus)
    window.resize(*LEAST)
    window.greet(POCKET, 70)
    qtbot.waitUntil(lambda: window.welcome.focusPolicy() == Qt.FocusPolicy.StrongFocus)


def test_another_greeting_takes_the_place_of_the_first(window):
    asked = []
    window.practice_requested.connect(lambda: asked.append(True))
    assert window.welcome.findChild(QPushButton, "practice") is None
    window.greet(POCKET, 70)
    assert [each.text() for each in window.welcome.findChildren(QLabel)] == [POCKET.hero, POCKET.lead]
    window.welcome.findChild(QPushButton, "practice").click()
    assert asked
    assert window.gatherer.budget == 70
    assert window.composer.input.placeholderText() == POCKET.placeholder != USUAL.placeholder
