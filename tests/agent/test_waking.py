"""A task that comes back: asked for through a tool, looked for, told in a turn of its own."""

import json
import re
import threading
import time
from dataclasses import replace

import pytest

from deskhand.agent import background as module
from deskhand.agent.background import Background
from deskhand.agent.events import Answer, ApprovalRequested, CallRecord, Decision, TurnEnded, TurnStarted
from deskhand.agent.limits import Stop
from deskhand.agent.loop import Agent
from deskhand.agent.origin import Origin
from deskhand.agent.percept import ScreenPercept
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.task import Task, Woken
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.agent.waking import SETS_TIMERS
from deskhand.app.host import AppHost
from deskhand.app.settings import BUNDLED_SKILLS
from deskhand.model.errors import EngineDiedError
from deskhand.model.types import Finish, Image, Message, Text, ToolCall

TOOLS = '''
def watch(host, what: str, every: float = 2) -> dict[str, str]:
    """Watch."""
    return host.ask("watch", what=what, every=every, seconds=60)


def later(host, what: str, seconds: float) -> dict[str, str]:
    """Do something later."""
    return host.ask("later", what=what, seconds=seconds)


def fails(host) -> str:
    """Begin and fail."""
    host.ask("later", what="x", seconds=60)
    raise ValueError("It failed.")


def stop(host, task: str) -> dict[str, str]:
    """End it."""
    before = host.ask("tasks")["tasks"]
    return {**host.ask("end_task", id=task), "before": len(before)}
'''
SEEN = ScreenPercept(Image(bytes(3 * 64 * 64), 64, 64, 70), source="screen 1", live=True)


@pytest.fixture
def behind(stage, make_skill, tmp_path, monkeypatch):
    """A stage with a skill that may watch and do things later, over the application's own host."""
    monkeypatch.setattr(module, "TICK", 0.02)
    root = make_skill("behind", TOOLS, "watch later")
    kept = Background(stage.data, lambda _event: None)
    stage.toolbox = Toolbox(load_skills([(root, "bundled")]), stage.data, AppHost(70, background=kept))
    stage.background = kept
    stage.agent = lambda engine: Agent(
        engine, stage.store, stage.toolbox, stage.permissions, stage.limits, background=kept
    )
    yield stage
    kept.stop()


def came(task, percept=SEEN):
    return Woken(task, percept, 0.0, threading.Event(), lambda _how: None)


def wake(stage, engine, woken, patience=None):
    return stage.agent(engine).wake(woken, stage.emit, patience or Stop(woken.cancel, 60))


def watching(stage, what="the build is done", **other):
    return Task("w", "watch", what, time.time() + 60, conversation=stage.conversation, **other)


def test_a_call_begins_a_task_of_its_conversation_as_tainted_as_it_is(behind, player, script):
    behind.answers = [Answer.ONCE]
    picture = ScreenPercept(Image(bytes(3), 1, 1, 70), source="a.png")
    outcome = behind.run(
        player(script.calls("behind_later", what="look again", seconds=60), script.says("I will.")), "later", [picture]
    )
    assert outcome.calls[0].decision is Decision.APPROVED
    (task,) = behind.background.all()
    assert outcome.calls[0].result["id"] == task.id
    assert (task.what, task.conversation) == ("look again", behind.conversation)
    assert [origin.kind for origin in task.origins] == ["picture"]


def test_a_call_that_fails_begins_nothing_and_a_live_screenshot_allows_no_watch(behind, player, script):
    behind.answers = [Answer.ONCE, Answer.NO]
    engine = player(script.calls("behind_fails"), script.calls("behind_watch", what="x"), script.says("No."))
    outcome = behind.run(engine, "go", [SEEN])
    assert [(record.decision, record.error) for record in outcome.calls] == [
        (Decision.APPROVED, "It failed."), (Decision.DENIED, "You didn't allow this."),
    ]  # fmt: skip
    assert behind.background.all() == ()


