"""The measuring of files and the card that says what was measured."""

from __future__ import annotations

import hashlib
import json

import pytest
from PIL import Image

from deskhand.model.files.shipped import LEARNT
from deskhand.model.pocket import curriculum
from deskhand.model.pocket.measuring.card import GOALS, ship
from deskhand.model.pocket.measuring.evaluation import answer, bundle_in, engine, evaluate, summary
from deskhand.model.pocket.measuring.scoring import Score
from deskhand.model.pocket.shapes import first_values
from deskhand.model.pocket.spec import SMALLEST
from deskhand.model.pocket.world.understood import understood
from deskhand.model.pocket.writing import write, write_untrained


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Untrained files, stored as trained ones are."""
    folder = tmp_path_factory.mktemp("run")
    write(folder / "model", SMALLEST, {file: first_values(SMALLEST, file, 1) for file in ("main", "mmproj", "drafter")})
    return folder


def test_goals_are_of_suites_that_exist():
    assert set(GOALS) <= set(curriculum.HELD_OUT)


def test_files_in_eight_bits_load_and_answer_every_suite(folder):
    local = engine(bundle_in(folder / "model"), drafts=False)
    try:
        for suite in curriculum.HELD_OUT:
            (sample,) = curriculum.held_out_samples(suite, 1)
            _, usage = answer(local, sample, limit=3)
            assert usage.completion_tokens <= 3
            assert bool(usage.image_tokens) == (sample.pixels is not None)
            assert bool(usage.audio_tokens) == (sample.sound is not None)
    finally:
        local.close()


def test_eight_bits_take_less_than_half(folder, tmp_path):
    exact = write_untrained(tmp_path, SMALLEST)
    assert (
        sum(p.stat().st_size for p in bundle_in(folder / "model").files)
        < sum(p.stat().st_size for p in exact.files) / 2
    )


def test_a_tensor_of_another_shape_is_named(tmp_path):
    values = {file: first_values(SMALLEST, file, 1) for file in ("main", "mmproj")}
    values["main"]["output_norm.weight"] = values["main"]["output_norm.weight"][:-1]
    with pytest.raises(ValueError, match=r"main\.gguf.*output_norm\.weight"):
        write(tmp_path, SMALLEST, values)


def test_a_summary_counts_shares_and_letters():
    scores = [Score(right=True, exact=True, errors=0, letters=8, acted=False)]
    scores += [Score(right=True, exact=False, errors=2, letters=12, acted=True)]
    assert summary(scores) == {"turns": 2, "right": 1.0, "exact": 0.5, "acted": 0.5, "character error": 0.1}


def test_a_run_is_shipped_with_hashes_and_a_card(folder, tmp_path):
    named = (*GOALS, "typed commands", "what it says", "press, typed", "unknown commands")
    report = evaluate(bundle_in(folder / "model"), 1, suites=named)
    assert set(report["suites"]) == set(named)
    assert report["drafting"]["same answers"] == 1
    assert report["seconds"] >= 0 <= report["drafting"]["seconds"]
    (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")
    (folder / "run").mkdir()
    (folder / "run" / "log.jsonl").write_text('{"step": 0, "loss": 2.5, "seconds": 60}\n', encoding="utf-8")
    for name in ("loss.png", "held-out.png"):
        Image.new("RGB", (4, 4)).save(folder / name)
    understood().write(folder / "model" / LEARNT)
    ship(folder, tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert {LEARNT, "practice/windows.json", "practice/12.png"} <= set(manifest)
    for name, entry in manifest.items():
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == entry["sha256"]
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "| reading | 0.0% |" in card
    assert "loss 2.500" in card
    assert "reading of prompts included" in card
