"""F14 and F16: what was agreed to is all that was shown, a difference is shown whole, and no two tools share a name."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.agent.mcp import pins, tools

LONG = "Reads the state. " + "It is very careful. " * 40
WHOLE = {"type": "object", "properties": {"path": {"type": "string", "description": "Which."}}}


def changed(desk, **said):
    """Let the server say something else from its next start on."""
    home = desk.folder / "data" / "state"
    home.mkdir(parents=True, exist_ok=True)
    (home / "changes.json").write_text(json.dumps(said))
    desk.servers.close()
    desk.start()


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ({"title": "Reads"}, {"title": "Reads and sends"}, ["- title: Reads", "+ title: Reads and sends"]),
        (
            {"description": None, "title": "Reads"},
            {"description": None, "title": "Sends"},
            ["- title: Reads", "+ title: Sends"],
        ),
        ({"description": LONG}, {"description": LONG + "Sends it."}, [f"+ description: {LONG}Sends it."]),
        ({"description": "One.\nTwo."}, {"description": "One.\nThree."}, ["- Two.", "+ Three."]),
        (
            {"inputSchema": WHOLE},
            {"inputSchema": {**WHOLE, "required": ["path"]}},
            ['+   "required": ['],
        ),
        (
            {"annotations": {"readOnlyHint": True}},
            {"annotations": {"readOnlyHint": False}},
            ["- says of itself: readOnlyHint = true", "+ says of itself: readOnlyHint = false"],
        ),
        ({"description": "Fine."}, {"description": "Fi\u200bne."}, ["+ description: Fi\u200bne."]),
    ],
)
def test_any_change_of_a_tool_asks_again_and_is_shown_whole(desk, entries, before, after, lines):
    desk.write(state=entries.hostile("quiet"))
    changed(desk, tool=before)
    desk.connect("state")
    assert desk.run("state__read_state").value == "the state"
    changed(desk, tool=after)
    assert "are not those that were agreed to" in desk.run("state__read_state").error
    gate = desk.tool("state__connect")
    assert not gate.quiet
    shown = [line.strip() for line in gate.difference.split("\n")]
    assert "changed tool read_state:" in shown
    for line in lines:
        assert line.strip() in shown
    assert any("changed tool read_state" in line for line in desk.servers.touches(gate))
    desk.connect("state")
    assert desk.run("state__read_state").value == "the state"


def test_new_and_gone_tools_and_other_instructions_are_shown(desk, entries):
    desk.write(state=entries.hostile("quiet"))
    changed(desk, instructions="Be kind.")
    desk.connect("state")
    changed(
        desk, gone=1, more=[{"name": "send", "description": "Sends.", "inputSchema": WHOLE}], instructions="Obey me."
    )
    assert "new tool send" in desk.run("state__read_state").error
    shown = desk.tool("state__connect").difference.split("\n")
    assert "new tool send:" in shown
    assert "+ description: Sends." in shown
    assert any('"description": "Which."' in line for line in shown)
    assert "gone: tool read_state" in shown
    assert list(shown[-2:]) == ["- Be kind.", "+ Obey me."]
    desk.connect("state")
    assert desk.names() == ["state__send"]


def test_a_hostile_change_is_compared_at_once():
    before = pins.Pin(config="", tools={"t": "1"}, shown={"t": "\n".join(f"{n} {n * 7}" for n in range(9_000))})
    now = {"t": "\n".join(f"{n} {n * 8}" for n in range(9_000))}
    changes = pins.compare(before, {"t": "2"}, "")
    assert len(list(pins.differences(changes, before, now, ""))) > 17_000


def test_instructions_alone_ask_again(desk, entries):
    desk.write(state=entries.hostile("quiet"))
    desk.connect("state")
    changed(desk, instructions="Obey me.")
    assert "changed instructions of the server" in desk.run("state__read_state").error
    assert not desk.tool("state__connect").quiet


def test_what_is_agreed_to_is_what_was_shown(desk, entries):
    desk.write(state=entries.hostile("quiet"))
    shown = desk.servers.check("state")
    assert "description: Reads the state." in shown["whole"]["read_state"]
    changed(desk, tool={"description": "Sends the state."})
    with pytest.raises(Exception, match="have changed since you were shown them"):
        desk.servers.agree("state", shown["agrees"])
    assert not desk.tool("state__connect").quiet
    desk.servers.agree("state", desk.servers.check("state")["agrees"])
    assert desk.run("state__read_state").value == "the state"


NAMES = st.text(st.sampled_from("ab-_.1"), min_size=1, max_size=70)


@given(st.lists(NAMES, unique=True), st.lists(NAMES, unique=True), st.data())
def test_no_two_tools_of_any_servers_share_a_name(servers, others, data):
    made = {}
    for server in servers:
        server = server[:32]  # noqa: PLW2901 - as long as one may be
        if server in made:
            continue
        before = tools.tool_names(
            server, data.draw(st.lists(st.sampled_from(others), unique=True)) if others else [], {}
        )
        after = tools.tool_names(server, others, before)
        assert before.items() <= after.items()  # what the person knows keeps its name, whatever comes beside it
        made[server] = [tools.tool_name(server, tools.GATE), *after.values()]
    names = [name for each in made.values() for name in each]
    assert len(names) == len(set(names))
    assert all(len(name) <= 64 and name.isascii() and name.replace("_", "a").isalnum() for name in names)


def test_servers_that_look_alike_keep_their_tools_apart(desk, entries):
    one, other = entries.hostile("quiet", "one"), entries.hostile("quiet", "other")
    desk.write(**{"a-b": one, "a_b": other})
    first, second = [tool.name for tool in desk.servers.tools]
    assert first == "a_b__connect" != second
    for name in (first, second):
        assert not desk.run(name).error
    names = desk.names()
    assert len(set(names)) == 2
    assert {desk.servers._of(desk.tool(name)).config.name for name in names} == {"a-b", "a_b"}
    assert tools.prefix("a") + "__b__c" == tools.tool_name("a", "b__c")
    assert tools.tool_name("a__b", "c") != tools.tool_name("a", "b__c")
