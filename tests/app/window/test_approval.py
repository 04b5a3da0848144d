"""The question before a tool runs."""

from itertools import pairwise

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QApplication, QLabel, QPlainTextEdit, QPushButton, QWidget

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


def ask(below, theme, arguments=None, **more):
    call = ToolCall("c1", "open_address", arguments or {})
    more = {"session": "open_address {}", "always": "open_address {}", **more}
    request = ApprovalRequest(call, "open", "Open it.", ("applications", "network: example.org"), **more)
    sheet = ApprovalSheet(below, theme, request)
    sheet.present()
    return sheet, request


@pytest.fixture
def read(qtbot, below, theme):
    """Asks, and waits until it could be read."""

    def asked(arguments=None, **more):
        sheet, request = ask(below, theme, arguments, **more)
        qtbot.waitUntil(button(sheet, "approve-no").isEnabled)
        return sheet, request

    return asked


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
@pytest.mark.parametrize("how", ["mouse", "Return", "Enter", "Space"])
def test_each_button_answers_by_mouse_and_by_key(qtbot, read, name, answer, how):
    """WINDOW.md §5: Enter on a focused button pressed the default instead."""
    sheet, request = read()
    made = button(sheet, name)
    made.setFocus()
    with qtbot.waitSignal(sheet.answered):
        if how == "mouse":
            qtbot.mouseClick(made, Qt.MouseButton.LeftButton)
        else:
            qtbot.keyClick(made, getattr(Qt.Key, f"Key_{how}"))
    assert request.reply.result(0) is answer


@pytest.mark.parametrize(
    ("key", "answer"), [("Y", Answer.ONCE), ("A", Answer.ALWAYS), ("N", Answer.NO), ("Escape", Answer.NO)]
)
def test_letters_answer_and_stand_on_the_buttons(qtbot, read, key, answer):
    sheet, request = read()
    if key != "Escape":
        assert f"({key})" in button(sheet, f"approve-{answer.value}").text()
    qtbot.keyClick(sheet.focusWidget(), getattr(Qt.Key, f"Key_{key}"))
    assert request.reply.result(0) is answer


