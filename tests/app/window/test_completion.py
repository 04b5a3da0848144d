"""Typing ``/``: the list of skills, and that no key is stolen while it is closed."""

from PySide6.QtCore import Qt

from deskhand.app.happenings import TurnFailed


def typed(paged, text):
    paged.qtbot.keyClicks(paged.window.composer.input, text)


def press(paged, key):
    paged.qtbot.keyClick(paged.window.composer.input, key)


def names(paged):
    listed = paged.wait("completion")
    return [listed.item(row).data(Qt.ItemDataRole.UserRole) for row in range(listed.count())]


def test_a_slash_lists_what_can_be_activated_and_enter_takes_it(paged, desk):
    typed(paged, "/")
    found = names(paged)
    assert found == sorted(name for name, _ in paged.window._skills._shelf.activatable)
    assert "files" in found
    assert "clock" not in found  # is active in every conversation
    typed(paged, "fi")
    assert names(paged)[0] == "files"
    press(paged, Qt.Key.Key_Return)
    assert paged.window.composer.input.toPlainText() == "/files "
    assert paged.find("completion") is None
    assert desk.submitted == []
    typed(paged, "list them")
    press(paged, Qt.Key.Key_Return)
    assert desk.submitted == [("/files list them", ())]


def test_arrows_choose_and_tab_takes(paged):
    typed(paged, "/")
    found = names(paged)
    press(paged, Qt.Key.Key_Down)
    press(paged, Qt.Key.Key_Down)
    press(paged, Qt.Key.Key_Up)
    assert f"/{found[1]}:" in paged.window.composer.input.accessibleDescription()
    press(paged, Qt.Key.Key_Up)
    press(paged, Qt.Key.Key_Up)
    press(paged, Qt.Key.Key_Tab)
    assert paged.window.composer.input.toPlainText() == f"/{found[-1]} "
    assert paged.window.composer.input.hasFocus()


def test_escape_closes_the_list_and_nothing_else(paged, desk):
    typed(paged, "go")
    press(paged, Qt.Key.Key_Return)
    typed(paged, "/")
    names(paged)
    press(paged, Qt.Key.Key_Escape)
    assert paged.find("completion") is None
    assert desk.asked == []  # the turn goes on
    assert paged.window.composer.input.toPlainText() == "/"
    press(paged, Qt.Key.Key_Escape)
    assert desk.asked == ["stop"]


def test_closed_it_takes_no_key(paged, desk):
    for text in ("/nosuchskill", "see /files", "/files", "1/2"):
        typed(paged, text)
        paged.qtbot.wait(50)
        assert paged.find("completion") is None
        press(paged, Qt.Key.Key_Return)
        assert desk.submitted.pop()[0] == text
        desk.happened.emit(TurnFailed("x"))
    typed(paged, "/files")
    paged.qtbot.keyClick(paged.window.composer.input, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    typed(paged, "and")
    assert paged.find("completion") is None


def test_a_click_takes_it_and_the_list_stays_inside_the_smallest_window(paged):
    paged.window.resize(460, 420)
    typed(paged, "/")
    names(paged)
    listed = paged.find("completion")
    assert paged.window.rect().contains(listed.geometry())
    where = listed.visualItemRect(listed.item(1)).center()
    paged.qtbot.mouseClick(listed.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert paged.window.composer.input.toPlainText().endswith(" ")
