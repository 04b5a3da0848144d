"""The whole window, driven as a person does it."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image as Picture
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QPushButton, QToolButton, QWidget

from deskhand.agent.events import (
    Answer,
    ApprovalRequest,
    ApprovalRequested,
    CallEnded,
    CallProposed,
    CallRecord,
    Decision,
    Notice,
    Outcome,
    Progressed,
    TasksChanged,
    TextAdded,
    TurnEnded,
    TurnStarted,
)
from deskhand.agent.history import Conversation, TurnRecord
from deskhand.agent.percept import ScreenPercept, SoundPercept
from deskhand.agent.task import Task
from deskhand.app.elsewhere import Elsewhere
from deskhand.app.happenings import EngineFailed, EngineLoading, EngineReady, HistoryDamaged, Listed, Opened, TurnFailed
from deskhand.app.window.items import ASK_AGAIN, NoticeItem, UserItem
from deskhand.app.window.screens import LOOKING
from deskhand.model.types import Audio, EngineInfo, Image, Message, Text, ToolCall, Trained, Usage
from tests.app.conftest import INFO

CALL = ToolCall("c1", "notes_append", {"text": "milk"})
SCREEN = ScreenPercept(Image(bytes(12), 2, 2))


def say(window, text, qtbot):
    window.composer.input.setPlainText(text)
    qtbot.keyClick(window.composer.input, Qt.Key.Key_Return)


def text_of(window, name):
    return window.findChild(QLabel, name).text()


def ask(desk):
    request = ApprovalRequest(CALL, "notes", "Write it down.", ("files: notes",))
    desk.happened.emit(CallProposed(CALL))
    desk.happened.emit(ApprovalRequested(request))
    return request


def readable(window, qtbot):
    """Wait until the question can be answered."""
    qtbot.waitUntil(lambda: window.sheets.top is not None and window.sheets.top.answerable)
    return window.sheets.top


def ending():
    return TurnEnded(Outcome("done", (), "stop", Usage(prompt_tokens=3)))


def test_a_turn_with_approval_from_question_to_answer(window, desk, qtbot):
    window.composer.chips.add(SCREEN)
    say(window, "note milk", qtbot)
    assert desk.submitted == [("note milk", (SCREEN,))]
    assert window.composer.empty
    assert window.transcript.items == (UserItem((SCREEN.image, Text("note milk"))),)
    assert window.transcript.isVisible()
    assert window.composer.stop.isVisible()
    desk.happened.emit(TurnStarted(7, "t", (SCREEN.image, Text("note milk"))))
    assert len(window.transcript.items) == 1
    request = ask(desk)
    once = window.findChild(QPushButton, "approve-once")
    # The person has just typed: the answers wait until no key can be meant for the text any more.
    qtbot.waitUntil(once.isEnabled)
    qtbot.mouseClick(once, Qt.MouseButton.LeftButton)
    assert request.reply.result(0) is Answer.ONCE
    desk.happened.emit(CallEnded(CallRecord(CALL, Decision.APPROVED, {"ok": True}, "", 0.1)))
    desk.happened.emit(TextAdded("Noted."))
    desk.happened.emit(ending())
    assert not window.composer.stop.isVisible()
    assert window.findChild(object, "answer").toPlainText() == "Noted."


def test_escape_stops_the_turn_and_denies(window, desk, qtbot):
    say(window, "go", qtbot)
    qtbot.keyClick(window.composer.input, Qt.Key.Key_Escape)
    assert desk.asked == ["stop"]
    request = ask(desk)
    qtbot.keyClick(readable(window, qtbot), Qt.Key.Key_Escape)
    assert request.reply.result(0) is Answer.NO
    assert desk.asked == ["stop"]
    second = ApprovalRequest(CALL, "notes", "", ())
    desk.happened.emit(ApprovalRequested(second))
    window.stop()
    assert second.reply.result(0) is Answer.NO
    assert desk.asked == ["stop", "stop"]


def test_a_turn_that_ends_closes_the_question(window, desk, qtbot):
    say(window, "go", qtbot)
    request = ask(desk)
    desk.happened.emit(ending())
    assert request.reply.result(0) is Answer.NO
    qtbot.waitUntil(lambda: window.findChild(object, "approval") is None)


def test_below_a_question_no_shortcut_works(window, desk, qtbot):
    say(window, "go", qtbot)
    ask(desk)
    sheet = window.findChild(object, "approval")
    qtbot.keyClick(sheet, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    assert desk.asked == []
    readable(window, qtbot).findChild(QPushButton, "approve-no").click()
    desk.happened.emit(ending())
    qtbot.keyClick(window.composer.input, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    assert desk.asked == ["new"]


def test_engine_and_privacy_are_always_said(window, desk):
    assert text_of(window, "engine") == "a script · sees, hears"
    assert text_of(window, "privacy") == "Stays on this machine"
    desk.happened.emit(EngineLoading("Reading the model"))
    assert text_of(window, "engine") == "Reading the model…"
    pocket = EngineInfo("local", "Pocket", 1024, sees=True, hears=True, drafts=True, alone=True)
    desk.happened.emit(EngineReady(pocket))
    assert text_of(window, "engine") == "Pocket · demo model"
    remote = EngineInfo("remote", "big", 1, sees=True, hears=True, drafts=False, leaves_machine=True)
    desk.happened.emit(EngineReady(remote, "ai.example.org"))
    assert text_of(window, "privacy") == "Leaves this machine: ai.example.org"
    desk.happened.emit(EngineReady(EngineInfo("cascade", "small", 1, sees=True, hears=True, drafts=False)))
    assert text_of(window, "privacy") == "Stays on this machine"


def test_an_engine_that_failed_can_be_tried_again(window, desk, qtbot):
    desk.happened.emit(EngineFailed("The file is cut off. Fetch it again."))
    assert window.transcript.items == (NoticeItem("error", "The file is cut off. Fetch it again.", "Try again"),)
    assert text_of(window, "engine") == "No engine"
    say(window, "hello", qtbot)
    assert desk.submitted == []
    assert window.composer.input.toPlainText() == "hello"
    window.findChild(object, "notice-action").click()
    assert desk.asked == ["reload"]


def test_a_failed_turn_is_said_and_the_next_can_be_sent(window, desk, qtbot):
    say(window, "one", qtbot)
    desk.happened.emit(TurnFailed("The engine ended. Ask again."))
    assert window.transcript.items[-1] == NoticeItem("error", "The engine ended. Ask again.", ASK_AGAIN)
    say(window, "two", qtbot)
    assert [text for text, _ in desk.submitted] == ["one", "two"]


def test_conversations_are_listed_and_opened_but_not_while_a_turn_runs(window, desk, qtbot):
    now = datetime.now(UTC)
    desk.happened.emit(Listed((Conversation(2, "Second", now, 1), Conversation(1, "First", now, 3))))
    names = [window.sidebar.list.item(row).text() for row in range(window.sidebar.list.count())]
    assert names == ["Second", "First"]
    window.sidebar.list.itemClicked.emit(window.sidebar.list.item(1))
    assert desk.asked == ["open 1"]
    desk.happened.emit(Opened(1))
    assert text_of(window, "title") == "First"
    assert window.sidebar.list.currentRow() == 1
    say(window, "go", qtbot)
    desk.happened.emit(TurnStarted(1, "t", ()))
    assert window.sidebar.list.currentRow() == 1
    window.sidebar.list.itemClicked.emit(window.sidebar.list.item(0))
    window.sidebar.new.click()
    assert desk.asked == ["open 1"]
    assert window.transcript.items[-1].kind == "warn"
    assert window.sidebar.list.currentRow() == 1
    desk.happened.emit(ending())
    window.sidebar.new.click()
    assert desk.asked == ["open 1", "new"]
    desk.happened.emit(Opened(None))
    assert window.welcome.isVisible()


def test_a_conversation_is_deleted_by_key_after_a_question_and_not_while_a_turn_runs(window, desk, qtbot):
    now = datetime.now(UTC)
    desk.happened.emit(Listed((Conversation(2, "Second", now, 1), Conversation(1, "First\u202e", now, 3))))

    def press():
        window.sidebar.list.setCurrentRow(1)
        window.sidebar.list.setFocus()
        qtbot.waitUntil(window.sidebar.list.hasFocus)
        qtbot.keyClick(window.sidebar.list, Qt.Key.Key_Delete)

    press()
    sheet = window.sheets.top
    assert sheet.findChild(QPlainTextEdit, "delete-title").toPlainText() == "First⟨U+202E⟩"
    qtbot.waitUntil(lambda: sheet.findChild(QPushButton, "delete-no").hasFocus())
    qtbot.keyClick(sheet, Qt.Key.Key_Return)
    assert desk.asked == []
    press()
    readable(window, qtbot).findChild(QPushButton, "delete-yes").click()
    assert desk.asked == ["delete 1"]
    say(window, "go", qtbot)
    press()
    assert window.sheets.top is None
    assert window.transcript.items[-1].kind == "warn"


def test_a_notice_comes_at_any_time(window, desk):
    desk.happened.emit(Notice("timer", "Tea is ready."))
    assert window.transcript.items == (NoticeItem("timer", "Tea is ready."),)
    assert window.transcript.isVisible()


def test_a_screenshot_is_taken_without_our_window_and_attached(window, qtbot, x_display, monkeypatch):
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", x_display)
    hidden = []
    window.gatherer.got.connect(lambda _: hidden.append(True))
    qtbot.keyClick(window, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert not window.isVisible()
    qtbot.waitUntil(lambda: len(window.composer.percepts) == 1)
    assert window.isVisible()
    assert window.composer.percepts[0].image.width == 1280
    window.screens.hide = False
    window.composer.screenshot.setFocus()
    window.composer.screenshot.click()
    assert window.isVisible()
    qtbot.waitUntil(lambda: len(window.composer.percepts) == 2)
    assert window.focusWidget() is window.composer.input, "what is typed next is about the picture"


def test_without_a_display_the_screenshot_says_what_to_do(window, qtbot, monkeypatch):
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    window.composer.screenshot.click()
    qtbot.waitUntil(lambda: bool(window.transcript.items))
    assert "no screen to capture" in window.transcript.items[-1].text
    assert window.isVisible()


def test_the_menu_lists_the_screens(window, qtbot, x_display, monkeypatch):
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", x_display)
    menu = window.composer.screens.menu()
    menu.aboutToShow.emit()
    assert menu.actions()[0].text() == LOOKING  # it opened empty, and was so for seconds (WINDOW.md 3)
    qtbot.waitUntil(lambda: menu.actions()[0].text() != LOOKING)
    assert menu.actions()[0].text().endswith("1280 × 800")
    hide = menu.actions()[-1]
    assert hide.isChecked()
    hide.trigger()
    assert not window.screens.hide


def test_files_become_attachments_or_a_sentence(window, qtbot, tmp_path):
    Picture.new("RGB", (7, 5), "red").save(tmp_path / "a.png")
    (tmp_path / "b.png").write_text("no picture")
    window.gatherer.files([tmp_path / "a.png", tmp_path / "b.png"])
    qtbot.waitUntil(lambda: bool(window.composer.percepts) and bool(window.transcript.items))
    assert window.composer.percepts[0].image.pixels == bytes((255, 0, 0)) * 35
    assert "b.png is not a picture" in window.transcript.items[0].text


def test_a_link_opens_only_after_a_question(window, qtbot, monkeypatch):
    opened = []
    monkeypatch.setattr("PySide6.QtGui.QDesktopServices.openUrl", lambda url: opened.append(url.toString()))
    window.transcript.link_clicked.emit("https://example.org/\u202egnp")
    assert window.findChild(QPlainTextEdit, "link-address").toPlainText() == "https://example.org/⟨U+202E⟩gnp"
    readable(window, qtbot).findChild(QPushButton, "link-no").click()
    assert opened == []
    qtbot.waitUntil(lambda: window.findChild(QPushButton, "link-open") is None)
    window.transcript.link_clicked.emit("https://example.org/")
    readable(window, qtbot).findChild(QPushButton, "link-open").click()
    assert opened == ["https://example.org/"]


def test_a_picture_opens_and_closes(window, qtbot):
    window.composer.chips.add(ScreenPercept(Image(bytes(3000 * 2000 * 3), 3000, 2000)))
    window.composer.chips.findChild(object, "thumbnail").click()
    sheet = window.findChild(object, "picture-sheet")
    qtbot.waitUntil(sheet.isVisible)
    assert window.rect().contains(sheet.geometry())
    qtbot.keyClick(sheet, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: window.findChild(object, "picture-sheet") is None)


def test_sound_is_sent_at_once_unless_something_speaks_against_it(window, desk):
    tone = SoundPercept(sound(np.sin(np.arange(16_000) / 9) * 0.3))
    window.talk.heard.emit(tone, "")
    assert desk.submitted == [("", (tone,))]
    desk.happened.emit(ending())
    window.talk.heard.emit(tone, "Silent: is the microphone muted?")
    assert window.composer.percepts == (tone,)
    window.composer.clear()
    window.composer.input.setPlainText("about this:")
    window.talk.heard.emit(tone, "")
    assert window.composer.percepts == (tone,)
    assert len(desk.submitted) == 1


def sound(samples):
    from deskhand.model.types import Audio

    return Audio(np.asarray(samples, "<f4").tobytes())


def test_narrow_windows_fold_the_conversations_away(window, qtbot):
    assert window.sidebar.isVisible()
    window.resize(500, 700)
    qtbot.waitUntil(lambda: not window.sidebar.isVisible())
    window.resize(1000, 700)
    qtbot.waitUntil(window.sidebar.isVisible)


def test_suggestions_go_into_the_composer(window, qtbot):
    window.findChild(QPushButton, "suggestion-1").click()
    assert window.composer.input.toPlainText() == "Remind me in ten minutes to stretch"


@pytest.mark.parametrize("dark", [False, True])
def test_the_window_is_drawn_in_both_palettes(qtbot, qapp, desk, dark):
    from deskhand.app.window.theme import DARK, LIGHT, Theme
    from deskhand.app.window.window import Window

    window = Window(desk, Theme(qapp, dark=dark))
    qtbot.addWidget(window)
    window.show()
    image = window.grab().toImage()
    colours = DARK if dark else LIGHT
    assert image.pixelColor(window.width() - 12, 300).name() == colours.window
    assert image.pixelColor(60, window.height() - 60).name() == colours.side


def test_reading_ahead_is_shown_only_to_who_waits_for_it(window, desk):
    desk.happened.emit(Progressed("reading the screen", 0, 1))
    assert not window.transcript.findChild(QWidget, "working").isVisible()
    window.submit("hello", ())
    desk.happened.emit(Progressed("reading the screen", 0, 1))
    assert window.transcript.findChild(QWidget, "working").isVisible()


def test_what_is_attached_is_given_to_the_engine_at_once(window, desk):
    percept = ScreenPercept(Image(bytes(12), 2, 2))
    window.composer.chips.add(percept)
    assert desk.prepared == [(percept,)]


def test_a_question_whose_turn_failed_is_asked_again_with_one_click_and_the_draft_stays(window, desk, qtbot):
    sound = SoundPercept(Audio(bytes(400)))
    window.composer.chips.add(SCREEN)
    window.composer.chips.add(sound)
    say(window, "what is it", qtbot)
    desk.happened.emit(TurnStarted(1, "t", (SCREEN.image, Text("what is it"), sound.audio)))
    window.composer.input.setPlainText("the next question, half")
    desk.happened.emit(TurnEnded(Outcome("The engine crashed.", (), "error", Usage(), "The engine crashed.")))
    button = window.transcript.findChild(QToolButton, "notice-action")
    assert button.text() == ASK_AGAIN
    button.click()
    (_, (text, percepts)) = desk.submitted
    assert (text, [parts(percept) for percept in percepts]) == ("what is it", [SCREEN.image, sound.audio])
    assert window.composer.input.toPlainText() == "the next question, half"
    assert window.composer.stop.isVisible()
    button.click()  # while it runs
    assert len(desk.submitted) == 2


def parts(percept):
    return percept.image if isinstance(percept, ScreenPercept) else percept.audio


def test_what_goes_on_behind_is_said_and_can_be_withdrawn(window, desk):
    button = window.head.tasks
    assert not button.isVisible()
    due = datetime.now(UTC).timestamp() + 1
    desk.happened.emit(
        TasksChanged(
            (Task("w1", "watch", "R&D is done", due), Task("w2", "watch", "", due), Task("t", "timer", "tea", due))
        )
    )
    assert button.isVisible()
    assert button.text() == "3"
    lines = [action.text() for action in button.menu().actions()]
    assert lines[0].startswith("Watching “R&&D is done” until ")
    assert lines[1].startswith("Watching for any change until ")
    assert lines[2].startswith("“tea”, ends ")
    button.menu().actions()[0].trigger()
    assert desk.asked == ["withdraw w1"]
    desk.happened.emit(TasksChanged(()))
    assert not button.isVisible()


def test_a_turn_of_a_task_is_shown_as_such_now_and_later(window, desk):
    desk.happened.emit(TurnStarted(7, "t", (SCREEN.image, Text("You were asked to watch.")), "watch"))
    assert window.transcript.items[-1] == UserItem((SCREEN.image, Text("You were asked to watch.")), "watch")
    assert text_of(window, "speaker") == "Your watch"
    assert window.composer.stop.isVisible()
    desk.happened.emit(ending())
    assert not window.composer.stop.isVisible()


def test_a_question_of_a_turn_elsewhere_is_asked_here_and_withdrawn(window, desk):
    request = ApprovalRequest(CALL, "notes", "Write it down.", ("files: notes",))
    desk.happened.emit(Elsewhere(9, ApprovalRequested(request)))
    assert window.sheets.approval is not None
    desk.happened.emit(Elsewhere(9, CallEnded(CallRecord(CALL, Decision.DENIED))))
    assert window.sheets.approval is None
    assert window.transcript.items == ()


def test_what_the_engine_never_learnt_stays_in_the_composer_with_a_sentence(window, desk, qtbot):
    trained = Trained(pictures=1, size=(8, 6), seconds=5.0)
    desk.happened.emit(EngineReady(replace(INFO, model="Pocket", alone=True, trained=trained)))
    for _ in range(2):
        window.composer.chips.add(ScreenPercept(Image(bytes(144), 8, 6), source="pasted picture"))
    qtbot.waitUntil(lambda: len(window.composer.percepts) == 2)
    say(window, "what does it say", qtbot)
    assert desk.submitted == []
    assert window.transcript.items[-1].kind == "warn"
    assert "only one picture" in window.transcript.items[-1].text
    assert window.composer.input.toPlainText() == "what does it say"
    assert len(window.composer.percepts) == 2


def test_a_damaged_history_offers_a_fresh_one_and_damaged_records_have_a_place(window, desk, qtbot):
    """Report 28: a sentence, a button, and everything else usable."""
    record = TurnRecord("t", datetime.now(UTC), (Message("user", (Text("hi"),)),), (), None, False, damaged=2)
    desk.happened.emit(Opened(1, (record,)))
    assert [type(item) for item in window.transcript.items] == [UserItem, NoticeItem]
    assert "damaged" in window.transcript.items[-1].text
    desk.happened.emit(HistoryDamaged("Your chat history is damaged."))
    assert window.transcript.items[-1].text == "Your chat history is damaged."
    (fresh,) = window.findChildren(QToolButton, "notice-action")
    assert fresh.text() == "Start fresh, keep the old file"
    qtbot.mouseClick(fresh, Qt.MouseButton.LeftButton)
    assert desk.asked[-1] == "fresh"
    say(window, "and on", qtbot)
    assert desk.submitted[-1][0] == "and on"


@pytest.mark.parametrize("how", ["typed", "spoken", "tab", "an event", "another sheet"])
def test_a_question_keeps_the_keyboard_and_the_message_has_it_afterwards(window, desk, qtbot, how):
    """WINDOW.md §5: what ended behind the question gave the keyboard to the message behind it."""
    say(window, "go", qtbot)
    request = ask(desk)
    sheet = readable(window, qtbot)
    match how:
        case "typed":
            window.composer.input.setFocus()
        case "spoken":
            window.composer.set_recording(recording=True)
            window.composer.set_recording(recording=False)
        case "tab":
            for _ in range(9):
                qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
        case "an event":
            desk.happened.emit(Opened(None))
            desk.happened.emit(EngineReady(INFO))
        case _:
            window.sheets.ask_link("https://example.org")
            qtbot.keyClick(readable(window, qtbot), Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: sheet.isAncestorOf(window.focusWidget()))
    assert window.sheets.top is sheet
    qtbot.waitUntil(lambda: sheet.answerable)
    qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Escape)
    assert request.reply.result(0) is Answer.NO
    qtbot.waitUntil(window.composer.input.hasFocus)
