"""The probe on a real context, with a clock of the test's own and with the real one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from deskhand.model.files.tuning import Tuning, TuningCache
from deskhand.model.llama import probe
from deskhand.model.llama.context import Context
from deskhand.model.llama.session import Session
from deskhand.model.process.client import WorkerEngine
from deskhand.model.types import Message, Request, Text


class Clock:
    """Time that passes as decided: so many seconds a step with so many threads."""

    def __init__(self, context: Context, monkeypatch: pytest.MonkeyPatch, seconds: dict[int, float]) -> None:
        self.now, self.steps = 0.0, 0
        threads = 0
        real = Context.decode, Context.use_threads

        def decode(inner: Context, *arguments, **options) -> None:
            real[0](inner, *arguments, **options)
            self.now += seconds[threads]
            self.steps += 1

        def use_threads(inner: Context, number: int) -> None:
            nonlocal threads
            real[1](inner, number)
            threads = number

        monkeypatch.setattr(Context, "decode", decode)
        monkeypatch.setattr(Context, "use_threads", use_threads)
        self.threads = lambda: threads

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def session(open_session) -> Session:
    return open_session()


def test_the_fastest_is_set_and_remembered(session, tmp_path, monkeypatch):
    monkeypatch.setattr(probe, "candidates", lambda: (1, 2, 4))
    clock = Clock(session.context, monkeypatch, {1: 0.4, 2: 0.2, 4: 0.25})
    cache = TuningCache(tmp_path / "tuning.json")
    assert probe.tune(session.context, "abc", cache, clock) == Tuning(2, {"1": 400.0, "2": 200.0, "4": 250.0})
    assert clock.threads() == 2
    steps = clock.steps
    assert probe.tune(session.context, "abc", cache, clock).threads == 2
    assert clock.steps == steps


def test_it_ends_after_a_round_on_a_slow_machine(session, tmp_path, monkeypatch):
    monkeypatch.setattr(probe, "candidates", lambda: (1, 2))
    clock = Clock(session.context, monkeypatch, {1: 2.0, 2: 1.0})
    assert probe.tune(session.context, "abc", TuningCache(tmp_path / "tuning.json"), clock).threads == 2
    assert clock.steps == 3


def test_a_step_that_takes_too_long_is_given_up_and_the_others_count(session, tmp_path, monkeypatch):
    monkeypatch.setattr(probe, "candidates", lambda: (1, 2))
    clock = Clock(session.context, monkeypatch, {1: 3.0, 2: 3.0})
    cache = TuningCache(tmp_path / "tuning.json")
    assert probe.tune(session.context, "abc", cache, clock) == Tuning(2, {"2": 3000.0})
    assert session.context.newest() == -1
    assert cache.model("abc") is None  # one was not measured: the next start tries again


def test_where_no_step_ends_in_time_nothing_is_remembered(session, tmp_path, monkeypatch):
    monkeypatch.setattr(probe, "candidates", lambda: (1, 2))
    clock = Clock(session.context, monkeypatch, {1: 9.0, 2: 9.0})
    cache = TuningCache(tmp_path / "tuning.json")
    tuning = probe.tune(session.context, "abc", cache, clock)
    assert tuning.threads >= 1
    assert tuning.steps == {}
    assert "not measured" in str(tuning)
    assert cache.model("abc") is None
    assert clock.threads() == tuning.threads


def test_processes_that_take_too_long_are_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(probe, "PATIENCE", 0.01)
    cache = TuningCache(tmp_path / "tuning.json")
    assert probe.tune_waiting(2, cache) == "passive"
    assert cache.waiting() is None
    assert probe.tune_waiting(1, cache) == "passive"
    assert cache.waiting() == "passive"  # one thread waits for nobody: nothing to measure


def test_nothing_is_left_in_the_memory_and_answers_are_the_same(session, kit, tmp_path, monkeypatch):
    from deskhand.model.language.dialect import Plain

    monkeypatch.setattr(probe, "PATIENCE", 120.0)
    expected = kit.logits_after(session, [Plain("What is this?")])
    session.cache.clear()
    tuning = probe.tune(session.context, "abc", TuningCache(tmp_path / "tuning.json"))
    assert set(tuning.steps) == {str(number) for number in probe.candidates()}
    assert all(milliseconds > 0 for milliseconds in tuning.steps.values())
    assert session.context.newest() == -1
    assert abs(kit.logits_after(session, [Plain("What is this?")]) - expected).max() < 1e-3


def test_waiting_is_measured_in_processes_and_remembered(tmp_path, monkeypatch):
    monkeypatch.setattr(probe, "PATIENCE", 120.0)  # the machine that tests may be busy
    cache = TuningCache(tmp_path / "tuning.json")
    chosen = probe.tune_waiting(2, cache)
    assert chosen in ("passive", "brief")
    assert cache.waiting() == chosen
    one, other = probe._in_a_process(1, "passive", 60.0)
    assert min(one, other) > 0


def test_where_it_can_not_be_measured_threads_sleep(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert probe.tune_waiting(2, TuningCache(tmp_path / "tuning.json")) == "passive"


def test_a_model_that_is_worth_it_is_tuned_when_it_loads_and_says_so(kit, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    config = kit.tiny_config(threads=None)
    monkeypatch.setattr("deskhand.model.llama.session.WORTH_BYTES", 1)
    monkeypatch.setattr(probe, "PATIENCE", 120.0)
    session = Session(config)
    assert any(note.startswith("threads: ") and "they wait" in note for note in session.notes)
    session.close()
    assert (tmp_path / "deskhand" / "tuning.json").exists()


def test_a_worker_waits_as_was_chosen(kit, monkeypatch, tmp_path):
    config = kit.tiny_config()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for way, word in (("passive", b"OMP_WAIT_POLICY=passive"), ("brief", b"GOMP_SPINCOUNT=20000")):
        TuningCache().keep_waiting(way)
        monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
        engine = WorkerEngine(config)
        list(engine.generate(Request((Message("user", (Text("a"),)),), max_tokens=2)))
        assert word in Path(f"/proc/{engine.pid}/environ").read_bytes().split(b"\0")
        engine.close()
