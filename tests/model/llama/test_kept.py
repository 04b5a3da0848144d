"""The engine goes on where it stopped, if the person wants that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deskhand.model.llama import saved
from deskhand.model.llama.local import LocalEngine
from deskhand.model.process.client import WorkerEngine
from deskhand.model.types import Finish, Message, Request, Text, TextDelta


def talk(engine, request: Request) -> tuple[str, Finish]:
    *deltas, finish = engine.generate(request)
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta)), finish


@pytest.fixture
def first(kit) -> Request:
    return Request((Message("user", (kit.picture(), Text("What is this? " * 20))),), sampling=kit.GREEDY, max_tokens=20)


def following(request: Request, answer: str) -> Request:
    more = (Message("assistant", (Text(answer),)), Message("user", (Text("And now?"),)))
    return replace(request, messages=(*request.messages, *more))


@pytest.mark.parametrize("kind", [LocalEngine, WorkerEngine])
def test_the_next_start_reads_only_what_is_new(kit, tmp_path, first, kind):
    config = kit.tiny_config(sessions=tmp_path / "kept")
    before = kind(config)
    answer, finish = talk(before, first)
    before.close()
    (file,) = (tmp_path / "kept").iterdir()
    assert file.suffix == ".session"
    after, fresh = kind(config), LocalEngine(kit.tiny_config())
    assert any(line.startswith("session: ") and "still there" in line for line in after.info.details)
    text, usage = talk(after, following(first, answer))
    after.close()
    assert usage.usage.reused_tokens >= finish.usage.prompt_tokens
    assert usage.usage.evaluated_tokens < 40
    assert text == talk(fresh, following(first, answer))[0]
    fresh.close()


@pytest.mark.parametrize("kind", [LocalEngine, WorkerEngine])
def test_nothing_is_kept_unless_it_is_wanted(kit, tmp_path, first, kind, monkeypatch):
    monkeypatch.chdir(tmp_path)
    engine = kind(kit.tiny_config())
    talk(engine, first)
    engine.close()
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_session_is_a_line_of_the_details_and_the_engine_works(kit, tmp_path, first):
    config = kit.tiny_config(sessions=tmp_path)
    engine = LocalEngine(config)
    expected, _ = talk(engine, first)
    engine.close()
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    engine = LocalEngine(config)
    assert any("is damaged" in line for line in engine.info.details)
    assert talk(engine, first)[0] == expected
    engine.close()
    assert saved.load(file, LocalEngine(config)._loaded().identity).items


def test_what_was_only_resumed_is_not_written_again(kit, tmp_path, first):
    config = kit.tiny_config(sessions=tmp_path)
    engine = LocalEngine(config)
    talk(engine, first)
    engine.close()
    (file,) = tmp_path.iterdir()
    before = file.stat().st_mtime_ns
    engine = LocalEngine(config)
    assert engine.info
    engine.close()
    assert file.stat().st_mtime_ns == before


def test_a_folder_that_can_not_be_written_keeps_nothing_and_closes(kit, tmp_path, first, caplog):
    (tmp_path / "file").write_text("")
    engine = LocalEngine(kit.tiny_config(sessions=tmp_path / "file"))
    talk(engine, first)
    engine.close()
    assert "was not saved" in caplog.text


def test_a_worker_that_is_still_answering_closes_and_keeps_what_it_holds(kit, tmp_path, first):
    engine = WorkerEngine(kit.tiny_config(sessions=tmp_path))
    stream = engine.generate(replace(first, max_tokens=3000))
    next(delta for delta in stream if isinstance(delta, TextDelta))
    engine.close()
    assert list(stream)[-1].reason == "cancelled"
    after = LocalEngine(kit.tiny_config(sessions=tmp_path))
    assert any("still there" in line for line in after.info.details)
    after.close()
