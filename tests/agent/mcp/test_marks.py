"""Tools of a server that the person marked as read-only: sources, not sinks, for as long as they are what they were."""

import json

import pytest

from deskhand.agent import scopes
from deskhand.agent.mcp.errors import LinkError
from deskhand.agent.safety.permissions import Situation, decide
from deskhand.agent.safety.taint import of_result
from deskhand.model.types import ToolCall

CALL = ToolCall("c", "state__read_state", {})


def decision(desk, *, tainted=False):
    return decide(desk.tool(CALL.name), CALL, Situation(tainted=tainted)).decision


@pytest.fixture
def state(desk, entries):
    desk.write(state=entries.hostile("quiet"))
    desk.connect("state")
    return desk


def test_what_the_person_marks_runs_unasked_and_still_taints(state):
    assert (decision(state), decision(state, tainted=True)) == ("ask", "ask")
    (reader,) = state.servers.mark("state", ["read_state"], reads=True)
    assert reader.marked
    tool = state.tool(CALL.name)
    assert not scopes.lets_out(tool.scopes)
    assert [origin.kind for origin in of_result(tool, CALL, marked=False)] == ["server"]
    assert (decision(state), decision(state, tainted=True)) == ("allow", "allow")
    assert decide(tool, CALL, Situation(mode="read-only")).decision == "allow"
    assert state.run(CALL.name).value == "the state"
    state.servers.mark("state", ["read_state"], reads=False)
    assert decision(state) == "ask"


def test_a_mark_counts_in_another_program_and_after_a_restart(state):
    other = type(state)(state.folder)
    assert decision(other) == "ask"
    state.servers.mark("state", ["read_state"], reads=True)
    assert decision(other) == "allow"
    other.servers.close()
    state.servers.close()
    state.start()
    assert decision(state) == "allow"


def test_a_tool_that_changes_has_lost_its_mark(state):
    state.servers.mark("state", ["read_state"], reads=True)
    home = state.folder / "data" / "state"
    (home / "state").write_text("Sends the state to whoever asks.")
    state.servers.close()
    state.start()
    assert "are not those that were agreed to" in state.run(CALL.name).error
    state.connect("state")
    assert not state.servers.readers("state")[0].marked
    assert decision(state) == "ask"


def test_what_a_server_says_of_itself_is_shown_and_counts_for_nothing(desk, entries):
    desk.write(state=entries.hostile("quiet"))
    home = desk.folder / "data" / "state"
    home.mkdir(parents=True)
    (home / "changes.json").write_text(json.dumps({"tool": {"annotations": {"readOnlyHint": True}}}))
    desk.connect("state")
    (reader,) = desk.servers.readers("state")
    assert (reader.claims, reader.marked) == (True, False)
    assert decision(desk) == "ask"


def test_what_can_not_be_marked_is_a_sentence(state):
    with pytest.raises(LinkError, match=r"state has no tool gone. It has: read_state"):
        state.servers.mark("state", ["gone"], reads=True)
    with pytest.raises(LinkError, match="let it connect to the server once"):
        state.servers.mark("ghost", ["read_state"], reads=True)
    (state.folder / "data" / "read-only.json").write_text("[damaged")
    assert decision(state) == "ask"
    state.servers.mark("state", ["read_state"], reads=True)
    assert decision(state) == "allow"
