"""Each way to die has its own sentence; the deaths are real."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Generator

import psutil
import pytest

from deskhand.model.config import LocalConfig
from deskhand.model.errors import EngineDiedError, ModelError
from deskhand.model.process import wire
from deskhand.model.process.causes import cause_of_death
from deskhand.model.process.child import Process
from deskhand.model.process.client import WorkerEngine
from deskhand.model.tiny.bundle import cached_bundle
from deskhand.model.types import Finish, Message, Request, Sampling, Text

MEMORY = "memory"


@pytest.fixture
def engine() -> Generator[WorkerEngine]:
    bundle = cached_bundle()
    made = WorkerEngine(LocalConfig(main=bundle.main, mmproj=bundle.mmproj, context_length=4096, threads=1))
    yield made
    made.close()


def ask(kit: object, words: int = 5) -> Request:
    image = kit.picture(1600, 1600, budget=1120)  # type: ignore[attr-defined]
    return Request(
        (Message("user", (image, Text("word " * words))),), sampling=Sampling(temperature=0), max_tokens=2000
    )


def test_causes_are_told_apart() -> None:
    memory = cause_of_death(-9, "", out_of_memory=True)
    killed = cause_of_death(-9, "", out_of_memory=False)
    asserted = cause_of_death(-6, "x.cpp:7: GGML_ASSERT(n > 0) failed\n", out_of_memory=False)
    assert MEMORY in memory
    assert MEMORY not in killed
    assert MEMORY not in asserted
    assert "GGML_ASSERT(n > 0) failed" in asserted
    assert cause_of_death(1, "first\nlast words\n\n", out_of_memory=False).count("last words") == 1
    sentences = {cause_of_death(code, "", out_of_memory=False) for code in (-6, -11, -9, -15, 1)} | {memory}
    assert len(sentences) == 5  # what ended it from outside is all the same


@pytest.mark.parametrize(
    ("code", "log"),
    [
        (-6, "terminate called after throwing an instance of 'std::bad_alloc'"),
        (1, "OpenBLAS error: Memory allocation still failed after 10 retries, giving up."),
        (1, "libgomp: Thread creation failed: Resource temporarily unavailable"),
        (-6, "ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size 9"),
        (1, "RuntimeError: can't start new thread"),
    ],
)
def test_what_libraries_say_when_memory_is_short(code: int, log: str) -> None:
    assert MEMORY in cause_of_death(code, log, out_of_memory=False)


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (signal.SIGKILL, "The model stopped unexpectedly. It restarts with your next message."),
        (signal.SIGTERM, "The model stopped unexpectedly. It restarts with your next message."),
        (signal.SIGSEGV, "crashed (SIGSEGV)"),
        (signal.SIGABRT, "one of its own checks"),
    ],
)
def test_the_real_engine_ended_by_a_signal_while_it_writes(
    engine: WorkerEngine, kit: object, number: signal.Signals, sentence: str
) -> None:
    stream = engine.generate(ask(kit))
    next(delta for delta in stream if not hasattr(delta, "stage"))
    pid = engine.pid
    assert pid is not None
    os.kill(pid, number)
    with pytest.raises(EngineDiedError) as caught:
        list(stream)
    assert sentence in str(caught.value)
    assert str(caught.value).endswith("It restarts with your next message.")


@pytest.mark.parametrize("megabytes", [0, 1, 8])
def test_the_real_engine_without_memory_says_so_and_answers_once_there_is_some(
    engine: WorkerEngine, kit: object, megabytes: int
) -> None:
    # Whichever allocation fails first: llama.cpp's, numpy's, a thread's stack.
    _ = engine.info
    pid = engine.pid
    assert pid is not None
    limit = psutil.Process(pid).memory_info().vms + (megabytes << 20)
    resource.prlimit(pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    request = ask(kit, words=600)
    with pytest.raises(ModelError, match=MEMORY):
        list(engine.generate(request))
    if engine.pid == pid and psutil.pid_exists(pid):
        resource.prlimit(pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    last = list(engine.generate(Request((Message("user", (Text("hi"),)),), max_tokens=3)))[-1]
    assert isinstance(last, Finish)


@pytest.mark.parametrize("megabytes", [200, 300])
def test_the_real_engine_without_memory_to_load_says_so(megabytes: int) -> None:
    bundle = cached_bundle()
    config = LocalConfig(main=bundle.main, mmproj=bundle.mmproj, drafter=bundle.drafter, context_length=4096, threads=1)
    process = Process(60)

    def load() -> None:
        process.send(wire.Configure(config.model_dump_json()))
        while not isinstance(message := process.receive(60), wire.Failed):
            assert not isinstance(message, wire.Ready)
        raise message.exception()

    resource.prlimit(process.pid, resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
    with pytest.raises(ModelError, match=MEMORY) as caught:
        load()
    assert "does not work with" not in str(caught.value)
    process.end()
