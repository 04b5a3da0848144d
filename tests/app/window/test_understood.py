"""Everything that Pocket understands can be looked up, searched and chosen, by keys too."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton

from deskhand.app.window.understood import UnderstoodSheet
from deskhand.app.window.welcome import POCKET
from deskhand.model.language.learnt import Learnt


@pytest.fixture
def sheet(window, desk, qtbot):
    window.greet(POCKET, 70)
    qtbot.mouseClick(window.welcome.findChild(QPushButton, "understood"), Qt.MouseButton.LeftButton)
    found = window.findChild(UnderstoodSheet)
    assert found.isVisible()
    return found


def shown(sheet):
    rows = (sheet.list.item(at) for at in range(sheet.list.count()))
    return [item.text() for item in rows if not item.isHidden()]


def test_every_sentence_is_there_as_it_is_understood(sheet):
    learnt = Learnt.read(POCKET.understood)
    assert len(shown(sheet)) == len(learnt.sentences)
    assert all(learnt.spelt(text) == text for text in shown(sheet))
    assert not any("{" in text for text in shown(sheet))


def test_it_is_searched_and_chosen_with_keys(sheet, window, qtbot):
    qtbot.keyClicks(sheet.search, "weather in")
    assert shown(sheet) == [text for text in shown(sheet) if "weather in" in text]
    assert 0 < len(shown(sheet)) < 4
    assert "city: Paris, London" in sheet.findChild(QLabel, "understood-choices").text()
    qtbot.keyClick(sheet.search, Qt.Key.Key_Down)
    wanted = sheet.list.currentItem().text()
    assert wanted == shown(sheet)[1]
    qtbot.keyClick(sheet.search, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.sheets.top is None)
    assert window.composer.input.toPlainText() == wanted
    assert window.composer.input.hasFocus()


def test_what_is_not_understood_is_not_found_and_escape_changes_nothing(sheet, window, qtbot):
    window.composer.input.setPlainText("mine")
    qtbot.keyClicks(sheet.search, "translate")
    assert shown(sheet) == []
    qtbot.keyClick(sheet.search, Qt.Key.Key_Return)
    assert sheet.isVisible()
    qtbot.keyClick(sheet.search, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: window.sheets.top is None)
    assert window.composer.input.toPlainText() == "mine"
