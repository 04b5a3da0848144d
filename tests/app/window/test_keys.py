"""Keys of the window (WINDOW.md §6), and Enter of an input method (report E7)."""

from datetime import UTC, datetime

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible, QContextMenuEvent, QInputMethodEvent
from PySide6.QtWidgets import QApplication, QMenu, QPushButton

from deskhand.agent.events import Outcome, TurnEnded, TurnStarted
from deskhand.agent.history import Conversation
from deskhand.app.happenings import Listed, Opened
from deskhand.model.types import Text, Usage


def compose(window, preedit, commit=""):
    event = QInputMethodEvent(preedit, [])
    if commit:
        event.setCommitString(commit)
    QApplication.sendEvent(window.composer.input, event)


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter])
def test_enter_that_ends_a_composition_sends_nothing(window, desk, qtbot, key):
    """Report E7."""
    field = window.composer.input
    qtbot.keyClicks(field, "x")
    compose(window, "にほん")
    qtbot.keyClick(field, key)
    assert desk.submitted == []
    compose(window, "", "日本")
    qtbot.keyClick(field, key)  # the same one, passed on by the input method
    assert desk.submitted == []
    assert field.toPlainText() == "x日本"
    qtbot.waitUntil(lambda: bool(qtbot.keyClick(field, key) or desk.submitted))
    assert desk.submitted[0][0] == "x日本"


def test_up_brings_the_last_message_back_and_only_into_an_empty_one(window, desk, qtbot):
    qtbot.keyClicks(window.composer.input, "first")
    qtbot.keyClick(window.composer.input, Qt.Key.Key_Return)
    desk.happened.emit(TurnEnded(Outcome("done", (), "stop", Usage())))
    desk.happened.emit(TurnStarted(7, "t", (Text("came back"),), "watch"))
    desk.happened.emit(TurnEnded(Outcome("done", (), "stop", Usage())))
    qtbot.keyClick(window.composer.input, Qt.Key.Key_Up)
    assert window.composer.input.toPlainText() == "first"
    window.composer.input.setPlainText("other\nlines")
    qtbot.keyClick(window.composer.input, Qt.Key.Key_Up)
    assert window.composer.input.toPlainText() == "other\nlines"


def test_page_keys_of_the_message_scroll_the_conversation(window, desk, qtbot):
    window.transcript.begin_turn((Text("line\n" * 300),))
    bar = window.transcript.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 2 * bar.pageStep() and bar.value() == bar.maximum())
    qtbot.keyClick(window.composer.input, Qt.Key.Key_PageUp)
    assert 0 < bar.value() < bar.maximum()
    assert not window.transcript.following
    qtbot.keyClick(window.composer.input, Qt.Key.Key_PageDown)
    assert bar.value() == bar.maximum()


@pytest.mark.parametrize("keys", [(Qt.Key.Key_F1, ""), (Qt.Key.Key_Slash, "Control")])
def test_a_key_lists_the_keys(window, qtbot, keys):
    key, modifier = keys
    with_ = Qt.KeyboardModifier.ControlModifier if modifier else Qt.KeyboardModifier.NoModifier
    qtbot.keyClick(window.composer.input, key, with_)
    assert window.sheets.top.objectName() == "shortcuts-sheet"
    qtbot.keyClick(window.sheets.top.findChild(QPushButton, "shortcuts-close"), Qt.Key.Key_Return)
    assert window.sheets.top is None
    assert window.composer.input.hasFocus()


def test_control_q_closes(window, qtbot):
    qtbot.keyClick(window.composer.input, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
    assert not window.isVisible()


def test_every_stop_of_tab_is_to_be_seen(window, desk, qtbot):
    seen = []
    for _ in range(30):
        qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
        seen.append(window.focusWidget().objectName())
    assert "composer" in seen
    assert not {"conversations", "transcript"} & set(seen)


def test_pages_are_not_announced_as_check_boxes(window):
    for name in ("skills", "permissions"):
        interface = QAccessible.queryAccessibleInterface(window.sidebar._pages[name])
        assert not interface.state().checkable


@pytest.mark.qt_log_ignore("grabbing the keyboard", r"support (propagateSizeHints|raise)\(\)", extend=True)
def test_a_right_click_is_about_the_line_below_it_and_moves_no_mark(window, desk, qtbot):
    listed = tuple(Conversation(number, f"title {number}", datetime.now(UTC), 1) for number in (1, 2))
    desk.happened.emit(Listed(listed))
    desk.happened.emit(Opened(1))
    rows = window.sidebar.list
    place = rows.visualItemRect(rows.item(1)).center()
    qtbot.mouseClick(rows.viewport(), Qt.MouseButton.RightButton, pos=place)
    QApplication.sendEvent(
        rows.viewport(), QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, rows.mapToGlobal(QPoint(0, 0)))
    )
    assert rows.currentRow() == 0
    (menu,) = rows.findChildren(QMenu)
    menu.actions()[0].trigger()
    menu.close()
    assert "title 2" in window.sheets.top.findChild(object, "delete-title").toPlainText()


def test_enter_presses_the_button_that_has_the_keyboard_once(window, desk, qtbot):
    """WINDOW.md §5, wherever it is: and a key that is held presses no second time."""
    window.sidebar.new.setFocus()
    qtbot.keyPress(window.sidebar.new, Qt.Key.Key_Return)
    assert desk.asked == ["new"]
    window.head.fold.setFocus()
    qtbot.keyClick(window.head.fold, Qt.Key.Key_Enter)
    assert not window.sidebar.isVisible()
