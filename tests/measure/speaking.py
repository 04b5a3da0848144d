"""The rows about speech: what is left to read when a person stops speaking, and how long the first token then takes.

A screenshot and ten seconds of sound after a system text. In the streaming way the picture is read first, then the
recording every 200 ms as it grows; all at the end is one request, of which nothing was read before, or (in the detail)
the system text. Each run has another picture and other sound.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from conversation import BUDGET, SYSTEM, png, recording, screenshot, wav
from ours import GREEDY, config, cpu_seconds
from peers import Peer, peer
from rows import Row, stated
from vocabulary import real_part, words, write_real

from deskhand.model.process.client import WorkerEngine
from deskhand.model.tiny.spec import TinySpec
from deskhand.model.types import SAMPLE_RATE, Audio, Finish, Image, Message, Part, Request, Text, TextDelta, Usage

SHAPE = TinySpec(
    hidden=768, ffn=3072, layers=24, pattern=6, heads=8, kv_heads=4, head_dim=128, head_dim_swa=64, window=1024,
    drafter_hidden=640, dtype="f16", context_length=32_768,
)  # fmt: skip
"""The 12B's proportions in small: so much that computing outweighs what an engine does around it, as with the 12B."""

TOKENS = 8192
"""Of the real vocabulary, about: 3 % of the weights, where the 12B's are 8 %. A prompt's end takes the real number."""

SECONDS = 10.0
PIECE = 0.2
ENDS = (10.0, 10.05, 10.1, 10.15)
"""Seconds after which somebody stops: from just after a piece to just before the next."""

_WHERE = (
    "A system text, a screenshot of 1280×800 in 264 to 280 tokens, then {} of sound, in pieces of 200 ms as they grow; "
    "one compute thread, f16 cache, random weights in the 12B's proportions (24 layers, 768 wide), the "
    "real vocabulary's commonest tokens"
)


@dataclass(frozen=True)
class Spoken:
    """One run's picture and sound."""

    image: Image
    audio: Audio

    def until(self, seconds: float, *, growing: bool) -> Audio:
        """The recording after so many seconds."""
        return Audio(self.audio.samples[: round(seconds * SAMPLE_RATE) * 4], growing)


@dataclass(frozen=True)
class Answered:
    """How the first token came, in seconds."""

    wall: float
    cpu: float
    usage: Usage


def speech_rows(runs: int) -> list[Row]:
    """`left_at_end_of_speech` and `ttft_streaming_over_batch`."""
    bundle = write_real("speaking", words, SHAPE, lambda: real_part(TOKENS, "thought"))
    streamed, batch, warm, theirs = list[Answered](), list[Answered](), list[Answered](), list[dict[str, Any]]()
    keeping_up: list[float] = []
    with ExitStack() as stack:
        engine = WorkerEngine(config(bundle))
        stack.callback(engine.close)
        server = stack.enter_context(peer("llama_server", bundle))
        left = {end: _left(engine, Spoken(screenshot(50 + index), recording(50 + index, 11)), end) for index, end in
                enumerate(ENDS)}  # fmt: skip
        for run in range(runs):
            one, other, third, last = (
                Spoken(screenshot(4 * run + n), recording(4 * run + n, SECONDS)) for n in range(4)
            )
            keeping_up.append(_speak(engine, one, SECONDS))
            streamed.append(_answer(engine, one, SECONDS))
            _read(engine)  # which goes back to the end of the system text
            warm.append(_answer(engine, third, SECONDS))
            _finished(engine, Request((Message("user", (Text("Forget."),)),), max_tokens=1))
            batch.append(_answer(engine, other, SECONDS))
            _ask(server, None)
            theirs.append(_ask(server, last))
    return [_left_row(left), _ttft_row(streamed, batch, warm, theirs, keeping_up)]


def _left_row(left: dict[float, Usage]) -> Row:
    shares = {end: usage.evaluated_tokens / usage.prompt_tokens for end, usage in left.items()}
    return stated(
        "left_at_end_of_speech",
        round(statistics.mean(shares.values()), 4),
        "≤ 0.02",
        _WHERE.format("10 to 10.15 s") + "; prompt tokens evaluated after the last sample ÷ all prompt tokens, mean of "
        "four ends between two pieces. Both peers take a recording when it is finished",
        detail={
            "by_end": {str(end): round(share, 4) for end, share in shares.items()},
            "left_tokens": {str(end): usage.evaluated_tokens for end, usage in left.items()},
            "prompt_tokens": [usage.prompt_tokens for usage in left.values()],
            "image_tokens": [usage.image_tokens for usage in left.values()],
        },
    )


