"""Opening the window for the first time: the models are offered, fetched only after a click, and then it answers."""

from __future__ import annotations

import select
import socket
from pathlib import Path

import pytest
from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QLabel, QPushButton, QToolButton
from pytestqt.qtbot import QtBot

from deskhand.agent.events import TurnEnded
from deskhand.app import settings, wiring
from deskhand.app.desktop import open_window, within
from deskhand.app.happenings import EngineFailed, EngineReady, Happening
from deskhand.app.settings import Settings
from deskhand.app.window.theme import Theme
from deskhand.app.window.welcome import POCKET


@pytest.mark.parametrize("left", [0, 800, -1920])
@pytest.mark.parametrize(("wide", "high"), [(800, 600), (1280, 720), (2560, 1440)])
def test_a_new_window_lies_on_one_screen(left, wide, high):
    """WINDOW.md 3: 1040 pixels wide, it lay across two screens of 800."""
    room = QRect(left, 24, wide, high - 24)
    place = within(QSize(1040, 760), room)
    assert room.adjusted(8, 24, -8, 0).contains(place)
    assert place.width() == min(1040, wide - 16)
    assert abs(place.center().x() - room.center().x()) <= 1


def opened(qtbot: QtBot, theme: Theme, chosen: Settings):
    window, bridge = open_window(chosen, wiring.open_history(), theme)
    happened: list[Happening] = []
    bridge.happened.connect(happened.append)
    qtbot.addWidget(window)
    window.show()
    bridge.start()
    return window, bridge, happened


def last(happened: list[Happening], kind: type) -> Happening | None:
    return next((event for event in reversed(happened) if isinstance(event, kind)), None)


def test_without_models_nothing_is_fetched_before_the_person_agrees(
    qtbot: QtBot, theme: Theme, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # An index that is not there: what is fetched after the click fails, and says so.
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_RETRIES", "0")
    window, bridge, happened = opened(qtbot, theme, Settings(engine="cascade"))
    try:
        qtbot.waitUntil(lambda: last(happened, EngineFailed) is not None, timeout=20_000)
        offer = last(happened, EngineFailed)
        assert isinstance(offer, EngineFailed)
        assert offer.offer
        assert "Apache-2.0" in offer.sentence
        assert not list((tmp_path / "cache").rglob("*.whl"))
        button = next(b for b in window.findChildren(QToolButton, "notice-action") if b.isVisible())
        assert button.text() == "Download"
        button.click()
        qtbot.waitUntil(lambda: last(happened, EngineFailed) is not offer, timeout=60_000)
        failed = last(happened, EngineFailed)
        assert isinstance(failed, EngineFailed)
        assert not failed.offer
    finally:
        assert bridge.shutdown(30)


def test_without_models_the_window_goes_on_with_pocket_for_this_run(
    qtbot: QtBot, theme: Theme, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    window, bridge, happened = opened(qtbot, theme, settings.load())
    try:
        qtbot.waitUntil(lambda: last(happened, EngineFailed) is not None, timeout=20_000)
        assert "just this time" in last(happened, EngineFailed).sentence
        (button,) = (b for b in window.findChildren(QToolButton, "notice-instead") if b.isVisible())
        assert button.text() == "Try Pocket, nothing to download"
        button.click()
        assert window.transcript.items == ()
        assert window.welcome.findChild(QPushButton, "practice").isVisible()
        assert window.composer.input.placeholderText() == POCKET.placeholder
        qtbot.waitUntil(lambda: last(happened, EngineReady) is not None, timeout=60_000)
        assert "Pocket" in window.status.engine.text()
        window.submit("what time is it", ())
        qtbot.waitUntil(lambda: last(happened, TurnEnded) is not None, timeout=60_000)
        assert [each.call.name for each in last(happened, TurnEnded).outcome.calls] == ["clock_time"]
        window.places.go("skills")
        qtbot.waitUntil(lambda: window.findChild(QLabel, "skill-unused") is not None, timeout=20_000)
        assert not settings.settings_file().exists()
        assert not list((tmp_path / "cache").rglob("*.whl"))
    finally:
        assert bridge.shutdown(30)


def test_choosing_pocket_while_models_are_fetched_ends_the_fetching(
    qtbot: QtBot, theme: Theme, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with socket.create_server(("127.0.0.1", 0)) as silent:  # an index that takes the connection and says nothing
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{silent.getsockname()[1]}/")
        monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
        monkeypatch.setenv("PIP_FIND_LINKS", "")
        window, bridge, happened = opened(qtbot, theme, settings.load())
        try:
            qtbot.waitUntil(lambda: last(happened, EngineFailed) is not None, timeout=20_000)
            window.findChild(QToolButton, "notice-action").click()
            qtbot.waitUntil(lambda: select.select([silent], [], [], 0)[0] != [], timeout=60_000)
            window.findChild(QToolButton, "notice-instead").click()
            qtbot.waitUntil(lambda: last(happened, EngineReady) is not None, timeout=60_000)
            assert last(happened, EngineReady).info.alone
            assert sum(isinstance(event, EngineFailed) for event in happened) == 1  # the offer, and no failure
        finally:
            assert bridge.shutdown(30)


def test_with_an_engine_the_window_names_it(qtbot: QtBot, theme: Theme):
    window, bridge, happened = opened(qtbot, theme, Settings(engine="tiny"))
    try:
        qtbot.waitUntil(lambda: last(happened, EngineReady) is not None, timeout=60_000)
        assert "Tiny Gemma 4" in window.status.engine.text()
        bridge.reload()
        assert sum(isinstance(event, EngineReady) for event in happened) == 1
    finally:
        assert bridge.shutdown(30)


def test_the_icon_can_be_drawn(qapp):
    picture = QIcon(str(settings.ICON)).pixmap(64, 64).toImage()
    assert picture.pixelColor(32, 8).name() == "#2f6b5e"
    assert picture.pixelColor(15, 26).lightness() > 200
