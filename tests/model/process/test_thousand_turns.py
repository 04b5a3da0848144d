"""A thousand turns of the real engine: nothing grows with their number, on either side of the process's border."""

from __future__ import annotations

import ctypes
import gc
import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from deskhand.model.config import LocalConfig
from deskhand.model.engine import Engine
from deskhand.model.llama.local import LocalEngine
from deskhand.model.process.client import WorkerEngine
from deskhand.model.tiny.bundle import cached_bundle
from deskhand.model.types import Finish, Message, Part, Request, Sampling, Text, TextDelta

TURNS = 1000
LOOKS = range(200, TURNS + 1, 40)
"""Turns after which is looked, always in the same place of a conversation and with the same media behind: 40 is a
multiple of both lengths."""

CONVERSATION, MEDIA = 8, 10
DIFFERENT = 12
"""Pictures and clips that take turns, so that caches which are meant to fill are full at the first look."""

GROWTH = 2_000_000
"""Bytes by which a process may have grown steadily between the first look and the last. To lose each small picture when
it has been shown would be more, and so would 2.5 kB a turn."""

STEPS = 16 << 20
"""Bytes that it may have grown by in all: now and then an allocator takes a few megabytes at once, and keeps them."""


@dataclass(frozen=True)
class Taken:
    """What a process holds."""

    memory: int
    files: int
    threads: int


def taken(pid: int) -> Taken:
    process = psutil.Process(pid)
    if pid == os.getpid():
        ctypes.CDLL(None).malloc_trim(0)  # what earlier tests have made malloc keep is no growth
    return Taken(process.memory_full_info().uss, process.num_fds(), process.num_threads())


def talk(engine: Engine, kit: Any, different: int, look: Callable[[], None]) -> None:
    dice = random.Random(20261124)
    history: list[Message] = []
    for turn in range(TURNS):
        if turn % CONVERSATION == 0:
            history = []
        media: list[Part] = []
        if turn % MEDIA == 3:
            media.append(kit.picture(120, 72, seed=turn // MEDIA % different))
        if turn % MEDIA == 7:
            media.append(kit.clip(0.2, seed=turn // MEDIA % different))
        words = Text(" ".join(dice.choices(("ice", "sea", "map", "ship"), k=4)))
        history.append(Message("user", (*media, words)))
        deltas = list(engine.generate(Request(tuple(history), sampling=Sampling(temperature=0), max_tokens=4)))
        assert isinstance(deltas[-1], Finish)
        said = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
        history.append(Message("assistant", (Text(said),)))
        if turn + 1 in LOOKS:
            gc.collect()
            look()


def assert_no_growth(looks: list[Taken]) -> None:
    first, last = looks[0], looks[-1]
    assert last.files <= first.files
    assert last.threads <= first.threads
    grown = [later.memory - look.memory for look, later in pairwise(looks)]
    assert median(grown) * len(grown) < GROWTH, grown
    assert sum(grown) < STEPS, grown


def test_neither_process_grows(kit: Any) -> None:
    bundle = cached_bundle()
    engine = WorkerEngine(
        LocalConfig(main=bundle.main, mmproj=bundle.mmproj, drafter=bundle.drafter, context_length=1024, threads=1)
    )
    client: list[Taken] = []
    worker: list[Taken] = []
    segments: list[set[Path]] = []

    def look() -> None:
        client.append(taken(os.getpid()))
        worker.append(taken(engine.pid or 0))
        segments.append(set(Path("/dev/shm").iterdir()))

    try:
        _ = engine.info
        first = engine.pid
        talk(engine, kit, DIFFERENT, look)
        assert engine.pid == first
    finally:
        engine.close()
    assert_no_growth(worker)
    assert_no_growth(client)
    assert len(segments[-1]) <= len(segments[0])


def test_media_that_are_always_new_leave_nothing_behind(kit: Any) -> None:
    bundle = cached_bundle()
    engine = LocalEngine(LocalConfig(main=bundle.main, mmproj=bundle.mmproj, context_length=1024, threads=1))
    looks: list[Taken] = []
    try:
        _ = engine.info
        assert engine._session is not None
        assert engine._session.projector is not None
        engine._session.projector._limit = 1 << 16  # else a thousand small ones fit
        talk(engine, kit, TURNS, lambda: looks.append(taken(os.getpid())))
        assert engine._session.projector.encodes == (1 + 5) * TURNS // MEDIA  # a picture, and five frames of a clip
    finally:
        engine.close()
    assert_no_growth(looks)
