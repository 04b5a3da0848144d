"""Several calls of one message: what only reads runs at the same time, everything else one after the other."""

import json
import threading
import time

import pytest

from deskhand.agent.events import Answer, ApprovalRequested, CallEnded, Decision
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.model.types import CallDelta, ToolCall

TOOLS = '''
import time


def meet(host, me: str, other: str) -> str:
    """Wait for the other call."""
    (host.data / me).write_text("")
    deadline = time.monotonic() + 15
    while not (host.data / other).exists():
        if time.monotonic() > deadline:
            raise ValueError("Nobody came.")
        time.sleep(0.01)
    return me


def fail(host) -> str:
    """Fail."""
    raise ValueError("It failed.")


def hang(host, n: int) -> str:
    """Hang."""
    (host.data / f"hangs-{n}").write_text("")
    time.sleep(60)
    return ""


def write(host, text: str) -> list[str]:
    """Write."""
    seen = sorted(path.name for path in host.data.iterdir())
    (host.data / text).write_text("")
    return seen
'''


def several(*calls):
    return [CallDelta(ToolCall(f"c{n}", name, arguments)) for n, (name, arguments) in enumerate(calls)]


@pytest.fixture
def reading(stage, make_skill):
    root = make_skill("r", TOOLS, "files:data")
    page = root / "r" / "SKILL.md"
    page.write_text(page.read_text().replace("metadata:\n", "metadata:\n  deskhand-quiet: meet fail hang\n"))
    stage.toolbox = Toolbox(load_skills([(root, "bundled")]), stage.data, stage.eyes)
    return stage


def test_calls_that_only_read_run_at_the_same_time_and_one_that_fails_spoils_no_other(reading, player, script):
    engine = player(
        several(
            ("r_meet", {"me": "a", "other": "b"}), ("r_fail", {}),
            ("r_no_such", {}), ("r_meet", {"me": "b", "other": "a"}),
        ),
        script.says("Met."),
    )  # fmt: skip
    outcome = reading.run(engine)
    assert [record.result or record.error[:9] for record in outcome.calls] == ["a", "It failed", "There is ", "b"]
    told = engine.requests[1].messages[-4:]
    assert [message.name for message in told] == ["r_meet", "r_fail", "r_no_such", "r_meet"]
    assert [json.loads(m.text)["error"][:9] for m in told[1:3]] == ["It failed", "There is "]
    assert [event.record for event in reading.seen(CallEnded)] == list(outcome.calls)
    assert {record.decision for record in outcome.calls} == {Decision.ALLOWED, Decision.REFUSED}


def test_what_changes_something_waits_for_what_came_before_and_is_asked_alone(reading, player, script):
    reading.answers = [Answer.ONCE, Answer.ONCE]
    engine = player(
        several(
            ("r_meet", {"me": "a", "other": "b"}), ("r_meet", {"me": "b", "other": "a"}),
            ("r_write", {"text": "c"}), ("r_write", {"text": "d"}),
        ),
        script.says("Done."),
    )  # fmt: skip
    outcome = reading.run(engine)
    assert [record.result for record in outcome.calls] == ["a", "b", ["a", "b"], ["a", "b", "c"]]
    kinds = [type(event) for event in reading.events if isinstance(event, CallEnded | ApprovalRequested)]
    assert kinds == [CallEnded, CallEnded, ApprovalRequested, CallEnded, ApprovalRequested, CallEnded]


def test_stop_ends_all_of_them(reading, player, script):

    def stop():
        deadline = time.monotonic() + 30
        while len(list((reading.data / "r").glob("hangs-*"))) < 3 and time.monotonic() < deadline:
            time.sleep(0.02)
        reading.cancel.set()

    (reading.data / "r").mkdir(parents=True)
    waiting = threading.Thread(target=stop)
    waiting.start()
    outcome = reading.run(player(several(*(("r_hang", {"n": n}) for n in range(3))), script.says("Never.")))
    waiting.join()
    assert outcome.finish == "cancelled"
    assert [record.error for record in outcome.calls] == ["The tool was stopped."] * 3
