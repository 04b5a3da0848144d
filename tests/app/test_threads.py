"""No long-lived thread ends by an exception: each is made to fail once, and does its work the next time."""

import logging
import sys
import threading
import time

import pytest

from deskhand.agent.background import Background
from deskhand.agent.events import Notice
from deskhand.agent.task import Task
from deskhand.agent.timers import Timers
from deskhand.app import errorlog, panic
from deskhand.app.panic import StopListener


def until(so):
    end = time.monotonic() + 60
    while not so():
        assert time.monotonic() < end
        time.sleep(0.01)


def failing_once(then):
    tries = []

    def do(*arguments):
        tries.append(arguments)
        if len(tries) == 1:
            raise KeyError("once")
        return then(*arguments)

    do.tries = tries
    return do


def test_stop_is_heard_again_after_it_failed(caplog):
    stop = failing_once(lambda: None)
    with StopListener(stop):
        assert panic.stop_all() == 0  # it did not stop, so it does not say so
        assert panic.stop_all() == 1
    assert "stopping failed" in caplog.text


def test_timers_are_told_after_one_failed(tmp_path):
    told = []
    tell = failing_once(told.append)
    folder = tmp_path / "clock" / "timers"
    folder.mkdir(parents=True)
    for name in ("a", "b"):
        (folder / f"{name}.json").write_text(f'{{"id": "{name}", "label": "{name}", "due": 1, "set": 0}}')
    for due in ("1e300", "-1e300", "NaN", "Infinity", "[]", '"x"', "9" * 400):
        (folder / f"odd{len(due)}.json").write_text(f'{{"id": "o", "label": "odd", "due": {due}, "set": 0}}')
    timers = Timers(tmp_path, tell)
    timers.start()
    until(lambda: any("“b”" in each.text for each in told))
    timers.stop()


def test_a_watch_that_fails_ends_alone(tmp_path):
    told = []
    kept = Background(tmp_path, told.append)
    kept.start(lambda _woken: None)
    looked = threading.Event()

    def broken():
        raise ZeroDivisionError

    def whole():
        looked.set()
        raise AssertionError

    kept.begin(Task("a", "watch", "first", time.time() + 60, every=2, look=broken))
    until(lambda: any(isinstance(each, Notice) and "first" in each.text for each in told))
    kept.begin(Task("b", "watch", "second", time.time() + 60, every=2, look=whole))
    assert looked.wait(60)
    until(lambda: kept.all() == ())
    kept.stop()


def test_what_ends_a_thread_is_written_down_and_told_once(monkeypatch, own_folders):
    told = []
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    errorlog.install(told.append)
    try:

        def broken():
            raise RuntimeError("token=abcdefghijklmnop1234 \udce9")

        for _ in range(3):
            thread = threading.Thread(target=broken)
            thread.start()
            thread.join()
        assert len(told) == 1
        assert str(errorlog.place()) in told[0]
        log = errorlog.place().read_text()
        assert log.count("Traceback") == 3
        assert "abcdefghijklmnop1234" not in log + told[0]
    finally:
        logging.getLogger().removeHandler(errorlog._handler)


def test_the_log_does_not_grow_for_ever(own_folders, monkeypatch):
    monkeypatch.setattr(errorlog, "LARGEST", 2000)
    handler = errorlog.ErrorLog()
    for number in range(60):
        handler.emit(logging.LogRecord("x", logging.ERROR, "f", 1, f"{number} " + "x" * 200, None, None))
    files = sorted(path.name for path in errorlog.place().parent.iterdir())
    assert files == ["errors.lock", "errors.log", "errors.log.1"]
    assert sum(path.stat().st_size for path in errorlog.place().parent.iterdir()) < 6000
    assert "59 " in errorlog.place().read_text()


@pytest.mark.parametrize("how", ["a folder", "a file"])
def test_a_log_that_can_not_be_written_costs_nothing(own_folders, how):
    place = errorlog.place()
    if how == "a folder":
        place.mkdir(parents=True)
    else:
        place.parent.parent.mkdir(parents=True)
        place.parent.write_text("")
    errorlog.ErrorLog().emit(logging.LogRecord("x", logging.ERROR, "f", 1, "m", None, None))
