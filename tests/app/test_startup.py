"""Where a start fails, a window says why and offers a way on; each way is followed here."""

import os
import threading

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QPushButton

from deskhand.app import instance, settings, startup, wiring
from deskhand.app.instance import Instance, RunningError, bring_forward
from deskhand.app.startup import Begun
from deskhand.app.window.repair import RepairWindow

SEEN = []


@pytest.fixture
def press(qapp):
    """Press buttons of the windows that open, one each, in this order."""
    waiting, texts = [], []
    timer = QTimer()

    def look():
        window = QApplication.activeModalWidget()
        if isinstance(window, RepairWindow) and waiting:
            texts.append(window.findChild(type(window.children()[1]), "repair-problem").text())
            window.findChild(QPushButton, waiting.pop(0)).click()

    timer.timeout.connect(look)
    timer.start(20)

    def plan(*names):
        waiting.extend(names)
        return texts

    yield plan
    timer.stop()
    assert waiting == []


def begun(given=None):
    found = startup.begin(given or {})
    if isinstance(found, Begun):
        found.store.close()
        found.instance.close()
    return found


@pytest.fixture
def config(own_folders):
    folder = own_folders / "config" / "deskhand"
    folder.mkdir(parents=True)
    return folder / "settings.toml"


def test_damaged_settings_open_a_window_and_start_fresh_beside_the_old_file(press, config):
    config.write_text("engine = = 1")
    texts = press("repair-again", "repair-fresh")
    assert isinstance(begun(), Begun)
    assert len(texts) == 2
    assert str(config) in texts[0]
    assert "deskhand reset" not in texts[0]
    (kept,) = config.parent.glob("settings.toml.*.old")
    assert kept.read_text() == "engine = = 1"


def test_settings_that_were_fixed_meanwhile_are_read(press, config):
    config.write_text("mode = 'never'")
    press("repair-again")
    QTimer.singleShot(0, lambda: config.write_text("mode = 'read-only'"))
    assert begun().settings.mode == "read-only"


def test_a_damaged_history_opens_a_window_and_starts_fresh_beside_the_old_file(press):
    file = wiring.history_file()
    file.write_bytes(b"no history" * 100)
    texts = press("repair-fresh")
    assert isinstance(begun(), Begun)
    assert "damaged" in texts[0]
    (kept,) = file.parent.glob("history.sqlite.*.old")
    assert kept.read_bytes() == b"no history" * 100


def test_whoever_quits_changes_nothing(press, config):
    config.write_text("engine = = 1")
    press("repair-quit")
    assert begun() == 1
    assert [path.name for path in config.parent.iterdir()] == ["settings.toml"]
    assert not instance.running()


def test_a_data_folder_that_can_not_be_is_said_and_can_be_tried_again(press, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    texts = press("repair-again", "repair-quit")
    assert begun() == 1
    assert "can't be used" in texts[0]


def test_a_wrong_option_is_told_where_it_was_typed(press, capsys):
    assert begun({"engine": "steam"}) == 1
    assert "engine" in capsys.readouterr().err


def test_one_window_a_data_folder_and_the_second_finds_the_first():
    first, came = Instance(), threading.Event()
    first.listen(came.set)
    with pytest.raises(RunningError, match=f"process {os.getpid()}.*kill {os.getpid()}"):
        Instance()
    assert begun() == 0
    assert came.is_set()
    assert instance.running()
    first.close()
    assert not instance.running()
    Instance().close()


def test_a_first_window_that_does_not_answer_is_said(press, monkeypatch):
    monkeypatch.setattr(instance, "PATIENCE", 0.3)
    first = Instance()
    texts = press("repair-quit")
    assert begun() == 1
    assert "does not answer" in texts[0]
    first.close()


def test_whatever_forward_raises_the_next_one_finds_us_too(monkeypatch):
    calls = []

    def forward():
        calls.append(1)
        raise KeyError

    first = Instance()
    first.listen(forward)
    assert bring_forward()
    assert bring_forward()
    assert calls == [1, 1]
    first.close()


def test_settings_know_the_sound(config):
    config.write_text("sounds = false\n")
    assert settings.load().sounds is False
