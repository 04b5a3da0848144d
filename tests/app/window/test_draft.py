"""What is typed and not sent stays with its conversation, and is on disk before a crash could take it."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from deskhand.agent.history import Conversation
from deskhand.agent.percept import ScreenPercept
from deskhand.app.drafts import Drafts
from deskhand.app.happenings import EngineFailed, EngineReady, Listed, Opened
from deskhand.app.window.window import Window
from deskhand.model.types import Image
from tests.app.conftest import INFO

ROOT = Path(__file__).parents[3]
SCREEN = ScreenPercept(Image(bytes(12), 2, 2))
LIST = Listed(tuple(Conversation(number, "x", datetime.now(UTC), 1) for number in (1, 2)))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "own" / "drafts.json"


@pytest.fixture
def opened(qtbot, theme, desk, file):
    """Opens a window over the drafts."""
    made = []

    def window():
        made.append(Window(desk, theme, drafts=Drafts(file)))
        qtbot.addWidget(made[-1])
        made[-1].show()
        desk.happened.emit(EngineReady(INFO))
        return made[-1]

    yield window
    for each in made:
        each.close()


def text(window):
    return window.composer.input.toPlainText()


def kept(file):
    return Drafts(file).read()[0]


def test_what_is_typed_is_on_disk_soon_and_only_the_persons_own(opened, file, qtbot):
    """WINDOW.md §7: kill -9 of the window took the draft."""
    qtbot.keyClicks(opened().composer.input, "half a thought")
    qtbot.waitUntil(lambda: kept(file) == {"new": "half a thought"})
    assert file.stat().st_mode & 0o077 == 0
    qtbot.waitUntil(lambda: text(opened()) == "half a thought" or qtbot.wait(200))


def test_each_conversation_has_its_own_text_and_attachments(opened, desk, qtbot):
    """WINDOW.md §2: Ctrl+N kept the last conversation's attachments."""
    window = opened()
    desk.happened.emit(LIST)
    desk.happened.emit(Opened(1))
    qtbot.keyClicks(window.composer.input, "one")
    window.composer.chips.add(SCREEN)
    desk.happened.emit(Opened(None))
    assert (text(window), window.composer.percepts) == ("", ())
    qtbot.keyClicks(window.composer.input, "new")
    desk.happened.emit(Opened(1))
    assert (text(window), window.composer.percepts) == ("one", (SCREEN,))
    desk.happened.emit(Opened(None))
    assert (text(window), window.composer.percepts) == ("new", ())


def test_what_was_sent_or_deleted_is_kept_no_longer(opened, desk, file, qtbot):
    window = opened()
    desk.happened.emit(LIST)
    desk.happened.emit(Opened(2))
    qtbot.keyClicks(window.composer.input, "two")
    desk.happened.emit(Opened(1))
    qtbot.keyClicks(window.composer.input, "one")
    qtbot.waitUntil(lambda: kept(file) == {"1": "one", "2": "two"})
    qtbot.keyClick(window.composer.input, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: kept(file) == {"2": "two"})
    desk.happened.emit(Listed(LIST.conversations[:1]))
    qtbot.waitUntil(lambda: not file.exists())


def test_the_conversation_whose_draft_was_typed_last_is_opened_again(opened, desk, file, qtbot):
    Drafts(file).write({"2": "two", "1": "one"}, "2", 1)
    window = opened()
    qtbot.waitUntil(lambda: desk.asked == ["open 2"])
    desk.happened.emit(Opened(2))
    assert text(window) == "two"


@pytest.mark.parametrize("damage", ["", "{", "[1]", '{"drafts": 3}', '{"drafts": {"new": 4}, "last": 5}', "[" * 9999])
def test_a_damaged_file_is_no_draft(opened, file, qtbot, damage):
    file.parent.mkdir()
    file.write_text(damage)
    window = opened()
    qtbot.wait(100)
    assert text(window) == ""
    qtbot.keyClicks(window.composer.input, "x")
    qtbot.waitUntil(lambda: kept(file) == {"new": "x"})


def test_without_a_model_the_text_stays_and_it_is_said_why(qtbot, theme, desk):
    """WINDOW.md §1: Enter with no engine was silently ignored."""
    window = Window(desk, theme)
    qtbot.addWidget(window)
    window.show()
    qtbot.keyClicks(window.composer.input, "hello")
    qtbot.keyClick(window.composer.input, Qt.Key.Key_Return)
    said = window.composer._said
    assert "still loading" in said.text()
    desk.happened.emit(EngineFailed("No.", "Fetch them", offer=True))
    qtbot.keyClick(window.composer.input, Qt.Key.Key_Return)
    assert "button above" in said.text()
    assert (text(window), desk.submitted) == ("hello", [])
    assert said.isVisible()
    qtbot.keyClicks(window.composer.input, "!")
    assert not said.isVisible()
    window.close()


KILLED = """
import sys
from pathlib import Path
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from deskhand.app.drafts import Drafts
from deskhand.app.window.theme import Theme
from deskhand.app.window.window import Window
from tests.app.conftest import HandDesk

app = QApplication([])
window = Window(HandDesk(), Theme(app, dark=False), drafts=Drafts(Path(sys.argv[1])))
window.show()
QTest.keyClicks(window.composer.input, "before the crash")
app.exec()
"""


def test_a_window_that_is_killed_loses_nothing(file, opened, qtbot):
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(file)], cwd=ROOT, env={**os.environ})
    limit = time.monotonic() + 60
    while not kept(file) and time.monotonic() < limit:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    window = opened()
    qtbot.waitUntil(lambda: text(window) == "before the crash")
