"""A server in whole turns: disclosed, asked about, called, its content marked, its process ended by Stop."""

import threading

import pytest

from deskhand.agent.events import Answer, ApprovalRequested, CallProposed, Decision
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.tools.toolbox import Toolbox


@pytest.fixture
def turns(stage, desk, tmp_path):
    """A stage whose toolbox has the servers of ``desk``."""
    stage.toolbox = Toolbox(load_skills([]), tmp_path / "skills-data", stage.eyes, more=[desk.servers])
    return stage


def test_a_turn_activates_connects_and_calls(turns, desk, entries, player, script):
    desk.write(time=entries.python("mcp-server-time", description="Knows what time it is everywhere."))
    engine = player(
        script.calls("activate_skill", name="mcp.time"),
        script.calls("time__connect"),
        script.calls("time__get_current_time", timezone="Asia/Tokyo"),
        script.says("It is late there."),
    )
    turns.answers = [Answer.ONCE, Answer.ONCE]
    outcome = turns.run(engine, "What time is it in Tokyo?")
    assert outcome.answer == "It is late there."
    assert [(c.call.name, c.decision) for c in outcome.calls] == [
        ("activate_skill", Decision.ALLOWED),
        ("time__connect", Decision.APPROVED),
        ("time__get_current_time", Decision.APPROVED),
    ]
    assert "Knows what time it is everywhere." in engine.requests[0].messages[0].text
    assert "time__connect" not in [tool.name for tool in engine.requests[0].tools]
    assert "time__get_current_time" in [tool.name for tool in engine.requests[2].tools]
    consent, call = (event.request for event in turns.seen(ApprovalRequested))
    assert "network: none" in consent.touches
    assert any("mcp-server-time" in line for line in consent.touches)
    assert call.origins  # what the server said of itself is in the prompt by now
    assert not call.session
    assert not call.always

    again = player(
        script.calls("time__get_current_time", timezone="Asia/Tokyo"), script.says("Still late."), context_length=8192
    )
    turns.answers = [Answer.NO]
    outcome = turns.run(again, "And now?")
    assert [c.decision for c in outcome.calls] == [Decision.DENIED]


def test_stop_in_a_turn_ends_a_call_that_hangs(turns, desk, entries, player, script):
    desk.write(slow=entries.hostile("hang"))
    desk.connect("slow")
    engine = player(script.calls("activate_skill", name="mcp.slow"), script.calls("slow__read_state"))
    turns.answers = [Answer.ONCE]
    show = turns.emit

    def emit(event):
        show(event)
        if isinstance(event, CallProposed) and event.call.name == "slow__read_state":
            threading.Timer(1, turns.cancel.set).start()

    turns.emit = emit
    outcome = turns.run(engine)
    assert outcome.finish == "cancelled"
    assert outcome.calls[-1].error == "The tool was stopped."
