"""The window as a process: one a data folder, found again after kill -9, with what it had said."""

import os
import signal
import subprocess
import time

import psutil
import pytest

from deskhand.agent.history import Store
from tests.e2e.conftest import COMMAND


@pytest.fixture
def start(script):
    """Start the window in memory; what is started is ended."""
    engine = script([{"text": "ok"}])
    started = []

    def run():
        made = subprocess.Popen(
            [*COMMAND, "--engine", engine],
            env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(made)
        return made

    yield run
    for each in started:
        if each.poll() is None:
            each.send_signal(signal.SIGTERM)
        each.communicate(timeout=120)


def until(so):
    end = time.monotonic() + 120
    while not so():
        assert time.monotonic() < end
        time.sleep(0.05)


def engines(process):
    return [each for each in psutil.Process(process.pid).children() if "worker" in " ".join(each.cmdline())]


def test_a_second_start_brings_the_first_window_forward_and_starts_no_engine(start):
    first = start()
    until(lambda: len(engines(first)) == 1)
    second = start()
    out, err = second.communicate(timeout=120)
    assert (second.returncode, out, err) == (0, "", "")
    assert first.poll() is None
    assert len(engines(first)) == 1
    first.kill()
    first.communicate()
    third = start()  # the lock of a killed program is nobody's
    until(lambda: len(engines(third)) == 1)
    third.send_signal(signal.SIGTERM)
    third.communicate(timeout=120)
    assert third.returncode == 0


def test_the_history_is_not_put_aside_below_an_open_window(start, deskhand):
    first = start()
    until(lambda: len(engines(first)) == 1)
    refused = deskhand("reset", "history")
    assert refused.code == 1
    assert "window is open" in refused.err


def test_what_had_streamed_survives_kill_9(script, own_folders, tmp_path):
    engine = script([{"text": "Once upon a time there was a mill. " * 500}])
    path = tmp_path / "script.json"
    path.write_text(path.read_text().replace('{"model"', '{"words_per_second": 40, "model"', 1))
    asked = subprocess.Popen([*COMMAND, "ask", "--engine", engine, "hi"], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # fmt: skip
    file = own_folders / "data" / "deskhand" / "history.sqlite"
    until(file.exists)
    store = Store(file)
    until(lambda: store.conversations() and len(store.messages(1)) == 2 and len(store.messages(1)[1].text) > 20)
    asked.kill()
    asked.communicate()
    (turn,) = store.turns(1)
    assert turn.interrupted
    assert turn.messages[-1].text.startswith("Once upon")
    store.close()
