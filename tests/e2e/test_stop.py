"""`deskhand stop` and the key that works everywhere: real programs, a real tool that hangs, a real X server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from Xlib import XK, X, display
from Xlib.ext import xtest

from deskhand.app import panic
from deskhand.app.hotkey import HotkeyError, StopKey
from tests.e2e.conftest import COMMAND, Run

Command = Callable[..., Run]
Script = Callable[..., str]

SLOW = {"call": {"name": "slow_sleep", "arguments": {}}}
TOOL = "import time\n\n\ndef sleep() -> str:\n    '''Sleep.'''\n    time.sleep(60)\n    return ''\n"


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A folder of skills with one whose tool hangs."""
    folder = tmp_path / "with-slow" / "slow"
    folder.mkdir(parents=True)
    (folder / "tools.py").write_text(TOOL)
    front = (
        "---\nname: slow\ndescription: Sleeps.\nmetadata:\n  deskhand-tools: tools.py\n  deskhand-core: 'true'\n---\n"
    )
    (folder / "SKILL.md").write_text(front)
    return folder.parent


def started(engine: str) -> subprocess.Popen[str]:
    clean = {key: value for key, value in os.environ.items() if key not in {"DISPLAY", "WAYLAND_DISPLAY"}}
    process = subprocess.Popen(
        [*COMMAND, "ask", "go", "--json", "--engine", engine],
        env=clean, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not list(panic.folder().glob(f"{process.pid}-*.sock")) and time.monotonic() < deadline:
        time.sleep(0.05)
    return process


def test_a_generation_that_hangs_ends_and_its_program_says_so(deskhand: Command, script: Script):
    process = started(script([{"text": "I think "}, {"wait": 60}]))
    time.sleep(2)
    stopped = deskhand("stop")
    assert (stopped.code, stopped.out) == (0, "Stopped: 1.\n")
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert json.loads(out)["finish"] == "cancelled"
    assert not panic.folder().exists()
    assert '"reached": 1' in deskhand("audit", "show", "--json").out


def test_nothing_running_is_said_and_what_a_killed_program_left_is_cleared(deskhand: Command, script: Script):
    process = started(script([{"wait": 60}]))
    process.kill()
    process.communicate()
    assert list(panic.folder().glob("*.sock"))
    stopped = deskhand("stop")
    assert (stopped.code, stopped.out) == (1, "No Deskhand is running.\n")
    assert not panic.folder().exists()


def test_a_folder_of_somebody_else_is_not_used(own_folders: Path):
    place = panic.folder()
    place.mkdir(mode=0o700)
    place.chmod(0o777)
    with pytest.raises(PermissionError, match="not the person's own"):
        panic.stop_all()
    with pytest.raises(PermissionError, match="not the person's own"):
        panic.StopListener(lambda: None)
    assert not list(place.iterdir())


def test_the_last_program_takes_the_folder_away(own_folders: Path):
    place = panic.folder()
    assert panic.stop_all() == 0
    assert not place.exists()
    first, second = panic.StopListener(lambda: None), []
    other = threading.Thread(target=lambda: second.append(panic.StopListener(lambda: None)))
    other.start()
    other.join()
    first.close()
    assert len(list(place.glob("*.sock"))) == 1
    second[0].close()
    assert not place.exists()


def test_programs_that_come_and_go_at_once_never_miss_their_folder(own_folders: Path):
    problems = []

    def come_and_go() -> None:
        try:
            for _ in range(50):
                panic.StopListener(lambda: None).close()
        except OSError as error:
            problems.append(error)

    threads = [threading.Thread(target=come_and_go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert not panic.folder().exists()


def test_nothing_is_left_in_the_runtime_folder(deskhand: Command, script: Script):
    runtime = panic.folder().parent
    assert runtime == Path(os.environ["XDG_RUNTIME_DIR"])
    assert deskhand("ask", "go", "--json", "--engine", script([{"text": "Done."}])).code == 0
    deskhand("stop")
    assert not panic.folder().exists()


def press(name: str) -> None:
    """Press Ctrl+Alt+Escape on a display, as the hardware would."""
    connection = display.Display(name)
    keys = [connection.keysym_to_keycode(XK.string_to_keysym(key)) for key in ("Control_L", "Alt_L", "Escape")]
    for key in keys:
        xtest.fake_input(connection, X.KeyPress, key)
    for key in reversed(keys):
        xtest.fake_input(connection, X.KeyRelease, key)
    connection.sync()
    connection.close()


def test_the_key_works_wherever_the_person_is_and_is_given_back(x_display: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DISPLAY", x_display)
    pressed = threading.Event()
    key = StopKey(pressed.set)
    try:
        press(x_display)
        assert pressed.wait(10)
        with pytest.raises(HotkeyError, match="taken by another program"):
            StopKey(pressed.set)
    finally:
        key.close()
    key.close()
    StopKey(pressed.set).close()


def test_the_key_needs_an_x_server(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(HotkeyError, match="deskhand stop"):
        StopKey(lambda: None)


WINDOW = """
import sys
from pathlib import Path
from PySide6.QtCore import QTimer
from deskhand.agent.events import ApprovalRequested, Answer, CallEnded, TurnEnded
from deskhand.app import desktop, settings, wiring
from deskhand.app.happenings import EngineReady
from deskhand.app.window.theme import Theme
settings.BUNDLED_SKILLS = Path(sys.argv[3])
qt = desktop.application()
window, bridge = desktop.open_window(settings.load(engine=sys.argv[1]), wiring.open_history(), Theme(qt))
import contextlib
stack = contextlib.ExitStack()
desktop._listen_for_stop(bridge, stack)
answers = [Answer.ONCE] if sys.argv[2] == "tool" else []
def told(event):
    if isinstance(event, EngineReady):
        bridge.submit("go")
    elif isinstance(event, ApprovalRequested):
        if answers:
            QTimer.singleShot(0, lambda: window.sheets.approval.answer(answers.pop()))
        print("asked", flush=True)
    elif isinstance(event, TurnEnded):
        errors = [call.error for call in event.outcome.calls]
        print(event.outcome.finish, errors, window.sheets.approval is None, flush=True)
        qt.quit()
bridge.happened.connect(told)
window.show()
bridge.start()
qt.exec()
stack.close()
bridge.shutdown()
window.close()
"""


@pytest.mark.parametrize("by", ["command", "key"])
@pytest.mark.parametrize("what", ["tool", "question"])
def test_the_window_ends_a_tool_that_hangs_and_a_question_that_waits(  # noqa: PLR0917 - fixtures and two cases
    deskhand: Command, script: Script, x_display: str, slow: Path, what: str, by: str
):
    engine = script([SLOW], [{"text": "Never said."}])
    clean = {**os.environ, "DISPLAY": x_display, "QT_QPA_PLATFORM": "xcb"}
    clean.pop("WAYLAND_DISPLAY", None)
    process = subprocess.Popen(
        [sys.executable, "-c", WINDOW, engine, what, str(slow)], env=clean, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "asked\n"
    time.sleep(2)
    if by == "key":
        press(x_display)
    else:
        assert deskhand("stop").code == 0
    said, _ = process.communicate(timeout=30)
    error = "The tool was stopped." if what == "tool" else "The turn was stopped before this was allowed."
    assert said.splitlines()[0] == f"cancelled ['{error}'] True"
    assert process.returncode == 0
