"""Pictures whose secrets are covered before they are sent."""

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu, QPushButton

from deskhand.agent.percept import ScreenPercept
from deskhand.agent.safety.painting import Painter
from deskhand.app import settings
from deskhand.app.happenings import EngineReady
from deskhand.app.window.covered import CoveredSheet, add_choice
from deskhand.app.window.window import Window
from deskhand.model.cascade.ocr import Line, Reader
from deskhand.model.types import EngineInfo, Image

IMAGE = Image(np.full((60, 200, 3), 255, np.uint8).tobytes(), 200, 60)


class Seer(Reader):
    """Reads two secrets in every picture, or fails; waits for the test where that asks for it."""

    problem: Exception | None = None

    def lines(self, image, least=0.0, cancel=None, progress=lambda _done, _total: None):
        if self.problem:
            raise self.problem
        progress(1, 2)
        texts = ("password: hunter2", "PIN: 4821")
        return [
            Line(text, 0, 25 * row, 10.0 * len(text), 25 * row + 20, tuple(10.0 * at + 5 for at in range(len(text))))
            for row, text in enumerate(texts)
        ]


@pytest.fixture
def painter():
    return Painter("pixels", Seer())


@pytest.fixture
def window(qtbot, theme, desk, painter):
    window = Window(desk, theme, painter=painter)
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    desk.happened.emit(EngineReady(EngineInfo("scripted", "a script", 8192, sees=True, hears=True, drafts=False)))
    yield window
    window.close()


def says(window):
    return window.composer.chips.findChild(object, "chip-says").text()


def attach(qtbot, window):
    window.composer.chips.add(ScreenPercept(IMAGE))
    qtbot.waitUntil(lambda: bool(window.composer.percepts))


def opened(qtbot, window):
    thumbnail = window.composer.chips.findChild(object, "thumbnail")
    thumbnail.setFocus()
    qtbot.keyClick(thumbnail, Qt.Key.Key_Return)
    assert isinstance(window.sheets.top, CoveredSheet)
    return window.sheets.top


def press(sheet, name):
    sheet.findChild(QPushButton, name).click()


def test_a_picture_is_sent_covered_and_says_how_many_secrets_that_hides(qtbot, window, desk, painter):
    window.composer.chips.add(ScreenPercept(IMAGE))
    assert window.composer.chips.pending
    assert "Looking for secrets" in says(window)
    assert not window.composer.send.isEnabled()
    window.composer.input.setPlainText("What is this?")
    window.composer.input.sent.emit()
    assert desk.submitted == []
    qtbot.waitUntil(lambda: bool(window.composer.percepts))
    assert says(window) == "2 secrets covered"
    assert all(percept.image.digest != IMAGE.digest for prepared in desk.prepared for percept in prepared)
    window.composer.input.sent.emit()
    ((_, (sent,)),) = desk.submitted
    assert sent.image.digest == painter.painted(IMAGE).image.digest != IMAGE.digest


def test_as_it_is_takes_two_acts_and_can_be_taken_back(qtbot, window, desk, painter):
    attach(qtbot, window)
    sheet = opened(qtbot, window)
    assert not sheet.findChild(QPushButton, "covered-send").isVisible()
    press(sheet, "covered-look")
    assert window.composer.percepts[0].image.digest != IMAGE.digest
    press(sheet, "covered-send")
    assert says(window) == "2 secrets not covered"
    assert window.composer.percepts[0].image == IMAGE
    assert painter.painted(IMAGE).image is IMAGE
    press(opened(qtbot, window), "covered-look")
    assert says(window) == "2 secrets covered"
    assert painter.painted(IMAGE).image is not IMAGE


def test_looking_alone_changes_nothing(qtbot, window):
    attach(qtbot, window)
    sheet = opened(qtbot, window)
    press(sheet, "covered-look")
    press(sheet, "picture-close")
    assert says(window) == "2 secrets covered"
    assert window.composer.percepts[0].image.digest != IMAGE.digest


def test_a_picture_that_can_not_be_looked_through_is_refused_in_words(qtbot, window, painter):
    painter.reader.problem = OSError("no model")
    window.composer.chips.add(ScreenPercept(IMAGE))
    qtbot.waitUntil(lambda: not window.composer.chips.pending)
    assert window.composer.percepts == ()
    notices = [each.text for each in window.transcript.findChildren(object, "notice-warn")]
    assert any("no model" in text and "not used" in text for text in notices)


def test_a_picture_that_is_taken_away_meanwhile_stays_away(qtbot, window):
    window.composer.chips.add(ScreenPercept(IMAGE))
    window.composer.chips.clear()
    qtbot.wait(150)
    assert window.composer.percepts == ()
    assert not window.composer.chips.pending


def test_the_choice_counts_at_once_and_is_kept(qtbot, window, painter):
    menu = QMenu()
    qtbot.addWidget(menu)
    add_choice(menu, painter, pytest.fail)
    actions = menu.findChild(QMenu, "redaction").actions()
    assert [action.isChecked() for action in actions] == [False, False, True]
    actions[0].trigger()
    assert painter.mode == "off"
    assert settings.load().redaction == "off"
    window.composer.chips.add(ScreenPercept(IMAGE))
    assert window.composer.percepts[0].image is IMAGE
