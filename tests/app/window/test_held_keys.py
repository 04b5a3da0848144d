"""Push-to-talk by keys that repeat, as every keyboard's do (WINDOW.md §4): the whole hold is recorded."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deskhand.app import virtual

ROOT = Path(__file__).parents[3]
TRIALS, BUSY = 2, 3


@pytest.fixture
def tone(microphone, tmp_path):
    """Somebody who speaks until the test is over."""
    path = virtual.speak("one two three four five six seven eight nine ten " * 60, tmp_path / "speech.wav")
    player = subprocess.Popen(["paplay", str(path)], env={**os.environ, **microphone})
    yield microphone
    player.terminate()
    player.wait()


@pytest.mark.parametrize("how", ["keys", "ctrl", "button", "away", "sheet"])
def test_the_whole_hold_is_recorded_though_the_key_repeats_and_the_machine_is_busy(x_display, tone, how):
    clean = {key: value for key, value in os.environ.items() if key != "WAYLAND_DISPLAY"}
    told = subprocess.run(
        [sys.executable, "-m", "tests.app.window.held_on_screen", how, str(TRIALS), str(BUSY)],
        env={**clean, **tone, "DISPLAY": x_display, "QT_QPA_PLATFORM": "xcb"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    trials = [json.loads(line) for line in told.stdout.splitlines()]
    assert len(trials) == TRIALS
    for trial in trials:
        (recorded,) = trial["recorded"]
        assert trial["sent"] == 1
        assert trial["message"] == ""
        # The microphone was open before the window could say so: there may be more at the beginning, never less.
        assert recorded > trial["held"] - 0.1
