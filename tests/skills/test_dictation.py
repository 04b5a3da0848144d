"""The skill dictation: a voice into a real microphone, speech recognition, and a real window of another program."""

import ast
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from PySide6.QtWidgets import QWidget
from Xlib import XK, X, display
from Xlib.ext import xtest

from deskhand.agent.hearing import Hearing
from deskhand.app import virtual
from deskhand.app.host import AppHost
from deskhand.app.host.dictation import spoken
from deskhand.app.host.gui import Gui
from deskhand.app.host.phrases import Cutter
from deskhand.app.hotkey import StopKey
from deskhand.model.cascade.speech import Listener
from deskhand.model.files.catalog import CATALOG
from deskhand.model.files.hub import fetch
from deskhand.model.types import SAMPLE_RATE, Audio, EngineInfo, Finish, TextDelta

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")  # the offscreen one, of the sign

EDITOR = """
import sys
from PySide6.QtWidgets import QApplication, QPlainTextEdit
app = QApplication(["editor"])
edit = QPlainTextEdit()
edit.setWindowTitle("Editor")
edit.setGeometry(200, 200, 500, 300)
edit.textChanged.connect(lambda: print(repr(edit.toPlainText()), flush=True))
edit.show()
edit.setFocus()
while not edit.windowHandle().isExposed():  # the X server has it on the screen
    app.processEvents()
app.processEvents()
print("shown", flush=True)
app.exec()
"""


class Ears:
    """An engine that hears with the real speech recognition and has no text model."""

    info = EngineInfo("test", "ears", 4096, sees=False, hears=True, drafts=False)

    def __init__(self):
        self.listener = Listener(fetch(CATALOG["speech-tiny"]))

    def generate(self, request, cancel=None):
        assert request.transcript
        (audio,) = (part for part in request.messages[-1].parts if isinstance(part, Audio))
        yield TextDelta(self.listener.transcribe(audio, cancel) or "")
        yield Finish("stop")

    def close(self):
        pass


class Deaf(Ears):
    info = EngineInfo("test", "deaf", 4096, sees=False, hears=False, drafts=False)

    def __init__(self):
        pass


@pytest.fixture
def editor(x_display, microphone, monkeypatch):
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", x_display)
    for name, value in microphone.items():
        monkeypatch.setenv(name, value)
    environment = {**os.environ, "QT_QPA_PLATFORM": "xcb"}
    process = subprocess.Popen([sys.executable, "-c", EDITOR], stdout=subprocess.PIPE, env=environment, text=True)
    assert process.stdout.readline() == "shown\n"
    texts = [""]

    def read():
        texts.extend(map(ast.literal_eval, process.stdout))

    thread = threading.Thread(target=read)
    thread.start()
    time.sleep(1)
    yield texts
    process.kill()
    process.wait()
    thread.join()
    process.stdout.close()


@pytest.fixture
def dictate(bundled, qtbot):
    """Dictation in the agent's thread while this one runs the window's events; ``work`` meanwhile."""

    def run(engine, work=lambda: None, cancel=None, minutes=2):
        call = bundled(AppHost(560, gui=Gui(), hearing=Hearing(engine)), cancel)
        found = []
        thread = threading.Thread(target=lambda: found.append(call("dictation_start", minutes=minutes)))
        thread.start()
        work()
        qtbot.waitUntil(lambda: bool(found), timeout=120_000)
        thread.join()
        return found[0]

    return run


@pytest.fixture
def sign(qapp):
    """The visible sign, if there is one."""
    return lambda: next((w for w in qapp.topLevelWidgets() if w.objectName() == "sign" and w.isVisible()), None)


def wait_listening(qtbot, sign):
    qtbot.waitUntil(lambda: sign() is not None and "listening" in sign().state.text(), timeout=20_000)
    qtbot.wait(600)


def test_what_is_said_is_typed_until_it_is_ended(dictate, editor, sign, qtbot, tmp_path):
    def talk():
        wait_listening(qtbot, sign)
        assert isinstance(sign(), QWidget)
        assert "Esc" in sign().hint.text()
        for number, words in enumerate(
            ("The meeting is on Monday morning.", "New line.", "Please bring the red folder.", "Stop dictation.")
        ):
            wave = virtual.speak(words, tmp_path / f"{number}.wav", words_per_minute=140)
            player = threading.Thread(target=virtual.play, args=(wave,))
            player.start()
            qtbot.waitUntil(lambda player=player: not player.is_alive(), timeout=20_000)
            qtbot.wait(1200)

    result = dictate(Ears(), talk)
    assert result.error == ""
    assert result.value["ended"] == "they said “stop dictation”"
    qtbot.waitUntil(lambda: editor[-1] == result.value["typed"], timeout=10_000)
    first, second = editor[-1].lower().split("\n")
    assert "meeting" in first
    assert "monday" in first
    assert "red folder" in second
    assert "dictation" not in second
    assert sign() is None


