"""Push-to-talk through the whole window into a real recording."""

import os
import subprocess
import threading
import time

import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QLabel

from deskhand.agent.events import Progressed
from deskhand.agent.percept import ScreenPercept
from deskhand.app import virtual
from deskhand.app.microphone import Recorder
from deskhand.app.window.talk import NOT_OPEN, TAP_SECONDS, Talk
from deskhand.model.types import Image


@pytest.fixture
def plugged(microphone, monkeypatch):
    for name, value in microphone.items():
        monkeypatch.setenv(name, value)
    return microphone


@pytest.fixture
def speaking(plugged, tmp_path):
    """A voice that speaks until the test is over."""
    path = virtual.speak("one two three four five six seven eight nine ten " * 6, tmp_path / "speech.wav")
    started = []
    yield lambda: started.append(subprocess.Popen(["paplay", str(path)], env=os.environ.copy()))
    for process in started:
        process.terminate()
        process.wait()


def listening(window):
    hint = window.composer.findChild(QLabel, "record-hint").text()
    return "Esc discards" in hint


def test_hold_speak_and_release_sends(window, desk, qtbot, speaking):
    speaking()
    qtbot.mousePress(window.composer.talk, Qt.MouseButton.LeftButton)
    assert window.composer.meter.isVisible()
    qtbot.waitUntil(lambda: listening(window), timeout=15_000)
    qtbot.waitUntil(lambda: max(window.composer.meter.levels, default=0) > 0.4, timeout=15_000)
    qtbot.waitUntil(lambda: len(window.composer.meter.levels) > 20, timeout=15_000)
    qtbot.mouseRelease(window.composer.talk, Qt.MouseButton.LeftButton)
    assert not window.composer.meter.isVisible()
    qtbot.waitUntil(lambda: bool(desk.submitted), timeout=15_000)
    ((text, (percept,)),) = desk.submitted
    assert text == ""
    assert percept.audio.seconds > 0.8


def test_silence_is_said_before_anything_is_sent(window, desk, qtbot, plugged):
    qtbot.keyPress(window.composer.input, Qt.Key.Key_Space, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: len(window.composer.meter.levels) > 12, timeout=15_000)
    qtbot.keyRelease(window.focusWidget(), Qt.Key.Key_Space, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: bool(window.composer.percepts), timeout=15_000)
    assert desk.submitted == []
    words = [each.text() for each in window.composer.chips.findChildren(QLabel)]
    assert "Silent: is the microphone muted?" in words
    assert window.composer.input.hasFocus()


def test_a_tap_goes_on_until_the_next_one(window, desk, qtbot, speaking, stamps):
    speaking()
    qtbot.mouseClick(window.composer.talk, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: max(window.composer.meter.levels, default=0) > 0.4, timeout=15_000)
    assert "Tap again" in window.composer.findChild(QLabel, "record-hint").text()
    assert window.talk.active
    qtbot.wait(int(TAP_SECONDS * 1000) + 50)
    assert window.talk.active
    qtbot.mouseClick(window.composer.talk, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(desk.submitted), timeout=15_000)
    assert not window.talk.active


class SlowRecorder(Recorder):
    """Hears at once, but is long in coming back from opening: what a busy machine does."""

    def start(self, on_level=None):
        super().start(on_level)
        time.sleep(0.4)


def test_no_level_is_shown_before_listening_is_said(qtbot, plugged):
    talk = Talk(SlowRecorder)
    order = []
    talk.listening.connect(lambda: order.append("listening"))
    talk.level.connect(lambda *_: order.append("level"))
    talk.press()
    qtbot.waitUntil(lambda: len(order) > 4, timeout=15_000)
    talk.cancel()
    assert order.index("listening") == 0
    heard = len(order)
    qtbot.wait(200)
    assert len(order) == heard


def mouse(button, kind, stamp):
    down = Qt.MouseButton.LeftButton if kind == QEvent.Type.MouseButtonPress else Qt.MouseButton.NoButton
    place, none = QPointF(button.rect().center()), Qt.KeyboardModifier.NoModifier
    event = QMouseEvent(kind, place, button.mapToGlobal(place), Qt.MouseButton.LeftButton, down, none)
    event.setTimestamp(stamp)
    QApplication.sendEvent(button, event)


