"""The loop with real engines in their own processes: the tiny bundle of the exact architecture, and a script."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from deskhand.agent.asking import RESTARTED
from deskhand.agent.events import Decision, Notice, Progressed, TextAdded
from deskhand.agent.history import Store
from deskhand.agent.limits import Limits
from deskhand.agent.percept import ScreenPercept
from deskhand.agent.safety.permissions import Permissions
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.model.config import LocalConfig, ScriptedConfig
from deskhand.model.engine import RESTARTING
from deskhand.model.process.client import WorkerEngine
from deskhand.model.tiny.bundle import TinySpec, cached_bundle
from deskhand.model.types import Image, Sampling

SKILLS = Path(__file__).parents[2] / "skills"


@pytest.fixture
def scripted(tmp_path):
    """Make an engine in a worker process that plays the given turns."""
    made = []

    def make(*turns):
        path = tmp_path / f"script{len(made)}.json"
        path.write_text(json.dumps({"model": "script", "turns": [{"steps": steps} for steps in turns]}))
        made.append(WorkerEngine(ScriptedConfig(script=path)))
        return made[-1]

    yield make
    for engine in made:
        engine.close()


CALLING = TinySpec(stops=(('<|"|>', 9),))
"""Ends a text of a call after some tokens; without, most of its calls run into the longest length."""


def test_the_tiny_bundle_calls_a_tool_and_pays_only_for_what_is_new(stage):
    bundle = cached_bundle(CALLING)
    engine = WorkerEngine(LocalConfig(main=bundle.main, mmproj=bundle.mmproj, drafter=bundle.drafter))
    stage.permissions = Permissions(ask=False)
    stage.limits = Limits(steps=2)
    try:
        picture = ScreenPercept(Image(bytes([90]) * (480 * 320 * 3), 480, 320, 70))
        options = {"percepts": [picture], "tool_choice": "required", "max_tokens": 400}
        first = stage.run(engine, "<|turn>system\nsay<turn|><|tool_call>", **options)
        again = stage.run(engine, "and now", **options)
    finally:
        engine.close()
    for outcome in (first, again):
        assert outcome.error == ""
        assert outcome.calls
        assert stage.toolbox.find(outcome.calls[0].call.name)
        assert outcome.calls[0].decision in {Decision.ALLOWED, Decision.DENIED, Decision.REFUSED}
    # The second turn's prompts hold the whole first turn; it is not evaluated again.
    assert again.usage.reused_tokens > 3 * again.usage.evaluated_tokens


def test_what_was_read_while_the_person_typed_is_not_evaluated_again(stage):
    bundle = cached_bundle()
    engine = WorkerEngine(LocalConfig(main=bundle.main, mmproj=bundle.mmproj, drafter=bundle.drafter))
    picture = ScreenPercept(Image(bytes([90]) * (480 * 320 * 3), 480, 320, 280))
    try:
        stage.agent(engine).prepare(stage.conversation, [picture], stage.emit, threading.Event())
        assert stage.store.messages(stage.conversation) == []
        assert {type(event) for event in stage.events} == {Progressed}
        options = {"percepts": [picture], "tool_choice": "none", "max_tokens": 1}
        usage = stage.run(engine, "what is it", **options).usage
    finally:
        engine.close()
    # Left are the question and the few tokens that end a prompt; the system text and all patches were there.
    assert usage.image_tokens > 200
    assert usage.evaluated_tokens < 30
    assert len(stage.store.messages(stage.conversation)) == 2


def test_time_and_stop_reach_an_engine_in_its_process(stage, scripted):
    engine = scripted([{"text": "One "}, {"wait": 60}], [{"text": "Two "}, {"wait": 60}], [{"text": "Three."}])
    assert engine.info.kind == "scripted"  # its process is up: the time is for the turn alone
    stage.limits = Limits(seconds=3)
    outcome = stage.run(engine)
    assert (outcome.answer, outcome.finish) == ("One", "length")
    stage.limits = Limits()

    def emit(event):
        if isinstance(event, TextAdded):
            threading.Timer(0.2, stage.cancel.set).start()

    stage.emit = emit
    outcome = stage.run(engine)
    assert (outcome.answer, outcome.finish) == ("Two", "cancelled")
    stage.cancel.clear()
    assert stage.run(engine).answer == "Three."


def test_an_engine_process_that_is_killed_costs_one_answer(stage, scripted):
    engine = scripted([{"text": "The answer is "}, {"wait": 0.5}, {"crash": "SIGKILL"}], [{"text": "Here again."}])
    outcome = stage.run(engine)
    assert outcome.finish == "error"
    assert outcome.error.endswith(".")
    assert outcome.answer == "The answer is"
    assert "".join(event.text for event in stage.seen(TextAdded)) == "The answer is "
    # A new process plays its script from the beginning: it dies again, and the history still holds everything.
    stage.run(engine, "again?")
    said = [message.text for message in stage.store.messages(stage.conversation) if message.role == "user"]
    assert said == ["hello", "again?"]


FLOOD = """
def flood(part: int) -> str:
    \"\"\"Give a great deal of text.

    Args:
        part: which.
    \"\"\"
    return "WORDS" * COUNT
"""


@pytest.fixture
def flooded(stage, make_skill):
    """Make the stage's only tool one that returns a text a number of times."""

    def make(words, count):
        root = make_skill("flood", FLOOD.replace("WORDS", words).replace("COUNT", str(count)))
        stage.toolbox = Toolbox(load_skills([(root, "bundled")]), stage.data, stage.eyes)
        stage.permissions = Permissions(["flood_flood"], ask=False)

    return make