def test_bad_wishes_are_a_sentence(behind, player, script):
    behind.answers = [Answer.ONCE] * 5
    asked = [("watch", {"what": "x", "every": 0.1}), ("watch", {"what": "x"}), ("later", {"what": " ", "seconds": 9}),
             ("later", {"what": "x", "seconds": 0}), ("stop", {"task": "zz"})]  # fmt: skip
    said = behind.run(player(*[script.calls(f"behind_{name}", **given) for name, given in asked], script.says("So.")))
    errors = [record.error for record in said.calls]
    assert "must be 2 to 3600 seconds" in errors[0]
    assert "needs Deskhand's window" in errors[1]
    assert "Say what" in errors[2]
    assert "at least one second" in errors[3]
    assert "no task named zz" in errors[4]


def test_the_model_can_end_a_task(behind, player, script):
    behind.answers = [Answer.ONCE]
    behind.background.begin(Task("l1", "later", "x", time.time() + 60))
    outcome = behind.run(player(script.calls("behind_stop", task="l1"), script.says("Ended.")))
    assert outcome.calls[0].result == {"ended": "l1", "what": "x", "before": 1}
    assert behind.background.all() == ()


def test_what_is_so_comes_back_as_a_tainted_turn_that_is_shown_as_such(behind, player, script):
    behind.answers = [Answer.NO]
    engine = player(script.says("Yes."), script.calls("behind_watch", what="y"), script.says("The build is done."))
    assert wake(behind, engine, came(watching(behind, origins=(Origin("web", "a.org"),)))) == "done"
    check, turn = engine.requests[0], engine.requests[1]
    assert (check.tool_choice, check.messages[-1].parts[0]) == ("none", SEEN.image)
    assert check.messages[0] == turn.messages[0]  # so that what was read for the look is not read again
    assert "“the build is done”" in check.messages[-1].text
    started = behind.seen(TurnStarted)[0]
    assert (started.task, started.parts[0]) == ("watch", SEEN.image)
    assert behind.seen(TurnEnded)[0].outcome.answer == "The build is done."
    assert [m.name for m in behind.store.messages(behind.conversation) if m.role == "user"] == ["watch"]
    request = behind.seen(ApprovalRequested)[0].request  # what it saw is no look that the person gave
    assert [origin.kind for origin in request.origins] == ["web", "screen"]


@pytest.mark.parametrize("said", ["No.", "It is not so.", "", "Yesterday it was."])
def test_what_is_not_so_leaves_no_trace(behind, player, script, said):
    engine = player(script.says(said))
    assert wake(behind, engine, came(watching(behind))) == "not yet"
    assert behind.events == []
    assert behind.store.messages(behind.conversation) == []


def test_any_change_needs_no_question(behind, player, script):
    engine = player(script.says("A window opened."))
    assert wake(behind, engine, came(watching(behind, ""))) == "done"
    assert len(engine.requests) == 1


def test_a_look_that_is_interrupted_is_put_off_and_a_withdrawn_one_is_done(behind, player):
    woken = came(watching(behind))
    patience = Stop(woken.cancel, 60)
    engine = player([patience.set, Finish("cancelled")])
    assert wake(behind, engine, woken, patience) == "put off"
    gone = came(watching(behind))
    assert wake(behind, player([gone.cancel.set, Finish("cancelled")]), gone) == "done"
    assert wake(behind, player([EngineDiedError("It ended.")]), came(watching(behind))) == "not yet"
    assert behind.events == []


def test_later_says_what_and_when_and_a_lost_conversation_is_a_new_one(behind, player, script):
    task = Task("l", "later", "read the news", time.time() - 7200, conversation=999)
    engine = player(script.says("Here they are."))
    assert wake(behind, engine, Woken(task, None, 7200.0, threading.Event(), lambda _how: None)) == "done"
    asked = engine.requests[0].messages[-1].text
    assert "when Deskhand was not running: “read the news”" in asked
    assert behind.seen(TurnStarted)[0].conversation not in {999, behind.conversation}


