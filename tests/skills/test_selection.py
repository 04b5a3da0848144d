"""The skill selection on a real X server, against another program's window that owns the selection."""

import os
import subprocess
import sys
import threading
import time

import pytest

from deskhand.agent.tools.host import Asked, HostError, Told
from deskhand.app.host import AppHost
from deskhand.app.host.pointer import Pointer
from deskhand.app.host.selection import CHANGED, Selection

EDITOR = """
import sys
from PySide6.QtWidgets import QApplication, QPlainTextEdit
app = QApplication([sys.argv[1]])
edit = QPlainTextEdit(sys.argv[2])
edit.setGeometry(int(sys.argv[3]), 200, 300, 200)
edit.textChanged.connect(lambda: print(edit.toPlainText().replace("\\n", "|"), flush=True))
edit.show()
edit.setFocus()
if sys.argv[4] == "selected":
    app.processEvents()
    edit.selectAll()
    app.clipboard().setText(edit.toPlainText(), app.clipboard().Mode.Selection)
while not edit.windowHandle().isExposed():  # the X server has it on the screen
    app.processEvents()
app.processEvents()
print("shown", flush=True)
app.exec()
"""


class Editor:
    def __init__(self, name, text, left, selected):
        environment = {**os.environ, "QT_QPA_PLATFORM": "xcb"}
        command = [sys.executable, "-c", EDITOR, name, text, str(left), selected]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
        assert self.process.stdout.readline() == "shown\n"
        self.texts = []
        self.thread = threading.Thread(target=lambda: self.texts.extend(self._lines()))
        self.thread.start()
        time.sleep(1)

    def _lines(self):
        for line in self.process.stdout:
            self.texts.append(line.rstrip("\n"))
        return ()

    def wait(self, text):
        end = time.monotonic() + 20
        while text not in self.texts and time.monotonic() < end:
            time.sleep(0.05)
        return self.texts[-1:]

    def end(self):
        self.process.kill()
        self.process.wait()
        self.thread.join()
        self.process.stdout.close()


@pytest.fixture
def editors(x_display, monkeypatch):
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", x_display)
    made = []

    def make(*arguments):
        made.append(Editor(*arguments))
        return made[-1]

    yield make
    for editor in made:
        editor.end()


class Board:
    """What the clipboard says; a test changes it."""

    def __init__(self, text):
        self.text = text

    def __call__(self, asked):
        if not self.text:
            raise HostError("Nothing is selected.")
        return Told({"text": self.text, "characters": len(self.text)})


def asked(name, **arguments):
    return Asked(name, arguments, "selection_replace", "selection", ("input",), threading.Event())


def test_the_text_is_typed_over_the_selection_in_its_own_window(editors):
    owner = editors("owner", "Guten Tag", 100, "selected")
    other = editors("other", "Leave me alone", 600, "not")  # the last window has the keyboard
    board = Board("Guten Tag")
    selection = Selection(board, Pointer(lambda: None).type_into)
    selection.read(asked("read_clipboard", place="selection"))
    told = selection.replace(asked("replace_selection", text="Good day, Ann"))
    assert told.value["replaced"] == 9
    assert owner.wait("Good day, Ann") == ["Good day, Ann"]
    assert other.texts == []
    with pytest.raises(HostError, match="read the selection again"):
        selection.replace(asked("replace_selection", text="Again"))


def test_what_was_not_read_or_has_changed_is_not_typed_over(editors):
    owner = editors("owner", "Guten Tag", 100, "selected")
    board = Board("Guten Tag")
    selection = Selection(board, Pointer(lambda: None).type_into)
    with pytest.raises(HostError, match=CHANGED):
        selection.replace(asked("replace_selection", text="x"))
    selection.read(asked("read_clipboard", place="clipboard"))
    with pytest.raises(HostError, match=CHANGED):
        selection.replace(asked("replace_selection", text="x"))
    selection.read(asked("read_clipboard", place="selection"))
    board.text = "Something else"
    with pytest.raises(HostError, match=CHANGED):
        selection.replace(asked("replace_selection", text="x"))
    assert owner.texts == []


def test_a_selection_of_our_own_is_not_typed_over(editors):
    owner = editors("deskhand", "Ours", 100, "selected")
    selection = Selection(Board("Ours"), Pointer(lambda: None).type_into)
    selection.read(asked("read_clipboard", place="selection"))
    with pytest.raises(HostError, match="can't be typed into"):
        selection.replace(asked("replace_selection", text="x"))
    assert owner.texts == []


def test_without_a_window_it_is_said(bundled):
    assert "from Deskhand's window only" in bundled(AppHost(560))("selection_read").error
    assert "from Deskhand's window only" in bundled(AppHost(560))("selection_replace", text="x").error