def test_a_tap_is_one_by_when_it_was_done_and_not_by_when_the_window_had_time(window, qtbot, plugged, stamps):
    button = window.composer.talk
    mouse(button, QEvent.Type.MouseButtonPress, (1 << 32) - 50)
    time.sleep(TAP_SECONDS + 0.1)
    mouse(button, QEvent.Type.MouseButtonRelease, 50)  # the X server counts anew
    assert window.talk.tapped
    window.talk.cancel()
    mouse(button, QEvent.Type.MouseButtonPress, 10_000)
    qtbot.waitUntil(lambda: listening(window))
    mouse(button, QEvent.Type.MouseButtonRelease, 11_000)
    assert not window.talk.active


def test_escape_discards(window, desk, qtbot, plugged, stamps):
    qtbot.mouseClick(window.composer.talk, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: listening(window), timeout=15_000)
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not window.talk.active
    assert window.composer.input.isVisible()
    qtbot.wait(300)
    assert desk.submitted == []
    assert window.composer.percepts == ()


def test_escape_while_the_microphone_opens_discards_too(window, desk, qtbot, plugged, stamps):
    qtbot.mouseClick(window.composer.talk, Qt.MouseButton.LeftButton)
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not window.talk.active
    qtbot.wait(500)
    assert desk.submitted == []
    assert window.composer.percepts == ()


def test_what_is_said_is_given_to_the_engine_while_it_is_said(window, desk, qtbot, speaking):
    picture = ScreenPercept(Image(bytes(12), 2, 2))
    window.composer.chips.add(picture)
    speaking()
    qtbot.mousePress(window.composer.talk, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(desk.prepared) > 6, timeout=15_000)
    read = window.composer.findChild(QLabel, "record-read")
    desk.happened.emit(Progressed("reading the prompt", 30, 120))
    assert (read.text(), read.isVisible()) == ("reading as you speak · 25 %", True)
    desk.happened.emit(Progressed("reading the prompt", 120, 120))
    assert read.text() == "read as you speak"
    qtbot.mouseRelease(window.composer.talk, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(desk.submitted), timeout=15_000)
    ((_, percepts),) = desk.submitted
    assert all(percepts[0] is picture for percepts in desk.prepared)
    growing = [percepts[1].audio for percepts in desk.prepared if len(percepts) > 1]
    assert all(audio.growing and percepts[1].audio.samples.startswith(audio.samples) for audio in growing)
    assert [audio.seconds for audio in growing] == sorted({audio.seconds for audio in growing})


def test_escape_throws_away_what_was_read(window, desk, qtbot, plugged, stamps):
    qtbot.mouseClick(window.composer.talk, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(desk.prepared) > 2, timeout=15_000)
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert desk.prepared[-1] == ()
    qtbot.wait(400)
    assert desk.prepared[-1] == ()


def test_speech_behind_text_is_not_read_before_the_text_is_finished(window, desk, qtbot, plugged, stamps):
    window.composer.input.setPlainText("Write this down:")
    qtbot.mouseClick(window.composer.talk, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(window.composer.meter.levels) > 20, timeout=15_000)
    assert desk.prepared == []
    qtbot.keyClick(window, Qt.Key.Key_Escape)


def said(window):
    return window.composer.findChild(QLabel, "composer-said").text()


def test_a_recording_that_holds_no_word_is_dropped_with_a_word(window, desk, qtbot, plugged, monkeypatch):
    """WINDOW.md §4: scraps were sent as commands."""
    monkeypatch.setattr("deskhand.app.window.talk.LEAST_SECONDS", 1000.0)
    qtbot.mousePress(window.composer.talk, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: listening(window))
    qtbot.wait(int(TAP_SECONDS * 1000) + 50)
    qtbot.mouseRelease(window.composer.talk, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: said(window) == "Too short. Hold the key while you speak.")
    assert (desk.submitted, window.composer.percepts) == ([], ())
    qtbot.keyClicks(window.composer.input, "x")
    assert said(window) == ""


def test_who_lets_go_before_the_microphone_is_open_is_told(qtbot, plugged):
    opens = threading.Event()

    class Late(Recorder):
        def start(self, on_level=None):
            opens.wait(60)
            super().start(on_level)

    talk = Talk(Late)
    told = []
    talk.dropped.connect(told.append)
    talk.press()
    qtbot.wait(int(TAP_SECONDS * 1000) + 50)
    talk.release()
    opens.set()
    qtbot.waitUntil(lambda: told == [NOT_OPEN])
