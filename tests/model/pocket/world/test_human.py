"""Recordings of people, as they are measured: those that can be heard, of a length that Pocket hears."""

from __future__ import annotations

import wave

import numpy as np
import pytest

from deskhand.model.pocket.measuring.evaluation import HUMAN, bundle_in, evaluate
from deskhand.model.pocket.spec import SMALLEST
from deskhand.model.pocket.world.human import clips
from deskhand.model.pocket.writing import write_untrained


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(1)
    for name, seconds, volume in (
        ("a", 1.0, 0.1),
        ("b", 0.2, 0.1),
        ("c", 7.0, 0.1),
        ("d", 2.0, 0.0001),
        ("e", 2.0, 0.1),
    ):
        with wave.open(str(tmp_path / f"{name}.wav"), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes((rng.normal(0, volume, int(8000 * seconds)).clip(-1, 1) * 32767).astype("<i2").tobytes())
    (tmp_path / "notes.txt").write_text("no sound")
    return tmp_path


def test_only_clips_that_can_be_heard_are_taken_at_16_khz(folder):
    assert [round(sample.sound.size / 16_000, 1) for sample in clips(folder, 10)] == [1.0, 2.0]
    assert len(clips(folder, 1)) == 1
    assert clips(folder / "none", 10) == []


def test_they_are_one_more_suite_of_the_report(folder, tmp_path):
    bundle = write_untrained(tmp_path / "model", SMALLEST)
    report = evaluate(bundle, 1, ["typed commands"], people=folder)
    assert list(report["suites"]) == ["typed commands", HUMAN]
    assert report["suites"][HUMAN]["turns"] == 1
    assert bundle_in(tmp_path / "model").main == bundle.main