@pytest.fixture
def stop_key(editor):
    """As the window has it for as long as it is open."""
    key = StopKey(lambda: None)
    yield
    key.close()


@pytest.mark.usefixtures("stop_key")
def test_escape_ends_it_wherever_the_keyboard_is(dictate, editor, sign, qtbot, capfd):
    def press():
        wait_listening(qtbot, sign)
        connection = display.Display()
        for kind in (X.KeyPress, X.KeyRelease):
            xtest.fake_input(connection, kind, connection.keysym_to_keycode(XK.XK_Escape))
        connection.sync()
        connection.close()

    result = dictate(Ears(), press)
    assert result.value == {"typed": "", "characters": 0, "ended": "they pressed Esc"}
    assert sign() is None
    assert editor == [""]
    assert "X protocol error" not in capfd.readouterr().err


def test_the_microphone_stays_shut_while_another_program_has_escape(dictate, editor, sign):
    other = display.Display()
    other.screen().root.grab_key(other.keysym_to_keycode(XK.XK_Escape), 0, False, X.GrabModeAsync, X.GrabModeAsync)
    other.sync()
    try:
        assert dictate(Ears()).error.startswith("Another program has the Escape key")
    finally:
        other.close()
    assert sign() is None
    assert editor == [""]


def test_stop_ends_it(dictate, editor, sign, qtbot):
    cancel = threading.Event()

    def stop():
        wait_listening(qtbot, sign)
        cancel.set()

    assert dictate(Ears(), stop, cancel).error == "The tool was stopped."
    qtbot.waitUntil(lambda: sign() is None, timeout=10_000)


def test_an_engine_that_can_not_hear_says_so_before_the_microphone_opens(dictate, editor, sign):
    assert "The model that is loaded can't hear" in dictate(Deaf()).error
    assert sign() is None


def test_without_a_window_or_with_too_many_minutes_it_is_a_sentence(bundled, dictate):
    assert "from Deskhand's window only" in bundled(AppHost(560))("dictation_start").error
    assert "1 to 30 minutes" in bundled(AppHost(560))("dictation_start", minutes=31).error


def test_no_microphone_is_a_sentence(dictate, editor, monkeypatch):
    monkeypatch.setenv("PULSE_SOURCE", "nothing-of-that-name")
    assert "microphone" in dictate(Ears()).error.lower()


@pytest.mark.parametrize(
    ("words", "typed", "ends"),
    [
        ("Hello there.", "Hello there.", False),
        ("New line.", "\n", False),
        ("new paragraph", "\n\n", False),
        ("Dear Ann, new line", "Dear Ann\n", False),
        ("Dear Ann. New line. New line.", "Dear Ann.\n\n", False),
        ("New line, and then we left.", "\nand then we left.", False),
        ("They sell a new line of shoes.", "They sell a new line of shoes.", False),
        ("Stop dictation.", "", True),
        ("See you soon. Stop dictation!", "See you soon.", True),
        ("I will stop dictation of rules.", "I will stop dictation of rules.", False),
        ("unstop dictation", "unstop dictation", False),
        ("", "", False),
        ("  a \n b ", "a b", False),
    ],
)
def test_commands_stand_at_the_ends_of_a_phrase(words, typed, ends):
    assert spoken(words) == (typed, ends)


def tone(seconds, level):
    return (level * np.sin(np.arange(round(seconds * SAMPLE_RATE)) * 0.3)).astype(np.float32)


def noise(seconds, level):
    return (level * np.random.default_rng(1).standard_normal(round(seconds * SAMPLE_RATE))).astype(np.float32)


def test_phrases_are_cut_at_silences_and_nothing_of_them_is_lost():
    cutter = Cutter()
    sound = np.concatenate([noise(1, 1e-4), tone(2, 0.2), noise(0.4, 1e-4), tone(1, 0.2), noise(1, 1e-4), tone(1, 0.1)])
    found = [phrase for at in range(0, len(sound), 777) for phrase in cutter.feed(sound[at : at + 777])]
    assert len(found) == 1
    assert 3.4 < found[0].seconds < 4.6
    assert cutter.speaking
    last = cutter.end()
    assert 1 < last.seconds < 1.6
    assert cutter.end() is None


def test_a_knock_a_fan_and_endless_speech():
    cutter = Cutter()
    assert list(cutter.feed(np.concatenate([noise(1, 1e-4), tone(0.05, 0.9), noise(2, 1e-4)]))) == []
    assert list(cutter.feed(noise(20, 0.004))) == []  # a fan that is always there
    cutter = Cutter()
    syllables = np.concatenate([tone(0.3, 0.3), noise(0.1, 1e-4)] * 150)
    long = list(cutter.feed(syllables))
    assert [round(phrase.seconds) for phrase in long] == [28, 28]
