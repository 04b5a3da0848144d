"""Threads are chosen from times that are given, and what was chosen is remembered."""

from __future__ import annotations

import pytest

from deskhand.model.files.tuning import Tuning, TuningCache, candidates, fastest, waiting


@pytest.mark.parametrize(
    ("steps", "best"),
    [
        ({1: 0.4, 2: 0.2}, 2),
        ({1: 0.4, 4: 0.101, 8: 0.1}, 4),  # a tie: the fewest
        ({1: 0.1, 4: 0.1, 8: 0.1}, 1),
        ({1: 0.04, 2: 3.7}, 1),  # a busy machine
        ({1: 0.4, 4: 0.12, 8: 0.1}, 8),
        ({1: 0.3}, 1),
    ],
)
def test_the_fewest_threads_within_a_tie_of_the_fastest(steps, best):
    assert fastest(steps) == best


@pytest.mark.parametrize(
    ("passive", "brief", "way"),
    [
        ([10, 10, 10, 10], [8, 8, 8, 8], "brief"),
        ([10, 10, 10, 10], [9.9, 9.8, 9.9, 9.9], "passive"),  # a tie
        ([10, 50, 10, 12], [9, 70, 11, 8], "passive"),  # a busy machine: the pairs scatter
        ([10, 10, 10, 10], [8, 8, 8, 30], "brief"),
        ([10, 10, 10, 10], [8, 8, 12, 12], "passive"),
        ([10, 10, 10, 10], [300, 300, 300, 300], "passive"),
    ],
)
def test_threads_sleep_unless_staying_awake_wins_clearly(passive, brief, way):
    assert waiting(passive, brief) == way


def test_one_thread_is_always_tried_and_none_beyond_the_cores():
    tried = candidates()
    assert tried[0] == 1
    assert tried == tuple(sorted(set(tried)))


def test_what_was_measured_is_remembered_by_model(tmp_path):
    cache = TuningCache(tmp_path / "deep" / "tuning.json")
    assert cache.model("abc") is None
    assert cache.waiting() is None
    assert cache.environment() == {"OMP_WAIT_POLICY": "passive"}
    cache.keep("abc", Tuning(2, {"1": 400.0, "2": 210.5}))
    cache.keep_waiting("brief")
    again = TuningCache(tmp_path / "deep" / "tuning.json")
    assert again.model("abc") == Tuning(2, {"1": 400.0, "2": 210.5})
    assert again.model("other") is None
    assert again.waiting() == "brief"
    assert "OMP_WAIT_POLICY" not in again.environment()
    assert str(again.model("abc")) == "threads: 2 (a token took 400.0 ms with 1, 210.5 ms with 2)"


def test_another_machine_is_measured_anew(tmp_path, monkeypatch):
    cache = TuningCache(tmp_path / "tuning.json")
    cache.keep("abc", Tuning(2, {}))
    cache.keep_waiting("brief")
    monkeypatch.setattr("deskhand.model.files.tuning.candidates", lambda: (1, 64))
    assert cache.model("abc") is None
    assert cache.waiting() is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', "\x00"])
def test_a_broken_cache_is_no_cache(tmp_path, text):
    path = tmp_path / "tuning.json"
    path.write_text(text)
    cache = TuningCache(path)
    assert cache.model("abc") is None
    cache.keep("abc", Tuning(1, {}))
    assert cache.model("abc") == Tuning(1, {})


def test_a_cache_that_can_not_be_written_is_done_without(tmp_path):
    (tmp_path / "file").write_text("")
    cache = TuningCache(tmp_path / "file" / "tuning.json")
    cache.keep("abc", Tuning(1, {}))
    assert cache.model("abc") is None
