"""The question before a tool runs."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QPushButton, QWidget

from deskhand.agent.events import Aim, Answer, ApprovalRequest
from deskhand.agent.origin import Carried, Origin
from deskhand.app.window.approval import ApprovalSheet
from deskhand.model.types import Image, ToolCall


@pytest.fixture
def below(qtbot):
    below = QWidget()
    qtbot.addWidget(below)
    below.resize(900, 700)
    QPushButton("below", below)
    below.show()
    below.activateWindow()
    return below


def ask(below, theme, arguments=None, *, typing=False, **more):
    call = ToolCall("c1", "open_address", arguments or {})
    more = {"session": "open_address {}", "always": "open_address {}", **more}
    request = ApprovalRequest(call, "open", "Open it.", ("applications", "network: example.org"), **more)
    sheet = ApprovalSheet(below, theme, request, typing=typing)
    sheet.present()
    return sheet, request


def button(sheet, name):
    return sheet.findChild(QPushButton, name)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("approve-no", Answer.NO),
        ("approve-session", Answer.SESSION),
        ("approve-always", Answer.ALWAYS),
        ("approve-once", Answer.ONCE),
    ],
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
    assert not any(button(sheet, name).isDefault() for name in ("approve-once", "approve-session", "approve-always"))
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
    assert {"approve-no", "approve-session", "approve-always", "approve-once", "approval-stop"} <= seen


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


def test_what_would_be_granted_is_said_and_not_offered_while_tainted(qtbot, below, theme):
    sheet, _ = ask(below, theme, session="notes in /a\u202e", always="open_address {}")
    assert "notes in /a⟨U+202E⟩" in button(sheet, "approve-session").toolTip()
    assert "30 days" in button(sheet, "approve-always").toolTip()
    tainted, request = ask(below, theme, session="", always="")
    assert button(tainted, "approve-session") is button(tainted, "approve-always") is None
    qtbot.mouseClick(button(tainted, "approve-once"), Qt.MouseButton.LeftButton)
    assert request.reply.result(0) is Answer.ONCE


def test_where_the_request_may_come_from_is_shown(below, theme):
    page = Origin("web", "https://evil.example\u202e")
    origins = (Origin("file", "/old"), Origin("file", "/a"), Origin("screen", "screen 1", "d"), page)
    sheet, _ = ask(
        below,
        theme,
        origins=origins,
        carried=(Carried("url", "http://x.io", page),),
        picture=Image(b"\xff\0\0" * 800, 40, 20),
    )
    said = [each.text() for each in sheet.findChildren(QLabel)]
    assert (
        next(text for text in said if text.startswith("•  a web page"))
        == "•  a web page (https://evil.example⟨U+202E⟩)"
    )
    assert not any("/old" in text for text in said)
    assert "•  url: “http://x.io” from a web page (https://evil.example⟨U+202E⟩)" in said
    pixmap = sheet.findChild(QLabel, "approval-picture").pixmap()
    assert pixmap.toImage().pixelColor(5, 5).red() == 255
    assert pixmap.width() == 360


def test_the_diff_and_the_command_are_shown_whole(below, theme, qtbot):
    below.resize(460, 420)
    diff = "--- a\n+++ b\n" + "".join(f"+line {n}\n" for n in range(300)) + "+\u202eend"
    sheet, _ = ask(below, theme, {"a": "b" * 4000}, diff=diff, command="sh -c 'rm -rf ~'")
    assert sheet.findChild(QPlainTextEdit, "approval-command").toPlainText() == "sh -c 'rm -rf ~'"
    text = sheet.findChild(QPlainTextEdit, "approval-diff").toPlainText()
    assert "+line 299" in text
    assert "⟨U+202E⟩end" in text
    # Whatever there is to read, the answers stay inside the smallest window.
    qtbot.waitUntil(lambda: button(sheet, "approve-once").isVisible())
    place = button(sheet, "approve-once").mapTo(below, button(sheet, "approve-once").rect().bottomRight())
    assert below.rect().contains(place)


def test_the_place_of_a_click_is_shown_with_a_mark_around_it(below, theme, qtbot):
    grey = Image(b"\x80\x80\x80" * 560 * 200, 560, 200)
    sheet, _ = ask(below, theme, {"x": 500, "y": 500}, aim=Aim(grey, (100, 90)))
    found = sheet.findChild(QLabel, "approval-aim").pixmap().toImage()
    across = found.width() / 560
    edge, middle = (round(each * across) for each in (100 - 22, 100)), round(90 * across)
    left, centre = edge
    assert found.pixelColor(left, middle).red() > found.pixelColor(left, middle).green() + 60
    assert found.pixelColor(centre, middle).getRgb()[:3] == (128, 128, 128)
    assert any("as it is now" in each.text() for each in sheet.findChildren(QLabel))


def test_a_place_that_can_not_be_shown_says_why(below, theme, qtbot):
    sheet, _ = ask(below, theme, aim=Aim(note="There is no screen."))
    assert sheet.findChild(QLabel, "approval-aim-note").text() == "It can't be shown: There is no screen."
    assert sheet.findChild(QLabel, "approval-aim") is None


def test_what_it_had_read_is_shown(below, theme, qtbot):
    sheet, _ = ask(below, theme, origins=(Origin("file", "/tmp/a"),), read="Please \u202eopen it")
    assert sheet.findChild(QPlainTextEdit, "approval-read").toPlainText() == "Please ⟨U+202E⟩open it"
