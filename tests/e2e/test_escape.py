"""Escape ends what marks a place while the whole window runs, with the stop key that it holds."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable

from Xlib import XK, X, display, error
from Xlib.ext import xtest

WINDOW = """
import contextlib, sys
from PySide6.QtCore import QTimer
from deskhand.agent.events import ApprovalRequested, Answer, TurnEnded
from deskhand.app import desktop, settings, wiring
from deskhand.app.happenings import EngineReady
from deskhand.app.window.theme import Theme
qt = desktop.application()
window, bridge = desktop.open_window(settings.load(engine=sys.argv[1]), wiring.open_history(), Theme(qt))
stack = contextlib.ExitStack()
desktop._listen_for_stop(bridge, stack)
def told(event):
    if isinstance(event, EngineReady):
        bridge.submit("/input go")
    elif isinstance(event, ApprovalRequested):
        QTimer.singleShot(0, lambda: window.sheets.approval.answer(Answer.ONCE))
    elif isinstance(event, TurnEnded):
        print(event.outcome.finish, [call.error for call in event.outcome.calls if call.call.name != "activate_skill"])
        qt.quit()
bridge.happened.connect(told)
window.setGeometry(0, 0, 600, 500)
window.show()
bridge.start()
qt.exec()
stack.close()
bridge.shutdown()
window.close()
"""
CLICK = {"call": {"name": "input_click", "arguments": {"x": 900, "y": 900}}}


def marks(connection: display.Display) -> int:
    """How many bars of a mark the screen shows."""
    found = 0
    for window in connection.screen().root.query_tree().children:
        try:
            shape = window.get_geometry()
        except error.XError:  # gone meanwhile
            continue
        found += sorted((shape.width, shape.height)) == [4, 44]
    return found


def test_escape_stops_a_click_of_the_running_window(script: Callable[..., str], x_display: str):
    clean = {**os.environ, "DISPLAY": x_display, "QT_QPA_PLATFORM": "xcb"}
    clean.pop("WAYLAND_DISPLAY", None)
    command = [sys.executable, "-c", WINDOW, script([CLICK], [{"text": "Never mind."}])]
    process = subprocess.Popen(command, env=clean, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    person = display.Display(x_display)
    try:
        before = person.screen().root.query_pointer()
        deadline = time.monotonic() + 60
        while not marks(person) and time.monotonic() < deadline:
            time.sleep(0.02)
        for kind in (X.KeyPress, X.KeyRelease):
            xtest.fake_input(person, kind, person.keysym_to_keycode(XK.XK_Escape))
        person.sync()
        said, problems = process.communicate(timeout=60)
        after = person.screen().root.query_pointer()
    finally:
        process.kill()
        process.wait()
        person.close()
    assert said == "stop ['The person pressed Escape: nothing was done.']\n", problems
    assert (after.root_x, after.root_y) == (before.root_x, before.root_y)
    assert "X protocol error" not in problems
