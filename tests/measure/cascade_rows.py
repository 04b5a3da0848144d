"""Rows about the engine that is used today: OCR, speech recognition and a text model."""

from __future__ import annotations

import statistics
import time

from conversation import screenshot
from ours import collect
from rows import Row, stated

from deskhand.app import settings, wiring
from deskhand.model.process.client import WorkerEngine
from deskhand.model.types import Image, Message, Request, Text


def cascade(runs: int) -> list[Row]:
    """Seconds of the second reply about one screenshot ÷ the first, and of a prepared first reply ÷ an unprepared."""
    engine = WorkerEngine(wiring.cascade_config(settings.Settings()))
    firsts: list[float] = []
    seconds: list[float] = []
    prepared: list[float] = []
    try:
        assert engine.info
        _reply(engine, [Message("user", (Text("Hello."),))])  # OCR and the rest are loaded by their first use
        _reply(engine, [Message("user", (screenshot(99), Text("What does the window say?")))])
        for number in range(runs):
            conversation = [Message("user", (screenshot(number), Text("What does the window say about the disk?")))]
            took, answer = _reply(engine, conversation)
            firsts.append(took)
            conversation += [
                Message("assistant", (Text(answer),)),
                Message("user", (Text("And how many MB are left at the top?"),)),
            ]
            seconds.append(_reply(engine, conversation)[0])
            seen: Image = screenshot(number + 50)
            _reply(engine, [Message("user", (seen, Text("")))], most=0)
            prepared.append(_reply(engine, [Message("user", (seen, Text("What does the window say?")))])[0])
    finally:
        engine.close()
    first, second, ready = (statistics.median(times) for times in (firsts, seconds, prepared))
    how = f"wall time of a reply of at most 24 tokens, 1280×800 screenshot, median of {runs}; the embedded cascade"
    times = {"first_s": round(first, 2), "second_s": round(second, 2), "first_prepared_s": round(ready, 2)}
    return [
        stated("cascade_second_over_first", round(second / first, 3), "< 1", how, detail=times),
        stated("cascade_prepared_over_first", round(ready / first, 3), "< 1", f"{how}; read while the person types"),
    ]


def _reply(engine: WorkerEngine, messages: list[Message], most: int = 24) -> tuple[float, str]:
    began = time.perf_counter()
    text, _ = collect(engine.generate(Request(tuple(messages), max_tokens=most)))
    return time.perf_counter() - began, text
