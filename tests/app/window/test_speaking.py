"""From a voice in the air to the model's cache: what was said is read when it ends, through everything that is real."""

import os
import subprocess

import pytest
from PySide6.QtCore import Qt

from deskhand.agent.events import Progressed, TextAdded, TurnEnded
from deskhand.agent.percept import ScreenPercept
from deskhand.app import virtual, wiring
from deskhand.app.bridge import Bridge, Ready
from deskhand.app.happenings import EngineReady
from deskhand.app.settings import Settings
from deskhand.app.window.window import Window
from deskhand.model.types import Image


@pytest.fixture
def voice(microphone, monkeypatch, tmp_path):
    """Begins to speak for some eight seconds."""
    for name, value in microphone.items():
        monkeypatch.setenv(name, value)
    path = virtual.speak("one two three four five six seven eight nine ten " * 3, tmp_path / "speech.wav")
    started = []

    def speak():
        started.append(subprocess.Popen(["paplay", str(path)], env=os.environ.copy()))
        return started[0]

    yield speak
    for process in started:
        process.terminate()
        process.wait()


@pytest.fixture
def speaking(qtbot, theme):
    """A window over the tiny bundle in its own process, and all that happens there."""
    store = wiring.open_history()
    desk = wiring.build(Settings(engine="tiny"), store, lambda _notice: None)
    bridge = Bridge(lambda _say: Ready(desk.agent, desk.engine.info), store)
    window = Window(bridge, theme)
    window.seen = []
    bridge.happened.connect(window.seen.append)
    qtbot.addWidget(window)
    window.show()
    bridge.start()
    qtbot.waitUntil(lambda: any(isinstance(event, EngineReady) for event in window.seen), timeout=60_000)
    yield window
    window.close()
    assert bridge.shutdown()
    desk.close()


def of(window, kind):
    return [event for event in window.seen if isinstance(event, kind)]


def read(progress):
    return progress.done >= progress.total


def test_nearly_all_that_was_said_is_read_when_it_ends(speaking, qtbot, voice):
    window = speaking
    window.composer.chips.add(ScreenPercept(Image(bytes([90]) * (640 * 400 * 3), 640, 400, 280)))
    qtbot.mousePress(window.composer.talk, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.talk.listens, timeout=15_000)
    said = voice()
    qtbot.waitUntil(lambda: said.poll() is not None, timeout=60_000)
    qtbot.waitUntil(lambda: bool(of(window, Progressed)) and read(of(window, Progressed)[-1]), timeout=60_000)
    qtbot.mouseRelease(window.composer.talk, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(of(window, TextAdded)), timeout=60_000)
    window.stop()
    qtbot.waitUntil(lambda: bool(of(window, TurnEnded)), timeout=30_000)
    usage = of(window, TurnEnded)[0].outcome.usage
    assert usage.image_tokens > 200
    assert usage.audio_tokens > 150
    # Left are the last fraction of a second, and what ends the turn.
    assert usage.evaluated_tokens < 40
    assert usage.reused_tokens == usage.prompt_tokens - usage.evaluated_tokens


def test_what_was_thrown_away_is_not_read_again_and_not_missed(speaking, qtbot, voice, stamps):
    window = speaking
    qtbot.mouseClick(window.composer.talk, Qt.MouseButton.LeftButton)
    voice()
    qtbot.waitUntil(lambda: len({event.total for event in of(window, Progressed)}) > 10, timeout=60_000)
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    window.submit("hello", ())
    qtbot.waitUntil(lambda: bool(of(window, TextAdded)), timeout=60_000)
    window.stop()
    qtbot.waitUntil(lambda: bool(of(window, TurnEnded)), timeout=30_000)
    usage = of(window, TurnEnded)[0].outcome.usage
    assert usage.audio_tokens == 0
    assert usage.evaluated_tokens < 40
