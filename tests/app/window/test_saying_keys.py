"""The row of a question where the person may say it: its keys, its microphone, and who decides."""

import os
import subprocess
import threading

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton

from deskhand.agent.events import Answer, ApprovalHeard, ApprovalRequest, ApprovalRequested
from deskhand.app import virtual
from deskhand.app.microphone import Recorder
from deskhand.model.types import ToolCall

PHRASE = "append call the doctor"


@pytest.fixture
def plugged(microphone, monkeypatch):
    for name, value in microphone.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def voice(plugged, tmp_path):
    """Somebody who speaks until the test is over."""
    path = virtual.speak(f"{PHRASE} " * 8, tmp_path / "speech.wav")
    started = []
    yield lambda: started.append(subprocess.Popen(["paplay", str(path)], env=os.environ.copy()))
    for process in started:
        process.terminate()
        process.wait()


@pytest.fixture
def question(window, desk, qtbot):
    """A question that can be answered by voice, in a window without an agent."""
    call = ToolCall("c1", "notes_append", {"text": "call the doctor"})
    request = ApprovalRequest(call, "notes", "Write.", (), phrase=PHRASE)
    desk.happened.emit(ApprovalRequested(request))
    qtbot.waitUntil(lambda: window.sheets.top.answerable)
    return request


def told(window):
    return window.findChild(QLabel, "approval-heard").text()


def test_the_keys_speak_and_press_no_button(qtbot, window, question, plugged):
    no = window.findChild(QPushButton, "approve-no")
    qtbot.waitUntil(no.hasFocus)
    qtbot.keyPress(no, Qt.Key.Key_Space, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: told(window) == "Listening", timeout=15_000)
    qtbot.wait(500)
    qtbot.keyRelease(no, Qt.Key.Key_Space, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: told(window) == "Silent: is the microphone muted?", timeout=15_000)
    assert not question.reply.done()
    assert question.said.empty()
    assert not window.talk.active


def test_a_tap_asks_to_speak_only_once_the_microphone_is_open(qtbot, window, question, plugged, monkeypatch):
    opens = threading.Event()

    class SlowRecorder(Recorder):
        def start(self, on_level=None):
            opens.wait(60)
            super().start(on_level)

    monkeypatch.setattr("deskhand.app.window.talk.TAP_SECONDS", 1000.0)
    talk = window.sheets.approval._saying.talk
    monkeypatch.setattr(talk, "_make", SlowRecorder)
    hold = window.findChild(QPushButton, "approval-talk")
    qtbot.mouseClick(hold, Qt.MouseButton.LeftButton)
    assert talk.tapped
    assert told(window) == "Opening the microphone"
    opens.set()
    qtbot.waitUntil(lambda: told(window) == "Listening: press again when you have said it")
    qtbot.mouseClick(hold, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not talk.active)


def test_where_nothing_can_be_said_the_keys_answer_nothing(qtbot, window, desk):
    request = ApprovalRequest(ToolCall("c1", "notes_append", {}), "notes", "Write.", (), why_not="Not by voice.")
    desk.happened.emit(ApprovalRequested(request))
    qtbot.waitUntil(lambda: window.sheets.top.answerable)
    for button in ("approve-no", "approve-once"):
        window.findChild(QPushButton, button).setFocus()
        qtbot.keyClick(window.findChild(QPushButton, button), Qt.Key.Key_Space, Qt.KeyboardModifier.ControlModifier)
    assert not request.reply.done()


def test_what_is_said_when_the_question_is_over_goes_nowhere(qtbot, window, desk, question, voice):
    voice()
    qtbot.mousePress(window.findChild(QPushButton, "approval-talk"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: told(window) == "Listening", timeout=15_000)
    qtbot.waitUntil(lambda: window.sheets.top.answerable)
    qtbot.keyClick(window.findChild(QPushButton, "approve-no"), Qt.Key.Key_Escape)
    assert question.reply.result(0) is Answer.NO
    qtbot.wait(300)
    assert question.said.empty()
    assert desk.submitted == []


def test_a_recording_of_before_the_question_does_not_answer_it(qtbot, window, desk, voice):
    voice()
    qtbot.mousePress(window.composer.talk, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(window.composer.meter.levels) > 10, timeout=15_000)
    request = ApprovalRequest(ToolCall("c1", "notes_append", {}), "notes", "Write.", (), phrase=PHRASE)
    desk.happened.emit(ApprovalRequested(request))
    qtbot.mouseRelease(window.composer.talk, Qt.MouseButton.LeftButton)
    qtbot.wait(500)
    assert request.said.empty()
    assert not request.reply.done()


def test_only_the_agent_turns_words_into_an_answer(qtbot, window, desk, question):
    sheet = window.sheets.approval
    desk.happened.emit(ApprovalHeard("another", PHRASE, ""))
    assert window.sheets.approval is sheet
    desk.happened.emit(ApprovalHeard("c1", "de\u202elete", "That is something else."))
    assert told(window) == "Heard: “de⟨U+202E⟩lete”. That is something else."
    assert not question.reply.done()
