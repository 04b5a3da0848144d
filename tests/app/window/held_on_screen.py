"""Holds real keys on a real X server that repeats them, beside busy processes, and prints what the window made of it.

``python -m tests.app.window.held_on_screen HOW TRIALS BUSY``: HOW is ``keys`` (Ctrl+Space), ``ctrl`` (Ctrl comes up
first), ``button`` (Space on the button), ``away`` (another window takes the keyboard and gets the release) or
``sheet`` (Ctrl+Space in a question that can be answered by voice). A JSON object a trial: seconds from the moment the
microphone was open to the release, seconds of the recording, how many recordings came, what the message holds, and how
many releases Qt gave out for real.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from multiprocessing import Process

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from Xlib import XK, X, display
from Xlib.ext import xtest

from deskhand.agent.events import ApprovalRequest, ApprovalRequested
from deskhand.agent.percept import SoundPercept
from deskhand.app.happenings import EngineReady, TurnFailed
from deskhand.app.window import saying as voice
from deskhand.app.window import window as main_window
from deskhand.app.window.hold import Hold
from deskhand.app.window.saying import Saying
from deskhand.app.window.theme import Theme
from deskhand.app.window.window import Window
from deskhand.model.types import ToolCall
from tests.app.conftest import INFO, HandDesk

SECONDS = 1.6
PHRASE = "append call the doctor"


def _burn() -> None:
    while True:
        pass


class Counted(Hold):
    """Counts the releases of a key that Qt does not mark as repeats."""

    releases = 0

    def _follow(self, event: QKeyEvent) -> bool:
        if event.type() == QEvent.Type.KeyRelease and not event.isAutoRepeat() and event.key() == Qt.Key.Key_Space:
            Counted.releases += 1
        return super()._follow(event)


class Person(threading.Thread):
    """Presses keys in a thread, as somebody does who does not wait for the window."""

    def __init__(self, how: str, window: int, listening: threading.Event) -> None:
        super().__init__(daemon=True)
        self._how, self._window, self._listening = how, window, listening
        self.released = 0.0
        self.open = 0.0

    def run(self) -> None:
        x = display.Display()
        x.change_keyboard_control(auto_repeat_mode=X.AutoRepeatModeOn)
        space, control = (x.keysym_to_keycode(key) for key in (XK.XK_space, XK.XK_Control_L))
        other = x.screen().root.create_window(0, 0, 30, 30, 0, X.CopyFromParent, override_redirect=True)
        other.map()
        x.create_resource_object("window", self._window).set_input_focus(X.RevertToParent, X.CurrentTime)
        x.sync()
        time.sleep(0.3)

        def key(code: int, kind: int) -> None:
            xtest.fake_input(x, kind, code)
            x.sync()

        with_control = self._how != "button"
        if with_control:
            key(control, X.KeyPress)
        key(space, X.KeyPress)
        self._listening.wait(30)
        self.open = time.monotonic()
        time.sleep(SECONDS / 2)
        if self._how == "away":
            other.set_input_focus(X.RevertToParent, X.CurrentTime)
            x.sync()
        time.sleep(SECONDS / 2)
        self.released = time.monotonic()
        if self._how == "ctrl":
            key(control, X.KeyRelease)
            time.sleep(1.0)
        key(space, X.KeyRelease)
        if with_control and self._how != "ctrl":
            key(control, X.KeyRelease)
        x.close()


def _wait(ended: Callable[[], bool], seconds: float) -> None:
    limit = time.monotonic() + seconds
    while not ended() and time.monotonic() < limit:
        QTest.qWait(20)


def _trial(window: Window, desk: HandDesk, how: str) -> Mapping[str, object]:
    desk.submitted.clear()
    Counted.releases = 0
    listening = threading.Event()
    heard: list[SoundPercept] = []
    request = ApprovalRequest(ToolCall("c1", "notes_append", {}), "notes", "Write.", (), phrase=PHRASE)
    talk = window.talk
    if how == "sheet":
        window.handle(ApprovalRequested(request))
        saying = window.findChild(Saying)
        assert saying is not None
        _wait(saying.hold.isEnabled, 30)
        talk = saying.talk
    elif how == "button":
        window.composer.talk.setFocus()
    else:
        window.composer.input.setFocus()
    talk.listening.connect(listening.set)

    def keep(percept: SoundPercept, _doubt: str) -> None:
        heard.append(percept)

    talk.heard.connect(keep)
    person = Person(how, int(window.winId()), listening)
    person.start()
    _wait(lambda: not (person.is_alive() or talk.active or window.hold.active), 60)
    _wait(lambda: bool(heard), 5)
    QTest.qWait(300)
    told = {
        "held": round(person.released - person.open, 2),
        "recorded": [round(each.audio.seconds, 2) for each in heard],
        "sent": len(desk.submitted) + request.said.qsize(),
        "message": window.composer.input.toPlainText(),
        "releases": Counted.releases,
    }
    window.sheets.withdraw()
    desk.happened.emit(TurnFailed("The next one."))
    QTest.qWait(1200)
    window.composer.chips.clear()
    return told


def main(how: str, trials: int, busy: int) -> None:
    """Do it that often, beside that many busy processes."""
    burning = [Process(target=_burn, daemon=True) for _ in range(busy)]
    for each in burning:
        each.start()
    os.environ["QT_QPA_PLATFORM"] = "xcb"  # whatever the tests' own fixtures said when they were imported
    qt = QApplication(sys.argv[:1])
    desk = HandDesk()
    main_window.Hold = voice.Hold = Counted  # pyright: ignore[reportPrivateImportUsage]
    window = Window(desk, Theme(qt, dark=False))  # pyright: ignore[reportArgumentType]
    window.show()
    desk.happened.emit(EngineReady(INFO))
    QTest.qWait(500)
    for _ in range(trials):
        sys.stdout.write(f"{json.dumps(_trial(window, desk, how))}\n")
        sys.stdout.flush()
    window.close()
    for each in burning:
        each.terminate()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