def test_a_tool_that_returns_too_much_for_the_real_engine_does_not_end_the_turn(stage, flooded):
    # The tiny vocabulary takes about a token a byte, three times what is estimated.
    flooded("a long line of a result, ", 780)
    bundle = cached_bundle(CALLING)
    engine = WorkerEngine(LocalConfig(main=bundle.main, context_length=2048, threads=1))
    stage.limits = Limits(steps=3)
    try:
        outcome = stage.run(engine, "read it", tool_choice="required", max_tokens=64)
    finally:
        engine.close()
    assert outcome.error == ""
    assert outcome.calls[0].call.name == "flood_flood"
    assert len(outcome.calls[0].result) > 19_000
    told = [notice.text for notice in stage.seen(Notice)]
    assert len(told) == len(set(told))
    assert "long result" in told[0]
    assert outcome.usage.prompt_tokens > 2048  # of two generations at least, the second over the cut result


@pytest.mark.parametrize("words", ["words of a result ", "a b "])
def test_a_conversation_outgrows_a_context_in_the_middle_of_a_turn(stage, flooded, scripted, words):
    flooded(words, 18_000 // len(words))
    path = stage.data.parent / "small.json"
    before = [{"when": "^question", "steps": [{"text": "yes, and at length " * 20}]}]
    turns = [{"steps": [{"call": {"name": "flood_flood", "arguments": {"part": n}}}]} for n in range(3)]
    turns.append({"steps": [{"text": "That is all of it."}]})
    path.write_text(json.dumps({"model": "s", "context_length": 3000, "turns": [*before, *turns]}))
    engine = WorkerEngine(ScriptedConfig(script=path))
    try:
        for number in range(20):
            assert stage.run(engine, f"question {number}").error == ""
        stage.events.clear()
        outcome = stage.run(engine, "now flood it")
    finally:
        engine.close()
    assert (outcome.answer, outcome.error) == ("That is all of it.", "")
    told = [notice.text for notice in stage.seen(Notice)]
    assert told
    assert len(told) == len(set(told))
    assert all("You still have all of it." in text for text in told)
    assert "oldest" in told[-1]
    assert len(stage.store.messages(stage.conversation)) > 40


def test_a_model_that_goes_in_a_circle_ends_with_a_sentence(stage):
    bundle = cached_bundle(TinySpec(vocab=512))
    engine = WorkerEngine(LocalConfig(main=bundle.main, threads=1))
    try:
        options = {"tool_choice": "none", "max_tokens": 4000, "sampling": Sampling(temperature=0)}
        outcome = stage.run(engine, "zzz", **options)
    finally:
        engine.close()
    assert outcome.finish == "error"
    assert "over and over" in outcome.error
    assert len(outcome.answer) > 1000
    assert stage.store.messages(stage.conversation)[-1].text == outcome.answer


def test_a_restarted_engine_is_told(stage, scripted):
    engine = scripted([{"text": "One."}], [{"text": "Two."}])
    assert stage.run(engine).answer == "One."
    os.kill(engine.pid, signal.SIGKILL)
    engine._process._ended.wait()
    assert stage.run(engine).answer == "One."  # a fresh process plays its script from the beginning
    (notice,) = stage.seen(Notice)
    assert notice.text == RESTARTED
    assert any(event.stage == RESTARTING for event in stage.seen(Progressed))


APPLICATION = """
import sys, threading
from pathlib import Path
from deskhand.agent.history import Store
from deskhand.agent.loop import Agent
from deskhand.agent.safety.permissions import Permissions
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.model.config import ScriptedConfig
from deskhand.model.scripted.engine import ScriptedEngine
folder, skills, script = map(Path, sys.argv[1:])
store = Store(folder / "history.db")
toolbox = Toolbox(load_skills([(skills, "bundled")]), folder / "data", None)
agent = Agent(ScriptedEngine(ScriptedConfig(script=script)), store, toolbox, Permissions())
tell = lambda event: print(type(event).__name__, flush=True)
agent.turn(store.new_conversation(), "note it", [], tell, threading.Event())
"""


def test_an_application_killed_in_mid_turn_finds_its_history_whole(stage, scripted, tmp_path):
    script = tmp_path / "killed.json"
    call = {"name": "notes_append", "arguments": {"text": "x"}}
    script.write_text(json.dumps({"model": "s", "turns": [{"steps": [{"call": call}]}]}))
    child = subprocess.Popen(
        [sys.executable, "-c", APPLICATION, str(tmp_path / "app"), str(SKILLS), str(script)], stdout=subprocess.PIPE
    )
    while child.stdout.readline() != b"ApprovalRequested\n":
        assert child.poll() is None
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    stage.store.close()
    stage.store = Store(tmp_path / "app" / "history.db")
    stage.conversation = stage.store.latest()
    assert [turn.interrupted for turn in stage.store.turns(stage.conversation)] == [True]
    outcome = stage.run(scripted([{"text": "Where were we?"}]), "hello again")
    assert (outcome.answer, outcome.finish) == ("Where were we?", "stop")
    assert [turn.interrupted for turn in stage.store.turns(stage.conversation)] == [True, False]
    assert not (tmp_path / "app" / "data" / "notes").exists()
