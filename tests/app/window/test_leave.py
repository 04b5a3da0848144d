"""Closing with something pending, and where the window is afterwards."""

import pytest
from PySide6.QtCore import QByteArray, QRect
from PySide6.QtWidgets import QApplication, QMainWindow, QPushButton

from deskhand.agent.events import TasksChanged
from deskhand.agent.task import Task
from deskhand.app.window import leave, placement
from deskhand.app.window.leave import Leave, LeaveSheet
from deskhand.app.window.placement import Placement
from tests.damage import damaged

TIMER, WATCH = Task("t", "timer", "pasta <b>", 1e9), Task("w", "watch", "the build", 2e9)


@pytest.fixture
def leaving(window, theme, desk, monkeypatch):
    ended = []
    monkeypatch.setattr(QApplication, "quit", lambda: ended.append("quit"))
    made = Leave(window, theme, desk)
    made.ended = ended
    yield made
    made._leaving = True
    QApplication.setQuitOnLastWindowClosed(True)


def press(window, name):
    window.sheets.top.findChild(QPushButton, name).click()


def words(window):
    return " ".join(each.text() for each in window.sheets.top.findChildren(leave.label("").__class__))


def test_a_window_with_nothing_pending_closes(window, leaving, desk):
    desk.happened.emit(TasksChanged(()))
    assert window.close()
    assert not window.isVisible()


def test_a_pending_timer_is_said_and_keeps_running_without_the_window(window, leaving, desk, qtbot):
    desk.happened.emit(TasksChanged((TIMER, WATCH)))
    assert not window.close()
    assert isinstance(window.sheets.top, LeaveSheet)
    told = words(window)
    assert "pasta <b>" in told
    assert "when you open Deskhand again" in told
    assert "a watch ends." in told
    assert not window.close()  # asks once
    press(window, "leave-keep")
    assert not window.isVisible()
    assert not QApplication.quitOnLastWindowClosed()
    window.show()
    assert window.isVisible()
    assert leaving.ended == []


def test_quit_anyway_quits_and_do_not_close_does_not(window, leaving, desk, qtbot):
    desk.happened.emit(TasksChanged((TIMER,)))
    window.close()
    press(window, "leave-stay")
    assert window.isVisible()
    window.close()
    press(window, "leave-quit")
    qtbot.waitUntil(lambda: not window.isVisible())
    assert QApplication.quitOnLastWindowClosed()


def test_a_signal_ends_it_whatever_is_pending_also_without_a_window(window, leaving, desk):
    desk.happened.emit(TasksChanged((TIMER,)))
    window.hide()
    leaving.quit()
    assert leaving.ended == ["quit"]


def test_no_button_is_cut_off_however_narrow_the_window(window, leaving, desk, qtbot):
    for width in (460, 700, 1040):
        window.resize(width, 560)
        desk.happened.emit(TasksChanged((TIMER,)))
        window.close()
        sheet = window.sheets.top
        QApplication.processEvents()
        for each in sheet.findChildren(QPushButton):
            if each.isVisible():
                assert each.fontMetrics().horizontalAdvance(each.text()) <= each.contentsRect().width()
        press(window, "leave-keep")
        window.show()


class First:
    def __init__(self):
        self.called = 0

    def __call__(self):
        self.called += 1


def shown(qtbot, first=None):
    window = QMainWindow()
    qtbot.addWidget(window)
    window.setMinimumSize(200, 100)
    made = Placement(window, first or First())
    window.show()
    return window, made


def test_size_and_place_are_found_again_also_after_kill_9(qtbot):
    window, made = shown(qtbot)
    assert made._first.called >= 1
    window.setGeometry(60, 70, 500, 330)
    qtbot.waitUntil(lambda: placement.file().exists())
    qtbot.waitUntil(lambda: not made._timer.isActive())
    again, remembered = shown(qtbot)
    assert again.geometry() == QRect(60, 70, 500, 330)
    assert remembered._first.called == 0


def test_a_place_on_no_screen_is_none(qtbot):
    window, made = shown(qtbot)
    window.setGeometry(90_000, 90_000, 500, 330)
    made.save()
    first = First()
    shown(qtbot, first)
    screens = QRect(0, 0, 800, 600)
    assert not placement._can_be_taken(QRect(790, 10, 500, 300), screens)
    assert not placement._can_be_taken(QRect(10, -200, 500, 300), screens)
    assert not placement._can_be_taken(QRect(10, 590, 500, 300), screens)
    assert placement._can_be_taken(QRect(500, 300, 500, 300), screens)


def test_a_damaged_memory_of_the_place_is_none(qtbot):
    _window, made = shown(qtbot)
    made.save()
    good = placement.file().read_bytes()
    assert QMainWindow().restoreGeometry(QByteArray(good))
    for data in damaged(good, 4, 60):
        placement.file().write_bytes(data)
        again, _ = shown(qtbot)
        assert again.width() >= 200
        again.close()
