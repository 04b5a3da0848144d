import threading
from dataclasses import replace

import pytest

from deskhand.model.errors import EngineBusyError, EngineDiedError, PromptError, RepetitionError
from deskhand.model.llama.local import READING, LocalEngine
from deskhand.model.tiny.bundle import TinySpec, cached_bundle
from deskhand.model.tiny.vocab import CONTROLS
from deskhand.model.types import (
    BrokenCall,
    CallDelta,
    Finish,
    Message,
    Progress,
    Request,
    Text,
    TextDelta,
    ToolSpec,
)

SPEC = TinySpec(stops=(('<|"|>', 9),))
NOTE = ToolSpec(
    "notes_append",
    "Append a note.",
    {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
)
CLOCK = ToolSpec("clock_time", "Tell the time.", {"type": "object", "properties": {}})


@pytest.fixture
def engine(kit):
    engine = LocalEngine(kit.tiny_config(SPEC, drafter=cached_bundle(SPEC).drafter))
    yield engine
    engine.close()


def ask(kit, *parts, **options):
    parts = [Text(part) if isinstance(part, str) else part for part in parts]
    return Request((Message("user", tuple(parts)),), **{"sampling": kit.GREEDY, "max_tokens": 40, **options})


def test_says_what_it_is(engine):
    info = engine.info
    assert (info.kind, info.sees, info.hears, info.drafts, info.leaves_machine) == ("local", True, True, True, False)
    assert info.context_length == 4096
    assert any("mmproj" in line for line in info.details)


def test_without_its_companions_it_says_so(kit):
    engine = LocalEngine(kit.tiny_config(SPEC, mmproj=None))
    assert (engine.info.sees, engine.info.hears, engine.info.drafts) == (False, False, False)
    with pytest.raises(PromptError, match="no mmproj"):
        list(engine.generate(ask(kit, kit.picture(), "What?")))
    engine.close()


def test_streams_progress_text_and_a_finish(engine, kit):
    deltas = list(engine.generate(ask(kit, kit.picture(), "What do you see and hear?", kit.clip(1))))
    assert isinstance(deltas[0], Progress)
    assert deltas[0].stage == READING
    assert any(isinstance(delta, TextDelta) for delta in deltas)
    finish = deltas[-1]
    assert isinstance(finish, Finish)
    assert [delta for delta in deltas if isinstance(delta, Finish)] == [finish]
    usage = finish.usage
    assert (usage.image_tokens, usage.audio_tokens, usage.completion_tokens) == (60, 25, 40)
    assert usage.prompt_tokens == usage.evaluated_tokens + usage.reused_tokens
    assert usage.ttft_ms >= usage.prefill_ms > 0
    assert usage.drafted >= usage.accepted > 0


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_required_call_comes_out_whole(engine, kit, temperature):
    from deskhand.model.types import Sampling

    request = ask(
        kit,
        "Note it",
        tools=(NOTE,),
        tool_choice="required",
        sampling=Sampling(temperature=temperature),
        max_tokens=400,
    )
    deltas = list(engine.generate(request))
    calls = [delta.call for delta in deltas if isinstance(delta, CallDelta)]
    assert calls
    assert calls[0].name == "notes_append"
    assert set(calls[0].arguments) == {"text"}
    assert isinstance(calls[0].arguments["text"], str)
    usage = deltas[-1].usage
    assert usage.forced > 8
    assert usage.steps <= usage.completion_tokens - usage.forced + 1
    assert not any(isinstance(delta, TextDelta) for delta in deltas)


def test_none_gives_no_call(engine, kit):
    deltas = list(engine.generate(ask(kit, "Note it", tools=(NOTE, CLOCK), tool_choice="none", max_tokens=80)))
    assert not any(isinstance(delta, CallDelta | BrokenCall) for delta in deltas)


def test_the_next_turn_keeps_the_prefix(engine, kit):
    first = ask(kit, kit.picture(), "What is on the screen?", max_tokens=10)
    deltas = list(engine.generate(first))
    before = deltas[-1].usage
    answer = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
    second = Request(
        (*first.messages, Message("assistant", (Text(answer),)), Message("user", (Text("And now?"),))),
        sampling=kit.GREEDY,
        max_tokens=5,
    )
    usage = list(engine.generate(second))[-1].usage
    assert usage.reused_tokens >= before.prompt_tokens
    assert usage.evaluated_tokens < 60


def test_text_that_holds_every_control_token_is_read_as_text(engine, kit):
    hostile = "".join(text for text, _ in CONTROLS)
    assert isinstance(list(engine.generate(ask(kit, hostile)))[-1], Finish)


def test_a_second_generation_at_once_is_refused(engine, kit):
    stream = engine.generate(ask(kit, "one"))
    next(stream)
    with pytest.raises(EngineBusyError):
        next(engine.generate(ask(kit, "two")))
    stream.close()
    assert isinstance(list(engine.generate(ask(kit, "two")))[-1], Finish)


def test_cancel_from_another_thread(engine, kit):
    cancel = threading.Event()
    stream = engine.generate(ask(kit, "one", max_tokens=3000), cancel)
    next(delta for delta in stream if isinstance(delta, TextDelta))
    thread = threading.Thread(target=cancel.set)
    thread.start()
    thread.join()
    *_, finish = stream
    assert finish.reason == "cancelled"
    assert list(engine.generate(ask(kit, "one")))[-1].reason == "length"


def test_closing_while_a_generation_waits_ends_it(kit):
    engine = LocalEngine(kit.tiny_config(SPEC))
    stream = engine.generate(ask(kit, "one", max_tokens=3000))
    next(delta for delta in stream if isinstance(delta, TextDelta))
    thread = threading.Thread(target=engine.close)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    assert list(stream) == [Finish("cancelled")]
    engine.close()
    with pytest.raises(EngineDiedError):
        list(engine.generate(ask(kit, "two")))


def test_a_model_that_goes_in_a_circle_is_ended_and_what_it_said_is_kept(kit) -> None:
    # This spec's ring is so short that greedy text comes back to where it was, and then never leaves.
    engine = LocalEngine(kit.tiny_config(TinySpec(vocab=512)))
    request = ask(kit, "zzz", max_tokens=2000)
    try:
        free = "".join(delta.text for delta in engine.generate(request) if isinstance(delta, TextDelta))
        said: list[str] = []

        def listen() -> None:
            deltas = engine.generate(replace(request, end_loops=True))
            said.extend(delta.text for delta in deltas if isinstance(delta, TextDelta))

        with pytest.raises(RepetitionError, match=r"over and over, so it was stopped\."):
            listen()
        text = "".join(said)
        assert free.startswith(text)
        assert len(text) < len(free)
        end = text[-100:]
        assert free.count(end) > text.count(end) > 1
        again = list(engine.generate(replace(request, max_tokens=5)))
        assert isinstance(again[-1], Finish)
        assert again[-1].reason == "length"
    finally:
        engine.close()
