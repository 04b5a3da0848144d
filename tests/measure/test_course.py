"""Groups that fail, abort, hang and are broken off, as real processes."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import psutil
import pytest

GOOD = "import json, pathlib, sys; pathlib.Path(sys.argv[1]).write_text(json.dumps(['figure']))"
BAD = "import sys; print('what went wrong'); sys.exit(3)"
ABORTED = "import os; os.abort()"
BROKEN = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text('{')"
HANGING = (
    "import pathlib, subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    "pathlib.Path(sys.argv[1]).with_name('child').write_text(str(child.pid))\n"
    "time.sleep(600)"
)


@pytest.fixture
def start(monkeypatch, tmp_path):
    """Runs programs as groups; says outcomes, rows that were kept, and what was told."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    import course

    def run(programs: dict[str, str], *, runs: int = 5, least: float = 60.0, **options: bool):
        kept: list[str] = []
        told: list[str] = []

        def command(group: str, into: Path) -> list[str]:
            return [sys.executable, "-c", programs[group], str(into)]

        def keep(into: Path) -> None:
            json.loads(into.read_text())
            kept.append(into.name.partition(".")[0])

        expected = dict.fromkeys(programs, 0.01)
        found = course.Course(tmp_path, expected, command, keep, say=told.append, least=least)
        outcomes = found.run(list(programs), runs, **options)
        return {group: outcome.name for group, outcome in outcomes.items()}, kept, "\n".join(told)

    return run


def test_a_group_that_fails_costs_no_other_its_figures(start):
    outcomes, kept, told = start({"one": GOOD, "bad": BAD, "aborted": ABORTED, "broken": BROKEN, "two": GOOD})
    assert kept == ["one", "two"]
    assert [group for group, outcome in outcomes.items() if outcome == "FAILED"] == ["bad", "aborted", "broken"]
    assert "failed with code 3" in told
    assert "what went wrong" in told
    assert told.endswith("failed: bad, aborted, broken")


def test_the_next_run_measures_what_is_missing(start):
    start({"one": GOOD, "two": BAD})
    outcomes, kept, told = start({"one": GOOD, "two": GOOD})
    assert outcomes == {"one": "KEPT", "two": "MEASURED"}
    assert kept == ["two"]
    assert told.endswith("every group was measured")
    assert start({"one": GOOD, "two": GOOD})[1] == ["one", "two"]  # a run that has ended is over


def test_another_number_of_runs_or_a_wish_begins_anew(start):
    start({"one": GOOD, "two": BAD})
    assert start({"one": GOOD, "two": BAD}, runs=3)[1] == ["one"]
    assert start({"one": GOOD, "two": BAD}, runs=3, afresh=True)[1] == ["one"]


def test_a_part_that_is_asked_for_is_measured_and_leaves_an_unfinished_run_as_it_is(start):
    start({"one": GOOD, "two": BAD})
    assert start({"one": GOOD}, part=True)[1] == ["one"]
    assert start({"one": GOOD, "two": GOOD})[1] == ["two"]


def test_a_group_that_hangs_is_ended_with_all_that_it_started(start, tmp_path):
    outcomes, kept, told = start({"hanging": HANGING, "one": GOOD}, least=8.0)
    assert outcomes == {"hanging": "FAILED", "one": "MEASURED"}
    assert kept == ["one"]
    assert "it hung for 8 s" in told
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 30
    while _runs(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(child)


def _runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_every_group_of_the_benchmark_is_expected_to_take_some_time(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    import bench

    assert set(bench.EXPECTED) == set(bench.GROUPS)
    assert all(0 < seconds < 300 for seconds in bench.EXPECTED.values())
    assert sum(bench.EXPECTED.values()) < 20 * 60
