"""Our engine over one conversation: in its worker for time, in this process for what only the session knows."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from conversation import ANSWER, TURNS, messages

from deskhand.model.config import LocalConfig
from deskhand.model.files.bundle import Bundle
from deskhand.model.llama.cache import shared, tokens
from deskhand.model.llama.local import LocalEngine
from deskhand.model.process.client import WorkerEngine
from deskhand.model.types import Delta, Finish, Request, Sampling, TextDelta, Usage

GREEDY = Sampling(temperature=0)


def config(bundle: Bundle, **changes: Any) -> LocalConfig:
    """One thread, as the peers have; else what the application uses."""
    settings = {"main": bundle.main, "mmproj": bundle.mmproj, "drafter": bundle.drafter, "threads": 1}
    return LocalConfig(**{**settings, **changes})


def collect(deltas: Iterable[Delta]) -> tuple[str, Usage]:
    """The text and the usage of one generation."""
    text, usage = "", Usage()
    for delta in deltas:
        match delta:
            case TextDelta(piece):
                text += piece
            case Finish(_, usage):
                pass
            case _:
                pass
    return text, usage


def cpu_seconds(pid: int) -> float:
    """CPU time of all threads of a process so far, from the scheduler's own nanoseconds."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def timed_conversation(engine: WorkerEngine) -> list[dict[str, Any]]:
    """Ten turns; CPU seconds of both processes, and what was evaluated."""
    assert engine.info
    assert engine.pid
    rows: list[dict[str, Any]] = []
    answers: list[str] = []
    for _ in range(TURNS):
        began, wall = cpu_seconds(engine.pid) + time.process_time(), time.perf_counter()
        text, usage = collect(engine.generate(Request(messages(answers), sampling=GREEDY, max_tokens=ANSWER)))
        rows.append(
            {
                "cpu": cpu_seconds(engine.pid) + time.process_time() - began,
                "wall": time.perf_counter() - wall,
                "prompt": usage.prompt_tokens,
                "evaluated": usage.evaluated_tokens,
                "completion": usage.completion_tokens,
                "audio": usage.audio_tokens,
                "drafted": usage.drafted,
                "accepted": usage.accepted,
            }
        )
        answers.append(text)
    return rows


def counted_conversation(bundle: Bundle) -> list[dict[str, int]]:
    """Ten turns in this process: tokens that each prompt does not share with the cache, tokens evaluated, encodings."""
    engine = LocalEngine(config(bundle))
    assert engine.info
    session = engine._session
    assert session
    assert session.projector
    rows: list[dict[str, int]] = []
    answers: list[str] = []
    for _ in range(TURNS):
        request = Request(messages(answers), sampling=GREEDY, max_tokens=ANSWER)
        dialect = engine._dialect
        held, new, media = session.cache.items, 0, 0
        if dialect is not None:
            # The dialect exists from the first turn on; the first turn is all new anyway.
            prompt = session.prompt(dialect.render(request))
            common = shared(held, prompt.items)
            new = tokens(prompt.items[common:])
            media = sum(1 for item in prompt.items[common:] if not isinstance(item, int) and item not in held)
        encodes = session.projector.encodes
        text, usage = collect(engine.generate(request))
        encoded = session.projector.encodes - encodes
        rows.append({"new": new, "evaluated": usage.evaluated_tokens, "encoded": encoded, "new_media": media})
        answers.append(text)
    engine.close()
    return rows
