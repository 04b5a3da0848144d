"""The question before a tool runs."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QPushButton, QWidget

from deskhand.agent.events import Answer, ApprovalRequest
from deskhand.app.window.approval import ApprovalSheet
from deskhand.model.types import ToolCall


@pytest.fixture
def below(qtbot):
    below = QWidget()
    qtbot.addWidget(below)
    below.resize(900, 700)
    QPushButton("below", below)
    below.show()
    below.activateWindow()
    return below


def ask(below, theme, arguments=None, *, typing=False):
    call = ToolCall("c1", "open_address", arguments or {})
    request = ApprovalRequest(call, "open", "Open it.", ("applications", "network: example.org"))
    sheet = ApprovalSheet(below, theme, request, typing=typing)
    sheet.present()
    return sheet, request


def button(sheet, name):
    return sheet.findChild(QPushButton, name)


@pytest.mark.parametrize(
    ("name", "answer"),
    [("approve-no", Answer.NO), ("approve-session", Answer.SESSION), ("approve-once", Answer.ONCE)],
)
def test_each_button_answers(qtbot, below, theme, name, answer):
    sheet, request = ask(below, theme)
    with qtbot.waitSignal(sheet.answered):
        qtbot.mouseClick(button(sheet, name), Qt.MouseButton.LeftButton)
    assert request.reply.result(0) is answer


def test_the_default_is_no(qtbot, below, theme):
    sheet, request = ask(below, theme)
    qtbot.waitUntil(lambda: button(sheet, "approve-no").hasFocus())
    assert button(sheet, "approve-no").isDefault()
    assert not any(button(sheet, name).isDefault() for name in ("approve-once", "approve-session"))
    qtbot.keyClick(sheet, Qt.Key.Key_Return)
    assert request.reply.result(0) is Answer.NO


def test_escape_denies(qtbot, below, theme):
    sheet, request = ask(below, theme)
    qtbot.keyClick(sheet, Qt.Key.Key_Escape)
    assert request.reply.result(0) is Answer.NO


def test_stop_denies_and_says_so(qtbot, below, theme):
    sheet, request = ask(below, theme)
    with qtbot.waitSignal(sheet.stop_requested):
        button(sheet, "approval-stop").click()
    assert request.reply.result(0) is Answer.NO


def test_a_request_that_was_withdrawn_is_no(qtbot, below, theme):
    sheet, request = ask(below, theme)
    request.reply.cancel()
    with qtbot.waitSignal(sheet.answered) as answered:
        button(sheet, "approve-once").click()
    assert answered.args == [Answer.NO]


def test_arguments_are_exact_and_nothing_hides(below, theme, qtbot):
    sheet, _ = ask(below, theme, {"url": "https://example.org/\u202egnp.exe", "text": "<b>x</b>\nNo" + "y" * 5000})
    text = sheet.findChild(QPlainTextEdit, "approval-arguments").toPlainText()
    assert "⟨U+202E⟩gnp.exe" in text
    assert "<b>x</b>\\nNo" in text
    assert "y" * 5000 in text
    assert sheet.findChild(QPlainTextEdit, "approval-arguments").isReadOnly()
    touched = [each.text() for each in sheet.findChildren(QLabel) if each.objectName().startswith("touches-")]
    assert touched == ["•  applications", "•  network: example.org"]
    # However long the arguments, the answers stay inside the window.
    qtbot.waitUntil(lambda: button(sheet, "approve-once").isVisible())
    place = button(sheet, "approve-once").mapTo(below, button(sheet, "approve-once").rect().bottomRight())
    assert below.rect().contains(place)


def test_tab_stays_inside(qtbot, below, theme):
    sheet, _ = ask(below, theme)
    qtbot.waitUntil(lambda: button(sheet, "approve-no").hasFocus())
    seen = set()
    for _ in range(8):
        qtbot.keyClick(sheet.focusWidget(), Qt.Key.Key_Tab)
        assert sheet.isAncestorOf(sheet.focusWidget())
        seen.add(sheet.focusWidget().objectName())
    assert {"approve-no", "approve-session", "approve-once", "approval-stop"} <= seen


def test_keys_meant_for_the_text_answer_nothing(qtbot, below, theme):
    sheet, request = ask(below, theme, typing=True)
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Space):
        qtbot.keyClick(sheet, key)
    button(sheet, "approve-once").click()
    assert not request.reply.done()
    qtbot.waitUntil(lambda: button(sheet, "approve-once").isEnabled())
    button(sheet, "approve-once").click()
    assert request.reply.result(0) is Answer.ONCE


def test_covers_its_window_as_it_grows(qtbot, below, theme):
    sheet, _ = ask(below, theme)
    below.resize(1000, 800)
    qtbot.waitUntil(lambda: sheet.size() == below.size())