def test_a_letter_gives_only_what_is_offered(qtbot, read):
    sheet, request = read(session="", always="")
    qtbot.keyClick(sheet.focusWidget(), Qt.Key.Key_A)
    qtbot.keyClick(sheet.focusWidget(), Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
    assert not request.reply.done()
    sheet, request = read(always="")
    qtbot.keyClick(sheet.focusWidget(), Qt.Key.Key_A)
    assert request.reply.result(0) is Answer.SESSION


def test_the_default_is_no(qtbot, read):
    sheet, request = read()
    assert button(sheet, "approve-no").hasFocus()
    assert button(sheet, "approve-no").isDefault()
    assert not any(button(sheet, name).isDefault() for name in ("approve-once", "approve-session", "approve-always"))
    qtbot.keyClick(sheet, Qt.Key.Key_Return)
    assert request.reply.result(0) is Answer.NO


def test_stop_denies_and_says_so(qtbot, read):
    sheet, request = read()
    with qtbot.waitSignal(sheet.stop_requested):
        button(sheet, "approval-stop").click()
    assert request.reply.result(0) is Answer.NO


def test_a_request_that_was_withdrawn_is_no(qtbot, read):
    sheet, request = read()
    request.reply.cancel()
    with qtbot.waitSignal(sheet.answered) as answered:
        button(sheet, "approve-once").click()
    assert answered.args == [Answer.NO]


ANSWERS = ("approve-no", "approve-session", "approve-always", "approve-once", "approval-stop")


def test_nothing_answers_before_it_could_be_read(qtbot, below, theme):
    """F16: “Allow once” worked in the instant in which the question appeared."""
    sheet, request = ask(below, theme)
    for name in ANSWERS:
        assert not button(sheet, name).isEnabled()
        qtbot.mouseClick(button(sheet, name), Qt.MouseButton.LeftButton)
    for key in ["Return", "Enter", "Space", "Escape", "Y", "A", "N"]:
        qtbot.keyClick(sheet, getattr(Qt.Key, f"Key_{key}"))
    assert not request.reply.done()
    qtbot.waitUntil(button(sheet, "approve-once").isEnabled)
    assert button(sheet, "approve-no").hasFocus()


def test_a_key_that_is_still_typed_begins_the_time_anew(qtbot, below, theme, monkeypatch):
    monkeypatch.setattr("deskhand.app.window.grace.GRACE_MS", 3_000_000)
    sheet, _ = ask(below, theme)
    grace = sheet._guarding
    grace._timer.start(10)
    qtbot.keyClick(sheet, Qt.Key.Key_X)
    assert grace._timer.remainingTime() > 1_000_000


@pytest.mark.parametrize("what", ["the window grows", "the window comes back", "a line comes in"])
def test_answers_that_move_under_the_pointer_wait_again(qtbot, below, theme, read, what):
    sheet, request = read()
    once = button(sheet, "approve-once")
    match what:
        case "the window grows":
            below.resize(below.width() + 40, below.height() + 90)
        case "the window comes back":
            QApplication.sendEvent(below, QEvent(QEvent.Type.WindowActivate))
        case _:
            sheet.column.insertWidget(1, QLabel("One line more\nand another"))
    qtbot.waitUntil(lambda: not once.isEnabled())
    qtbot.mouseClick(once, Qt.MouseButton.LeftButton)
    assert not request.reply.done()
    qtbot.waitUntil(once.isEnabled)


def test_arguments_are_whole_and_nothing_hides(read, below, qtbot):
    sheet, _ = read(
        {"url": "https://example.org/\u202egnp.exe", "text": "<b>x</b>\nNo" + "y" * 5000, "deep": {"a": ["1\n2"]}}
    )
    shown = [each.toPlainText() for each in sheet.findChildren(QPlainTextEdit)]
    assert shown == ["https://example.org/⟨U+202E⟩gnp.exe", "<b>x</b>\nNo" + "y" * 5000, 'a: \n    •  "1\\n2"']
    assert all(each.isReadOnly() for each in sheet.findChildren(QPlainTextEdit))
    touched = [each.text() for each in sheet.findChildren(QLabel) if each.objectName().startswith("touches-")]
    assert touched == ["•  applications", "•  network: example.org"]
    # However long the arguments, the answers stay inside the window.
    qtbot.waitUntil(lambda: button(sheet, "approve-once").isVisible())
    place = button(sheet, "approve-once").mapTo(below, button(sheet, "approve-once").rect().bottomRight())
    assert below.rect().contains(place)


def test_what_the_question_says_is_not_listed_but_in_the_details(read):
    sheet, _ = read({"url": "https://example.org", "x": 5}, question="Open \u202eit?", note="A note.", told=("url",))
    assert sheet.findChild(QLabel, "approval-tool").text() == "Open ⟨U+202E⟩it?"
    assert sheet.accessibleName() == "Open ⟨U+202E⟩it?"
    assert sheet.findChild(QLabel, "approval-summary").text() == "A note."
    assert [each.toPlainText() for each in sheet.findChildren(QPlainTextEdit)] == ["5"]
    details = {name: sheet.findChild(QLabel, f"approval-detail-{name}") for name in ("tool", "skill", "url")}
    assert [each.text() for each in details.values()] == ["open_address", "open", "https://example.org"]
    assert not details["tool"].isVisible()
    sheet.findChild(QPushButton, "approval-details").click()
    assert details["tool"].isVisible()


def test_nothing_is_allowed_before_its_end_was_seen(qtbot, read):
    """F16: long arguments left only a faint scroll bar."""
    sheet, request = read({"text": "\n".join(f"line {n}" for n in range(200))})
    more, once = button(sheet, "approval-more"), button(sheet, "approve-once")
    assert more.text() == "188 more lines: show all"
    assert [button(sheet, name).isEnabled() for name in ANSWERS] == [True, False, False, False, True]
    qtbot.keyClick(sheet.focusWidget(), Qt.Key.Key_Y)
    qtbot.keyClick(sheet.focusWidget(), Qt.Key.Key_A)
    assert not request.reply.done()
    more.click()
    qtbot.waitUntil(lambda: more.text() == "More below: read on (Page Down)")
    qtbot.waitUntil(button(sheet, "approve-no").isEnabled)
    assert not once.isEnabled()
    for _ in range(30):
        qtbot.keyClick(sheet, Qt.Key.Key_PageDown)
    qtbot.waitUntil(once.isEnabled)
    assert more.text() == ""
    qtbot.keyClick(sheet.focusWidget(), Qt.Key.Key_Y)
    assert request.reply.result(0) is Answer.ONCE


def test_tab_stays_inside_and_no_lasting_answer_is_next_to_no(qtbot, read):
    sheet, _ = read()
    seen = []
    for _ in range(12):
        seen.append(sheet.focusWidget().objectName())
        qtbot.keyClick(sheet.focusWidget(), Qt.Key.Key_Tab)
        assert sheet.isAncestorOf(sheet.focusWidget())
    assert set(ANSWERS) <= set(seen)
    beside = {name for one, other in pairwise(seen) for name in (one, other) if "approve-no" in (one, other)}
    assert not beside & {"approve-session", "approve-always"}


def test_covers_its_window_as_it_grows(qtbot, below, theme):
    sheet, _ = ask(below, theme)
    below.resize(1000, 800)
    qtbot.waitUntil(lambda: sheet.size() == below.size())


def test_what_a_lasting_answer_covers_stands_beside_it_and_none_is_offered_while_tainted(qtbot, read):
    sheet, _ = read(session="notes in /a\u202e", always="open_address {}")
    assert sheet.findChild(QLabel, "covers-session").text() == "Never ask again in that time about: notes in /a⟨U+202E⟩"
    assert sheet.findChild(QLabel, "covers-always").text() == "Never ask again in that time about: open_address {}"
    assert button(sheet, "approve-session").text() == "Allow until I quit"
    assert button(sheet, "approve-always").text() == "Allow for 30 days (A)"
    tainted, request = read(session="", always="")
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
    diff = "--- /a\n+++ /a\n@@ -1 +1 @@\n" + "".join(f"+line {n}\n" for n in range(300)) + "+\u202eend"
    sheet, _ = ask(below, theme, {"a": "b" * 4000}, diff=diff, command="sh -c 'rm -rf ~'")
    assert sheet.findChild(QPlainTextEdit, "approval-command").toPlainText() == "sh -c 'rm -rf ~'"
    text = sheet.findChild(QPlainTextEdit, "approval-diff").toPlainText()
    assert "+line 299" in text
    assert "⟨U+202E⟩end" in text
    assert text.startswith("+line 0\n")
    assert sheet.findChild(QLabel, "approval-file").text() == "Changes in /a"
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
    named, _ = ask(below, theme, {"x": 5, "y": 5}, aim=Aim(Image(bytes(30_000), 100, 100), (50, 50), "Shop"))
    assert named.findChild(QLabel, "approval-aim-title").text() == "At this place of “Shop”, as it is now"
    sheet, _ = ask(below, theme, aim=Aim(note="There is no screen."))
    assert sheet.findChild(QLabel, "approval-aim-note").text() == "It can't be shown: There is no screen."
    assert sheet.findChild(QLabel, "approval-aim") is None


def test_what_it_had_read_is_shown(below, theme, qtbot):
    sheet, _ = ask(below, theme, origins=(Origin("file", "/tmp/a"),), read="Please \u202eopen it")
    assert sheet.findChild(QPlainTextEdit, "approval-read").toPlainText() == "Please ⟨U+202E⟩open it"
