"""Allowing a call by saying it, from a voice in the air through the microphone and real speech recognition."""

import os
import subprocess

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton

from deskhand.agent.events import CallEnded, Decision, TurnEnded
from deskhand.agent.loop import Agent
from deskhand.agent.safety.permissions import Permissions
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.tools.host import HostError
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.app import settings, virtual, wiring
from deskhand.app.bridge import Bridge, Ready
from deskhand.app.happenings import EngineReady
from deskhand.app.settings import Settings
from deskhand.app.window.window import Window
from deskhand.model.process.client import WorkerEngine
from deskhand.model.types import CallDelta, Finish, TextDelta, ToolCall


class Asking:
    """An engine that asks for one timer, and hears as the cascade does."""

    def __init__(self, ears):
        self._ears = ears
        self.info = ears.info

    def generate(self, request, cancel=None):
        if request.transcript:
            yield from self._ears.generate(request, cancel)
            return
        if request.unfinished:
            yield Finish("stop")
        elif request.messages[-1].role == "tool":
            yield TextDelta("Set.")
            yield Finish("stop")
        else:
            yield CallDelta(ToolCall("c", "clock_set_timer", {"minutes": 10}))
            yield Finish("stop")

    def close(self):
        self._ears.close()


class NoHost:
    def ask(self, asked):
        raise HostError("There is nothing here.")


@pytest.fixture
def say(microphone, monkeypatch, tmp_path):
    for name, value in microphone.items():
        monkeypatch.setenv(name, value)
    started = []

    def say(text):
        path = virtual.speak(text, tmp_path / "speech.wav", "en-gb", 140)
        started.append(subprocess.Popen(["paplay", str(path)], env=os.environ.copy()))
        return started[-1]

    yield say
    for process in started:
        process.terminate()
        process.wait()


@pytest.fixture
def asked(qtbot, theme):
    """A window whose turn waits for an answer; Whisper listens in a process of its own."""
    ears = WorkerEngine(wiring.cascade_config(Settings()))
    store = wiring.open_history()
    box = Toolbox(load_skills([(settings.BUNDLED_SKILLS, "bundled")]), settings.data_folder(), NoHost())
    engine = Asking(ears)
    agent = Agent(engine, store, box, Permissions())
    bridge = Bridge(lambda _say: Ready(agent, ears.info), store)
    window = Window(bridge, theme)
    window.seen = []
    bridge.happened.connect(window.seen.append)
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    bridge.start()
    qtbot.waitUntil(lambda: any(isinstance(event, EngineReady) for event in window.seen), timeout=120_000)
    window.submit("remind me to stretch in ten minutes", ())
    qtbot.waitUntil(lambda: window.sheets.approval is not None, timeout=30_000)
    qtbot.waitUntil(lambda: window.sheets.approval.findChild(QPushButton, "approval-talk").isEnabled())
    yield window
    window.close()
    assert bridge.shutdown()
    engine.close()
    store.close()


def heard(window):
    return window.sheets.approval.findChild(QLabel, "approval-heard").text() if window.sheets.approval else "(closed)"


def speak(window, qtbot, process_of):
    hold = window.sheets.approval.findChild(QPushButton, "approval-talk")
    qtbot.mousePress(hold, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: heard(window) == "Listening", timeout=15_000)
    said = process_of()
    qtbot.waitUntil(lambda: said.poll() is not None, timeout=60_000)
    qtbot.wait(1000)  # until the last of it has come through the devices
    qtbot.mouseRelease(hold, Qt.MouseButton.LeftButton)


def test_only_the_phrase_allows_and_once(asked, qtbot, say):
    window = asked
    assert window.sheets.approval.findChild(QLabel, "approval-phrase").text() == "“set a ten-minute timer”"
    speak(window, qtbot, lambda: say("Yes. Allow it. Go ahead."))
    qtbot.waitUntil(lambda: heard(window).startswith("Heard"), timeout=120_000)
    assert "Say: set a ten-minute timer" in heard(window)
    assert not window.sheets.approval.request.reply.done()
    speak(window, qtbot, lambda: say("Set a ten minute timer."))
    qtbot.waitUntil(lambda: heard(window).startswith("Heard") or window.sheets.approval is None, timeout=120_000)
    assert heard(window) == "(closed)"
    qtbot.waitUntil(lambda: any(isinstance(event, TurnEnded) for event in window.seen), timeout=60_000)
    (record,) = (event.record for event in window.seen if isinstance(event, CallEnded))
    assert (record.decision, record.error) == (Decision.APPROVED, "")
    assert window.sheets.approval is None
