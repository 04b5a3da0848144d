"""The engine's process: what crosses, how it dies, how it comes back, and that it never stays behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path

import psutil
import pytest

from deskhand.model.config import LocalConfig, ScriptedConfig
from deskhand.model.engine import LOADING, RESTARTING
from deskhand.model.errors import BundleError, EngineBusyError, EngineDiedError, ModelError, PromptError
from deskhand.model.process.child import Process
from deskhand.model.process.client import DEATHS_WHILE_LOADING, WorkerEngine
from deskhand.model.process.watch import Patience, Watch
from deskhand.model.tiny.bundle import cached_bundle
from deskhand.model.types import Audio, Delta, Finish, Image, Message, Part, Progress, Request, Text, TextDelta

TURNS = [
    {"when": "^count", "steps": [{"text": "one two three four five"}]},
    {"when": "^wait", "steps": [{"text": "begun "}, {"wait": 600}, {"text": "ended"}]},
    {"when": "^sleep", "steps": [{"text": "begun "}, {"hang": 600}]},
    {"when": "^crash (?=segv)", "steps": [{"text": "so far "}, {"wait": 0.2}, {"crash": "SIGSEGV"}]},
    {"when": "^crash (?=abrt)", "steps": [{"crash": "SIGABRT"}]},
    {"when": "^crash (?=exit)", "steps": [{"crash": 3}]},
    {"when": "^refuse", "steps": [{"raise": {"error": "PromptError", "sentence": "Too long; begin anew."}}]},
    {"when": "^fail", "steps": [{"raise": {"error": "Unheard", "sentence": "a bug"}}]},
    {"when": "", "steps": [{"text": "else"}]},
]


@pytest.fixture
def engine(tmp_path: Path) -> Generator[WorkerEngine]:
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"turns": TURNS}))
    made = WorkerEngine(ScriptedConfig(script=script))
    yield made
    made.close()


def ask(text: str, *media: Part) -> Request:
    return Request((Message("user", (*media, Text(text))),))


def said(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


def until_text(stream: object) -> list[Delta]:
    deltas: list[Delta] = []
    for delta in stream:  # type: ignore[attr-defined]
        deltas.append(delta)
        if isinstance(delta, TextDelta):
            return deltas
    raise AssertionError("no text came")


def test_it_starts_with_the_first_use_and_answers(engine: WorkerEngine) -> None:
    assert engine.pid is None
    assert engine.info.kind == "scripted"
    pid = engine.pid
    assert said(list(engine.generate(ask("count")))) == "one two three four five"
    assert engine.pid == pid


def test_kill_in_mid_stream_is_told_and_the_next_request_works(engine: WorkerEngine) -> None:
    stream = engine.generate(ask("wait"))
    until_text(stream)
    first = engine.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    with pytest.raises(EngineDiedError, match=r"stopped unexpectedly|out of memory"):
        list(stream)
    assert said(list(engine.generate(ask("count")))) == "one two three four five"
    assert engine.pid != first


def test_a_process_that_died_between_requests_is_replaced_unnoticed(engine: WorkerEngine) -> None:
    first = engine.generate(ask("count"))
    list(first)
    pid = engine.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    buried(pid)
    assert said(list(engine.generate(ask("count")))) == "one two three four five"
    assert engine.pid != pid


@pytest.mark.parametrize(("how", "sentence"), [("segv", "SIGSEGV"), ("abrt", "its own checks"), ("exit", "code 3")])
def test_each_death_has_its_sentence(engine: WorkerEngine, how: str, sentence: str) -> None:
    with pytest.raises(EngineDiedError, match=sentence):
        list(engine.generate(ask(f"crash {how}")))
    assert said(list(engine.generate(ask("x")))) == "else"


def test_errors_cross_as_themselves_and_the_process_stays(engine: WorkerEngine) -> None:
    with pytest.raises(PromptError, match=r"^Too long; begin anew\.$"):
        list(engine.generate(ask("refuse")))
    pid = engine.pid
    with pytest.raises(ModelError, match="a bug"):
        list(engine.generate(ask("fail")))
    assert said(list(engine.generate(ask("x")))) == "else"
    assert engine.pid == pid


def test_loading_errors_cross_and_a_mended_file_loads(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    engine = WorkerEngine(ScriptedConfig(script=script))
    for _ in range(DEATHS_WHILE_LOADING + 1):  # an error is no death
        with pytest.raises(BundleError, match="can't be read"):
            _ = engine.info
    script.write_text(json.dumps({"turns": TURNS}))
    assert engine.info.kind == "scripted"
    engine.close()


def test_deaths_while_loading_do_not_become_a_storm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A real interpreter that ends before it says anything: what a library that crashes on import looks like.
    dying = tmp_path / "python"
    dying.write_text("#!/bin/sh\necho crashed on import >&2\nkill -SEGV $$\n")
    dying.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(dying))
    engine = WorkerEngine(ScriptedConfig(script=tmp_path / "script.json"))
    for _ in range(DEATHS_WHILE_LOADING):
        with pytest.raises(EngineDiedError, match="SIGSEGV"):
            _ = engine.info
    with pytest.raises(EngineDiedError, match="3 times in a row"):
        _ = engine.info
    engine.close()


def test_cancel_reaches_a_running_generation(engine: WorkerEngine) -> None:
    cancel = threading.Event()
    stream = engine.generate(ask("wait"), cancel)
    deltas = until_text(stream)
    cancel.set()
    deltas += stream
    assert said(deltas) == "begun "
    last = deltas[-1]
    assert isinstance(last, Finish)
    assert last.reason == "cancelled"
    assert last.usage.prompt_tokens == 3
    assert said(list(engine.generate(ask("count")))) == "one two three four five"


def test_a_cancel_before_the_start_ends_at_once(engine: WorkerEngine) -> None:
    cancel = threading.Event()
    cancel.set()
    assert list(engine.generate(ask("wait"), cancel)) == [Finish("cancelled")]
    _ = engine.info
    deltas = list(engine.generate(ask("wait"), cancel))
    assert isinstance(deltas[-1], Finish)
    assert deltas[-1].reason == "cancelled"


def test_closing_the_iterator_early_frees_the_engine(engine: WorkerEngine) -> None:
    stream = engine.generate(ask("wait"))
    until_text(stream)
    stream.close()  # type: ignore[attr-defined]
    assert said(list(engine.generate(ask("count")))) == "one two three four five"


def test_a_second_generation_is_refused_while_one_runs(engine: WorkerEngine) -> None:
    stream = engine.generate(ask("wait"))
    until_text(stream)
    with pytest.raises(EngineBusyError):
        list(engine.generate(ask("count")))
    stream.close()  # type: ignore[attr-defined]


def test_closing_the_engine_from_another_thread_ends_the_generation(engine: WorkerEngine) -> None:
    stream = engine.generate(ask("wait"))
    until_text(stream)
    pid = engine.pid
    assert pid is not None
    thread = threading.Thread(target=engine.close)
    thread.start()
    rest = list(stream)
    thread.join()
    assert rest == [Finish("cancelled")]
    engine.close()
    gone(pid)
    with pytest.raises(ModelError, match="closed"):
        list(engine.generate(ask("count")))


def test_a_step_that_hangs_ends_the_process_with_a_sentence(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"turns": TURNS}))
    engine = WorkerEngine(ScriptedConfig(script=script), Patience(writing=1.5))
    stream = engine.generate(ask("wait"))
    assert said(until_text(stream)) == "begun "
    pid = engine.pid
    assert pid is not None
    with pytest.raises(EngineDiedError, match=r"not moved on for \d+ seconds while it was writing .*It restarts"):
        list(stream)
    gone(pid)
    again = list(engine.generate(ask("count")))
    assert again[0] == Progress(RESTARTING, 0, 1)
    assert said(again) == "one two three four five"
    engine.close()


@pytest.mark.parametrize("moment", ["before it is asked", "while it answers"])
def test_a_stopped_process_is_ended_with_a_sentence(engine: WorkerEngine, moment: str) -> None:
    _ = engine.info
    engine._watch = Watch(Patience(silent=1.5))
    pid = engine.pid
    assert pid is not None
    stream = engine.generate(ask("wait"))
    if moment == "while it answers":
        until_text(stream)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(EngineDiedError, match="no sign of life"):
        list(stream)
    gone(pid)
    engine._watch = Watch(Patience())  # a start may take longer than that
    assert said(list(engine.generate(ask("count")))) == "one two three four five"


def test_a_stopped_process_that_takes_nothing_is_ended_with_a_sentence(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"turns": TURNS}))
    engine = WorkerEngine(ScriptedConfig(script=script), Patience(silent=5))
    _ = engine.info
    pid = engine.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(EngineDiedError, match="took nothing"):
        list(engine.generate(ask("count " * 2_000_000)))
    gone(pid)
    assert said(list(engine.generate(ask("x")))) == "else"
    engine.close()


def test_a_hang_that_the_person_stopped_is_found_by_the_next_question(
    engine: WorkerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deskhand.model.process.client.CANCEL_PATIENCE", 0.2)
    _ = engine.info
    engine._watch = Watch(Patience(writing=3))
    cancel = threading.Event()
    stream = engine.generate(ask("sleep"), cancel)
    until_text(stream)
    cancel.set()
    assert list(stream)[-1] == Finish("cancelled")
    with pytest.raises(EngineDiedError, match="not moved on"):
        list(engine.generate(ask("count")))
    assert said(list(engine.generate(ask("count")))) == "one two three four five"


def test_loading_is_told_and_so_is_a_restart() -> None:
    bundle = cached_bundle()
    engine = WorkerEngine(LocalConfig(main=bundle.main, context_length=512, threads=1))

    def stages() -> list[str]:
        deltas = list(engine.generate(Request((Message("user", (Text("hi"),)),), max_tokens=1)))
        progress = [delta for delta in deltas if isinstance(delta, Progress)]
        loading = [delta.done for delta in progress if delta.stage == LOADING]
        assert loading == sorted(loading)
        assert all(delta.total == 100 for delta in progress if delta.stage == LOADING)
        return list(dict.fromkeys(delta.stage for delta in progress))

    assert stages() == [LOADING, "reading the prompt"]
    assert stages() == ["reading the prompt"]
    pid = engine.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    buried(pid)
    assert stages() == [RESTARTING, LOADING, "reading the prompt"]
    engine.close()


def test_a_hung_process_is_ended_all_the_same(engine: WorkerEngine) -> None:
    _ = engine.info
    pid = engine.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)  # SIGTERM waits until it is continued
    engine.close()
    gone(pid)


def test_media_cross_once(engine: WorkerEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    send = Process.send

    def counted(self: Process, message: object, held: object = ()) -> None:
        from deskhand.model.process import wire

        sent.append(len(wire.encode(message, held)))  # type: ignore[arg-type]
        send(self, message, held)  # type: ignore[arg-type]

    monkeypatch.setattr(Process, "send", counted)
    image = Image(bytes(640 * 480 * 3), 640, 480)
    sound = Audio(bytes(64_000))
    first = list(engine.generate(ask("count", image, sound)))
    usage = first[-1].usage if isinstance(first[-1], Finish) else None
    assert usage is not None
    assert usage.image_tokens > 400
    assert usage.audio_tokens == 25
    assert max(sent) > 640 * 480 * 3
    sent.clear()
    second = list(engine.generate(ask("count", image, sound)))
    assert sum(sent) < 10_000
    assert isinstance(second[-1], Finish)
    assert second[-1].usage.image_tokens == usage.image_tokens


def test_the_worker_goes_with_an_application_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"turns": TURNS}))
    program = f"""