def test_from_the_call_to_the_turn_without_a_model_call_while_nothing_changes(behind, player, script, monkeypatch):
    """The whole way with a real thread; the screen is the test's."""
    now = [SEEN]
    looks = []
    monkeypatch.setattr("deskhand.app.host.eyes.capture.grab", lambda budget: (looks.append(1), now[0])[1])
    monkeypatch.setattr("deskhand.app.host.behind.LEAST_EVERY", 0.01)
    engine = player(
        script.calls("behind_watch", what="it is white", every=0.02), script.says("I watch."),
        script.says("NO"), script.says("YES"), script.says("It is white now."),
    )  # fmt: skip
    came_back = []
    behind.background.start(came_back.append)
    behind.answers = [Answer.ONCE]
    behind.run(engine, "tell me when it is white")

    def one():
        deadline = time.monotonic() + 20
        while not came_back:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        woken = came_back.pop()
        woken.settle(wake(behind, engine, woken))

    one()
    count, asked = len(looks), len(engine.requests)
    while len(looks) < count + 10:
        time.sleep(0.01)
    assert (came_back, len(engine.requests)) == ([], asked)
    now[0] = ScreenPercept(Image(b"\xff" * 3 * 64 * 64, 64, 64, 70), source="screen 1", live=True)
    one()
    assert behind.seen(TurnEnded)[-1].outcome.answer == "It is white now."
    assert behind.background.all() == ()
    told = [json.dumps(m.name) for m in behind.store.messages(behind.conversation) if m.role == "user"]
    assert told == ['""', '"watch"']


def test_a_timer_that_was_told_is_a_turn_of_the_conversation_that_set_it(behind, player, script):
    """No model is asked, and the next turn knows of it."""
    call = ToolCall("c", SETS_TIMERS[0], {"minutes": 5, "label": "tea"})
    record = CallRecord(call, Decision.ALLOWED, {"id": "ab12", "label": "tea"})
    older = behind.store.new_conversation("older")
    behind.store.append(older, "t0", Message("tool", (Text("{}"),)), replace(record, result={"id": "ffff"}))
    behind.store.append(behind.conversation, "t1", Message("tool", (Text("{}"),)), record)
    engine = player(script.says("You are welcome."))
    rang = Task("ab12", "timer", "Timer “tea” is up.", time.time())
    assert wake(behind, engine, came(rang, None)) == "done"
    assert engine.requests == []
    turn = behind.store.turns(behind.conversation)[-1]
    due, told = turn.messages
    assert (due.role, due.name) == ("user", "timer")
    assert re.fullmatch(r"It is \d\d:\d\d: a timer that was set here is due\.", due.text)
    assert (told.role, told.text) == ("assistant", "Timer “tea” is up.")
    assert turn.outcome.answer == "Timer “tea” is up."
    behind.run(engine, "thanks")
    assert "tea” is up" in str(engine.requests[0].messages)
    assert all(not origins for _, origins in behind.store.traced(behind.conversation))
    behind.store.mark("clock")
    wake(behind, engine, came(rang, None))
    assert behind.store.traced(behind.conversation)[-1][1] == (Origin("notes", "clock"),)


def test_the_tools_that_set_timers_are_those_of_the_clock():
    box = Toolbox(load_skills([(BUNDLED_SKILLS, "bundled")]), BUNDLED_SKILLS, AppHost(70))
    there = [tool for name in SETS_TIMERS if (tool := box.find(name))]
    assert [(tool.name, tool.skill) for tool in there] == [
        ("clock_set_timer", "clock"),
        ("clock_change_timer", "clock"),
    ]


def test_a_timer_that_nobody_here_set_is_only_told(behind, player):
    before = len(behind.store.conversations())
    assert wake(behind, player(), came(Task("dead", "timer", "Your timer is up.", 0.0), None)) == "done"
    assert len(behind.store.conversations()) == before