def _ttft_row(
    streamed: list[Answered],
    batch: list[Answered],
    warm: list[Answered],
    theirs: list[dict[str, Any]],
    keeping_up: list[float],
) -> Row:
    ways = {"s": streamed, "b": batch, "w": warm}
    wall = {name: statistics.median(one.wall for one in found) for name, found in ways.items()}
    cpu = {name: statistics.median(one.cpu for one in found) for name, found in ways.items()}
    server = {kind: statistics.median(row[kind] for row in theirs) for kind in ("wall", "cpu")}
    return stated(
        "ttft_streaming_over_batch",
        round(wall["s"] / wall["b"], 4),
        "≤ 0.03",
        _WHERE.format("10 s") + "; wall time from the last sample to the first token, worker included, ÷ the same with "
        f"all read at the end; medians of {len(streamed)} interleaved pairs. llama-server's: all at the end, over ours",
        llama_server=round(server["wall"] / wall["b"], 3),
        detail={
            "cpu_ratio": round(cpu["s"] / cpu["b"], 4),
            "by_pair": [round(one.wall / other.wall, 4) for one, other in zip(streamed, batch, strict=True)],
            "over_batch_with_the_system_text_held": round(wall["s"] / wall["w"], 4),
            "evaluated_tokens": [found[0].usage.evaluated_tokens for found in ways.values()],
            "streaming_ms": round(wall["s"] * 1000, 1),
            "batch_ms": round(wall["b"] * 1000, 1),
            "llama_server_over_ours_cpu": round(server["cpu"] / cpu["b"], 3),
            "reading_seconds_per_second_of_speech": round(statistics.median(keeping_up), 3),
        },
    )


def _request(*parts: Part, **options: Any) -> Request:
    user = (Message("user", parts),) if parts else ()
    return Request((Message("system", (Text(SYSTEM),)), *user), sampling=GREEDY, **options)


def _read(engine: WorkerEngine, *parts: Part) -> Usage:
    """Read what there is of the message."""
    return _finished(engine, _request(*parts, max_tokens=0, unfinished=True))


def _finished(engine: WorkerEngine, request: Request) -> Usage:
    *_, last = engine.generate(request)
    assert isinstance(last, Finish)
    return last.usage


def _speak(engine: WorkerEngine, spoken: Spoken, seconds: float) -> float:
    """Read the picture, then the recording as it grows; seconds of reading for each second of it."""
    _read(engine, spoken.image)
    began = time.perf_counter()
    for piece in range(1, int(seconds / PIECE + 1e-9) + 1):
        _read(engine, spoken.image, spoken.until(piece * PIECE, growing=True))
    return (time.perf_counter() - began) / seconds


def _left(engine: WorkerEngine, spoken: Spoken, end: float) -> Usage:
    _speak(engine, spoken, end)
    return _finished(engine, _request(spoken.image, spoken.until(end, growing=False), max_tokens=1))


def _answer(engine: WorkerEngine, spoken: Spoken, end: float) -> Answered:
    request = _request(spoken.image, spoken.until(end, growing=False), max_tokens=2)
    with _clock(engine) as clock:
        stream = engine.generate(request)
        first = next(delta for delta in stream if isinstance(delta, TextDelta))
        clock.stop()
        *_, last = (first, *stream)
    assert isinstance(last, Finish)
    return Answered(clock.wall, clock.cpu, last.usage)


class _Clock:
    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.wall, self.cpu = -time.perf_counter(), -self._seconds()

    def _seconds(self) -> float:
        return cpu_seconds(self._pid) + time.process_time()

    def stop(self) -> None:
        self.wall += time.perf_counter()
        self.cpu += self._seconds()


@contextmanager
def _clock(engine: WorkerEngine) -> Iterator[_Clock]:
    assert engine.pid
    yield _Clock(engine.pid)


def _ask(server: Peer, spoken: Spoken | None) -> dict[str, Any]:
    """One token of llama-server, which is given everything at the end."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Forget."}]
    if spoken:
        content = [
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{png(spoken.image)}"}},
            {"type": "input_audio", "input_audio": {"data": wav(spoken.audio), "format": "wav"}},
        ]
        messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": content}]
    return server.ask({"messages": messages, "max_tokens": 1})


assert BUDGET == 280  # what _WHERE says of the screenshot