import time
from pathlib import Path
from deskhand.model.process.client import WorkerEngine
from deskhand.model.config import LocalConfig, ScriptedConfig
from deskhand.model.types import Message, Request, Text
engine = WorkerEngine(ScriptedConfig(script=Path({str(script)!r})))
for delta in engine.generate(Request((Message("user", (Text("wait"),)),))):
    print(engine.pid, flush=True)
"""
    application = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert application.stdout is not None
    pid = int(application.stdout.readline())
    assert psutil.pid_exists(pid)
    application.kill()
    application.wait()
    application.stdout.close()
    gone(pid)


def test_the_worker_outlives_the_thread_that_first_used_it(engine: WorkerEngine) -> None:
    # Linux ends a child with the thread that started it if PR_SET_PDEATHSIG is set: that must not be this thread.
    thread = threading.Thread(target=lambda: engine.info)
    thread.start()
    thread.join()
    pid = engine.pid
    assert said(list(engine.generate(ask("count")))) == "one two three four five"
    assert engine.pid == pid


def test_a_missing_model_is_told_in_words(tmp_path: Path) -> None:
    engine = WorkerEngine(LocalConfig(main=tmp_path / "none.gguf"))
    with pytest.raises(BundleError, match=r"none\.gguf"):
        _ = engine.info
    engine.close()


def gone(pid: int) -> None:
    """Wait until ``pid`` has ended (the test's own time limit ends the wait)."""
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.02)


def buried(pid: int) -> None:
    """Wait until ``pid`` has been waited for: a zombie's threads may still hold its end of the line."""
    while psutil.pid_exists(pid):
        time.sleep(0.02)
