"""Sound to text with faster-whisper (MIT): a Whisper model for CTranslate2, and the voice detector in its wheel."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from deskhand.model.errors import BundleError
from deskhand.model.types import SAMPLE_RATE, Audio

QUIET = 1e-3
"""Below it (root mean square of the loudest 100 ms, −60 dB) is silence: a quiet room at a laptop is near 1e-3."""

_SHORTEST = SAMPLE_RATE // 10
_NO_SPEECH = 0.6  # Whisper's own thresholds (openai/whisper transcribe.py): no_speech, logprob, compression_ratio
_LEAST_LOG_PROBABILITY = -1.0
_MOST_COMPRESSION = 2.4


class Listener:
    """Writes down what is said; loads its model with the first recording.

    Args:
        folder: a Whisper model converted for CTranslate2.
        language: ISO 639-1.

    Raises:
        BundleError: the folder is not such a model.
    """

    def __init__(self, folder: Path, language: str = "en") -> None:
        missing = [name for name in ("model.bin", "config.json", "tokenizer.json") if not (folder / name).is_file()]
        if missing:
            raise BundleError(
                f"{folder} is no speech recognition model: {', '.join(missing)} is missing. "
                "Fetch one with “deskhand models get speech-tiny”."
            )
        self._folder = folder
        self._language = language
        self._model: Any = None

    def transcribe(
        self, audio: Audio, cancel: threading.Event, progress: Callable[[int, int], None] | None = None
    ) -> str | None:
        """What is said in ``audio``.

        Long recordings are cut where nobody speaks, into at most 30 s, which is what Whisper takes at a time.

        Args:
            audio: of any length.
            cancel: looked at after each piece.
            progress: told seconds done and seconds in all.

        Returns:
            The words; empty if nobody spoke or nothing could be understood; None if it was cancelled.

        Raises:
            BundleError: the model can't be loaded.
        """
        samples = np.nan_to_num(np.frombuffer(audio.samples, "<f4"), posinf=1, neginf=-1).clip(-1, 1)
        if silent(samples):
            return ""
        model = self._loaded()
        segments, _ = model.transcribe(
            samples,
            language=self._language,
            beam_size=5,
            temperature=0.0,  # no second tries at higher temperatures: they invent
            condition_on_previous_text=False,
            vad_filter=True,
            vad_parameters={"max_speech_duration_s": 30, "min_silence_duration_ms": 500},
            without_timestamps=False,
        )
        words: list[str] = []
        total = max(1, round(audio.seconds))
        for segment in segments:
            if cancel.is_set():
                return None
            if progress is not None:
                progress(min(total, round(segment.end)), total)
            unheard = segment.no_speech_prob > _NO_SPEECH and segment.avg_logprob < _LEAST_LOG_PROBABILITY
            if not unheard and segment.compression_ratio < _MOST_COMPRESSION:
                words.append(segment.text.strip())
        return None if cancel.is_set() else " ".join(word for word in words if word)

    def _loaded(self) -> Any:  # noqa: ANN401 - faster-whisper's model has no useful type here
        if self._model is None:
            import faster_whisper  # noqa: PLC0415 - CTranslate2 and PyAV take a second

            logging.getLogger("faster_whisper").setLevel(logging.ERROR)
            try:
                self._model = faster_whisper.WhisperModel(
                    str(self._folder),
                    device="cpu",
                    compute_type="int8",
                    cpu_threads=psutil.cpu_count(logical=False) or 1,
                    local_files_only=True,
                )
            except (RuntimeError, ValueError, OSError, json.JSONDecodeError) as error:
                raise BundleError(
                    f"The speech recognition model in {self._folder} can't be loaded ({error}). "
                    "Check it with “deskhand models verify speech-tiny”."
                ) from error
            languages: list[str] = self._model.supported_languages
            if self._language not in languages:
                self._model = None
                known = "only English" if languages == ["en"] else "other languages"
                raise BundleError(
                    f"The speech recognition model in {self._folder} knows {known} and not “{self._language}”. "
                    "Set another language, or fetch a model of several with “deskhand models get speech-base”."
                )
        return self._model


def silent(samples: NDArray[np.float32]) -> bool:
    """Whether there is nothing to hear: shorter than 100 ms, or nowhere louder than `QUIET`."""
    whole = len(samples) // _SHORTEST
    if not whole:
        return True
    frames = samples[: whole * _SHORTEST].astype(np.float64).reshape(whole, _SHORTEST)
    return float(np.sqrt((frames**2).mean(axis=1)).max()) < QUIET
