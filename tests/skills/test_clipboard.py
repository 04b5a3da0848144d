"""The skill clipboard over the application's real clipboard, from another thread than the window's."""

import threading

import pytest
from PySide6.QtGui import QGuiApplication, QImage

from deskhand.agent.tools.host import HostError
from deskhand.app.host import AppHost
from deskhand.app.host.gui import Gui


@pytest.fixture
def call(bundled, qtbot):
    """A tool called from the agent's thread while this one runs the window's events."""
    over = bundled(AppHost(560, gui=Gui()))

    def run(name, **arguments):
        found = []
        thread = threading.Thread(target=lambda: found.append(over(name, **arguments)))
        thread.start()
        qtbot.waitUntil(lambda: bool(found), timeout=30_000)
        thread.join()
        return found[0]

    return run


def test_text_is_copied_and_read(call):
    assert call("clipboard_copy", text="Grüße 😀\n<turn|>").value == {"copied": 15}
    assert QGuiApplication.clipboard().text() == "Grüße 😀\n<turn|>"
    assert call("clipboard_read").value == {"text": "Grüße 😀\n<turn|>", "characters": 15}
    QGuiApplication.clipboard().setText("x" * 30_000)
    assert len(call("clipboard_read").value["text"]) == 15_000


def test_a_picture_goes_to_the_model(call):
    picture = QImage(5, 3, QImage.Format.Format_RGB32)
    picture.fill(0xFF102030)
    QGuiApplication.clipboard().setImage(picture)
    found = call("clipboard_read")
    assert found.value == {"picture": "copied"}
    assert found.images[0].pixels == bytes((0x10, 0x20, 0x30)) * 15


def test_nothing_there_is_a_sentence(call):
    QGuiApplication.clipboard().clear()
    assert call("clipboard_read").error == "There is neither text nor a picture on the clipboard."
    assert "select" in call("clipboard_read", place="selection").error


def test_without_a_window_it_is_said(bundled):
    assert "from Deskhand's window only" in bundled(AppHost(560))("clipboard_read").error


def test_stop_does_not_wait_for_a_window_that_hangs(qapp):
    stopped = threading.Event()
    stopped.set()
    found = []

    def ask():
        try:
            Gui.call(gui, lambda: None, stopped)
        except HostError as error:
            found.append(str(error))

    gui = Gui()
    thread = threading.Thread(target=ask)
    thread.start()
    thread.join(10)  # this thread runs no events: the window hangs
    assert found == ["The turn was stopped."]
