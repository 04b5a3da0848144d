"""Speech recognition on spoken, silent, noisy, tiny and long recordings, with a real model."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import numpy as np
import pytest

from deskhand.app.virtual import speak
from deskhand.model.cascade.speech import Listener, silent
from deskhand.model.errors import BundleError
from deskhand.model.files.catalog import CATALOG
from deskhand.model.files.hub import fetch
from deskhand.model.sound import read_audio
from deskhand.model.types import SAMPLE_RATE, Audio

GO_ON = threading.Event()


@pytest.fixture(scope="module")
def folder() -> Path:
    return fetch(CATALOG["speech-tiny"])


@pytest.fixture(scope="module")
def listener(folder: Path) -> Listener:
    return Listener(folder)


def sound(samples: np.ndarray) -> Audio:
    return Audio(samples.astype("<f4").tobytes())


def words(text: str | None) -> str:
    assert text is not None
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()


def test_a_spoken_sentence_is_written_down(listener: Listener, tmp_path: Path) -> None:
    audio = read_audio(speak("Set a timer for ten minutes.", tmp_path / "a.wav"))
    assert words(listener.transcribe(audio, GO_ON)) in {"set a timer for ten minutes", "set a timer for 10 minutes"}


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(0),
        np.zeros(1),
        np.ones(1),
        np.zeros(5 * SAMPLE_RATE),
        np.random.default_rng(1).normal(0, 0.0003, 5 * SAMPLE_RATE),
        np.random.default_rng(2).normal(0, 0.02, 8 * SAMPLE_RATE),
        0.2 * np.sin(np.arange(4 * SAMPLE_RATE) * 2 * np.pi * 50 / SAMPLE_RATE),
    ],
    ids=["empty", "one sample", "one loud sample", "zeros", "room", "noise", "mains hum"],
)
def test_where_nobody_speaks_nothing_is_heard(listener: Listener, samples: np.ndarray) -> None:
    assert listener.transcribe(sound(samples), GO_ON) == ""


def test_samples_that_are_no_numbers_do_no_harm(listener: Listener) -> None:
    samples = np.zeros(SAMPLE_RATE)
    samples[100:200] = np.nan
    samples[300] = np.inf
    assert listener.transcribe(sound(samples), GO_ON) == ""


def test_ten_minutes_are_heard_in_pieces_and_can_be_cancelled(listener: Listener, tmp_path: Path) -> None:
    spoken = np.frombuffer(read_audio(speak("The meeting begins at noon.", tmp_path / "a.wav")).samples, "<f4")
    long = np.zeros(600 * SAMPLE_RATE, np.float32)
    for second in (5, 300, 590):
        long[second * SAMPLE_RATE : second * SAMPLE_RATE + len(spoken)] = spoken
    told: list[tuple[int, int]] = []
    heard = words(listener.transcribe(sound(long), GO_ON, lambda done, total: told.append((done, total))))
    assert heard.count("meeting") == 3
    assert told[-1][1] == 600
    assert told == sorted(told)
    stop = threading.Event()
    assert listener.transcribe(sound(long), stop, lambda _done, _total: stop.set()) is None


def test_what_is_no_model_is_told_in_words(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(BundleError, match=r"model\.bin.*missing"):
        Listener(tmp_path)
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / "model.bin").write_bytes((folder / "model.bin").read_bytes()[:100_000])
    with pytest.raises(BundleError, match="can't be loaded"):
        Listener(tmp_path).transcribe(sound(np.ones(SAMPLE_RATE)), GO_ON)


def test_a_language_the_model_does_not_know_is_told(folder: Path) -> None:
    with pytest.raises(BundleError, match="only English"):
        Listener(folder, "de").transcribe(sound(np.ones(SAMPLE_RATE)), GO_ON)


def test_silence_is_measured_where_it_is_loudest() -> None:
    quiet = np.zeros(SAMPLE_RATE, np.float32)
    assert silent(quiet)
    quiet[8000:9600] = 0.01
    assert not silent(quiet)
