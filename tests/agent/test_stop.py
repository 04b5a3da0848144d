"""Stop, whatever is going on: the turn ends with its event, and nothing that was started is left. Real processes."""

import secrets
import threading
import time

import psutil
import pytest

from deskhand.agent.events import Answer, ApprovalRequested, CallEnded, Decision, TextAdded, ThoughtAdded, TurnEnded
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.model.config import LocalConfig
from deskhand.model.process.client import WorkerEngine
from deskhand.model.tiny.bundle import TinySpec, cached_bundle
from deskhand.model.types import Message, Request, Text
from tests.agent.mcp.conftest import Desk, hostile

PATIENCE = 60
"""Seconds, on a machine that does other work; nothing here is a claim about time."""

TOOLS = '''
import subprocess, sys


def hang(host, mark: str) -> str:
    """Hang, with a child in a session of its own that ignores polite ends."""
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    subprocess.Popen([sys.executable, "-c", code, mark], start_new_session=True)
    subprocess.run(["sleep", "600"])
    return ""


def flood(host, mark: str) -> str:
    """Write without end, and ask the application without end."""
    subprocess.Popen(["sh", "-c", "while :; do echo flood >&2; done", mark])
    while True:
        host.look()
'''


@pytest.fixture
def mark():
    return f"mark-{secrets.token_hex(8)}"


def with_mark(mark):
    """Processes that were given the mark, as argument or in the environment, our own aside."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != psutil.Process().pid and any(mark in word for word in process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def wait_for(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def stop_when(stage, ready, engine, text="go", **options):
    """Run a turn in a thread of its own, stop it when ``ready()``, and give its outcome."""
    found = []
    thread = threading.Thread(target=lambda: found.append(stage.run(engine, text, **options)))
    thread.start()
    try:
        wait_for(ready)
    finally:
        stage.cancel.set()
        thread.join(PATIENCE)
    assert not thread.is_alive()
    (outcome,) = found
    assert outcome.finish == "cancelled"
    assert stage.events[-1] == TurnEnded(outcome)
    assert stage.store.turns(stage.conversation)[-1].outcome == outcome
    return outcome


@pytest.fixture
def skilled(stage, make_skill):
    root = make_skill("bad", TOOLS, "screen files:data")
    stage.toolbox = Toolbox(load_skills([(root, "bundled")]), stage.data, stage.eyes)
    stage.answers = [Answer.ONCE]
    return stage


@pytest.mark.parametrize("what", ["hang", "flood"])
def test_a_tool_that_hangs_or_floods_and_what_it_started(skilled, player, script, mark, what):
    engine = player(script.calls(f"bad_{what}", mark=mark), script.says("Never."))

    def ready():
        return with_mark(mark) and (what == "hang" or skilled.eyes.looks > 20)

    outcome = stop_when(skilled, ready, engine)
    assert [(record.decision, record.error) for record in outcome.calls] == [
        (Decision.APPROVED, "The tool was stopped.")
    ]
    wait_for(lambda: not with_mark(mark))
    assert len(skilled.seen(CallEnded)) == 1


def test_a_script_that_runs(stage, make_skill, player, script, mark):
    root = make_skill("forms", body="Run scripts/a.sh.")
    (root / "forms" / "scripts").mkdir()
    (root / "forms" / "scripts" / "a.sh").write_text('sh -c "sleep 600" "$1" &\nsetsid sh -c "sleep 601; :" "$1"\n')
    stage.toolbox = Toolbox(load_skills([(root, "user")]), stage.data, stage.eyes)
    stage.answers = [Answer.ONCE]
    engine = player(
        script.calls("run_script", skill="forms", script="scripts/a.sh", args=[mark]), script.says("Never.")
    )
    outcome = stop_when(stage, lambda: len(with_mark(mark)) > 1, engine, "/forms go")
    assert outcome.calls[-1].error == "It was stopped."
    wait_for(lambda: not with_mark(mark))


def test_a_call_to_a_server(stage, player, script, tmp_path, mark):
    desk = Desk(tmp_path)
    try:
        desk.write(bad=hostile("hang") | {"env": {"MARK": "600"}})
        desk.connect("bad")
        stage.toolbox = Toolbox(load_skills([]), stage.data, stage.eyes, more=[desk.servers])
        stage.answers = [Answer.ONCE]
        engine = player(
            script.calls("activate_skill", name="mcp.bad"), script.calls("bad__read_state"), script.says("Never.")
        )

        def sleeping():
            mine = psutil.Process().children(recursive=True)
            return [process for process in mine if _line(process) == ["sleep", "600"]]

        outcome = stop_when(stage, sleeping, engine)
        assert outcome.calls[-1].decision is Decision.APPROVED
        assert outcome.calls[-1].error
        wait_for(lambda: not sleeping())  # and not only when the servers are closed
    finally:
        desk.servers.close()


def _line(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_a_question_that_waits(stage, player, script):
    engine = player(script.calls("notes_append", text="milk"), script.says("Never."))
    outcome = stop_when(stage, lambda: stage.seen(ApprovalRequested), engine)
    assert outcome.calls[0].error == "The turn was stopped before this was allowed."
    assert stage.seen(ApprovalRequested)[0].request.reply.cancelled()
    assert not (stage.data / "notes").exists()


def test_an_engine_that_generates_and_it_answers_the_next_question(stage):
    bundle = cached_bundle(TinySpec())
    engine = WorkerEngine(LocalConfig(main=bundle.main, mmproj=bundle.mmproj, drafter=bundle.drafter))
    try:
        began = lambda: stage.seen(TextAdded) or stage.seen(ThoughtAdded)  # noqa: E731 - a name for what is waited for
        stop_when(stage, began, engine, tool_choice="none", max_tokens=6_000)
        said = list(engine.generate(Request((Message("user", (Text("again"),)),), max_tokens=2)))
        assert said[-1].reason in {"stop", "length"}
        assert said[-1].usage.completion_tokens <= 2
    finally:
        engine.close()
