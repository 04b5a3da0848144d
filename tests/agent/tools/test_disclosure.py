import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deskhand.agent.skills.loading import load_skills
from deskhand.agent.tool import Group, Tool
from deskhand.agent.tools.disclosure import ACTIVATE, MOST_TOOLS, activated, disclose, named
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.model.types import Message, Text, ToolCall

SHARED = [Tool(name, "deskhand", "d", {}) for name in (ACTIVATE, "read_skill_file", "run_script")]


def tools(group, count):
    return [Tool(f"{group}_{n}", group, "d", {}) for n in range(count)]


def names(found):
    return [tool.name for tool in found]


def test_the_core_is_declared_and_the_rest_only_when_active():
    groups = [Group("clock", "d", core=True), Group("pdf", "d", uses=("read_skill_file",)), Group("mail", "d")]
    every = [*SHARED, *tools("clock", 2), *tools("pdf", 2), *tools("mail", 1)]
    assert names(disclose(groups, every, ())) == [ACTIVATE, "clock_0", "clock_1"]
    core = [ACTIVATE, "clock_0", "clock_1", "read_skill_file"]
    assert names(disclose(groups, every, ("pdf",))) == [*core, "pdf_0", "pdf_1"]
    assert names(disclose(groups, every, ("pdf", "mail"))) == [*core, "pdf_0", "pdf_1", "mail_0"]
    assert names(disclose(groups, every, ("gone",))) == [ACTIVATE, "clock_0", "clock_1"]


def test_where_all_is_core_nothing_can_be_activated():
    assert names(disclose([Group("clock", "d", core=True)], [*SHARED, *tools("clock", 1)], ())) == ["clock_0"]


def test_when_not_all_fit_the_latest_is_there_whole():
    groups = [Group("core", "d", core=True), *(Group(name, "d") for name in ("one", "two", "three"))]
    every = [*SHARED, *tools("core", 5), *tools("one", 10), *tools("two", 10), *tools("three", 6)]
    found = names(disclose(groups, every, ("one", "two", "three")))
    assert "one_0" not in found
    assert {"two_9", "three_5"} <= set(found)
    assert {"one_9", "three_5"} <= set(names(disclose(groups, every, ("two", "three", "one"))))


def test_a_server_with_too_many_tools_shows_its_first():
    found = names(disclose([Group("big", "d")], [*SHARED, *tools("big", 60)], ("big",)))
    assert len(found) == MOST_TOOLS
    assert found[-1] == f"big_{MOST_TOOLS - 2}"


SKILLS = load_skills([(Path(__file__).parents[3] / "skills", "bundled")])


class Server:
    """A `Provider` of one server."""

    def __init__(self, count):
        self.groups = (Group("mcp.big", "d"),)
        self.tools = tuple(replace(tool, skill="mcp.big") for tool in tools("big", count))


@pytest.mark.parametrize("count", [1, 11, 16])
def test_beside_what_is_ours_there_is_room_for_sixteen_tools_of_a_server(tmp_path, count):
    box = Toolbox(SKILLS, tmp_path, None, [Server(count)])
    found = [tool.name for tool in box.declared(["mcp.big"])]
    assert [name for name in found if name.startswith("big_")] == [f"big_{n}" for n in range(count)]
    ours = {"activate_skill", "calculator_calculate", "clock_time", "notes_append", "open_application", "screen_look"}
    assert ours <= set(found)
    assert len(found) <= MOST_TOOLS


@pytest.mark.parametrize("order", [["files", "edit", "mcp.big"], ["mcp.big", "edit", "files"]])
@pytest.mark.parametrize("count", [0, 9, 16])
def test_e11_files_and_edit_and_a_server_are_declared_together(tmp_path, order, count):
    """Report E11: files and edit pushed each other out."""
    box = Toolbox(SKILLS, tmp_path, None, [Server(count)])
    found = [tool.name for tool in box.declared(order)]
    assert {tool.name for tool in box._own() if tool.skill in order} <= set(found)
    assert len(found) <= MOST_TOOLS


def test_what_waits_is_named_and_comes_back_by_its_name(tmp_path):
    box = Toolbox(SKILLS, tmp_path, None, [Server(28)])
    every = {tool.name for tool in box._own() if tool.skill == "mcp.big" or tool.name.startswith("clock_")}
    active = ["mcp.big"]
    while True:
        found = box.declared(active)
        waiting = set(found[0].parameters["properties"]["name"]["enum"]) - {group.name for group in box.groups}
        assert every - {tool.name for tool in found} <= waiting
        assert len(found) == MOST_TOOLS
        if not (left := sorted(every - set(active))):
            return
        active.append(left[0])
        assert left[0] in [tool.name for tool in box.declared(active)]


def test_as_long_as_there_is_room_nothing_of_the_core_waits(tmp_path):
    box = Toolbox(SKILLS, tmp_path, None)
    core = {tool.name for tool in box._own() if tool.skill in {"calculator", "clock", "notes", "open", "screen"}}
    found = box.declared()
    assert {tool.name for tool in found} == core | {ACTIVATE}
    names = found[0].parameters["properties"]["name"]["enum"]
    assert names == [group.name for group in box.groups if not group.core]
    assert "bring back" not in found[0].description


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=8), st.data())
def test_never_more_than_fit_and_never_what_is_not_active(sizes, data):
    groups = [Group(f"g{n}", "d", uses=("run_script",), core=core) for n, (_, core) in enumerate(sizes)]
    every = [*SHARED, *(tool for n, (size, _) in enumerate(sizes) for tool in tools(f"g{n}", size))]
    active = tuple(data.draw(st.permutations([group.name for group in groups])))[: data.draw(st.integers(0, 8))]
    found = disclose(groups, every, active)
    assert len(found) <= MOST_TOOLS
    assert len(set(names(found))) == len(found)
    may = {group.name for group in groups if group.core} | set(active) | {"deskhand"}
    assert {tool.skill for tool in found} <= may


def result(name, text, tool=ACTIVATE):
    return Message("tool", (Text(text),), call_id="c", name=tool)


def test_what_is_active_is_read_from_the_history():
    def done(name):
        return result(name, json.dumps({"activated": name, "instructions": "x"}))

    history = [Message("user", (Text("hi"),)), done("a"), done("b"), done("a")]
    assert activated(history) == ("b", "a")


@pytest.mark.parametrize(
    "message",
    [
        result("a", '{"error": "no"}'),
        result("a", "not json"),
        result("a", '["activated"]'),
        result("a", '{"activated": 3}'),
        result("a", '{"activated": "a"}', "web_fetch"),
        Message("user", (Text('{"activated": "a"}'),), name=ACTIVATE),
        Message("assistant", (), (ToolCall("c", ACTIVATE, {"name": "a"}),)),
    ],
)
def test_only_the_result_of_an_activation_activates(message):
    assert activated([message]) == ()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("/pdf fill it", "pdf"),
        (" /pdf", "pdf"),
        ("/pdf\nfill", "pdf"),
        ("/My_Skill.2 x", "My_Skill.2"),
        ("/etc/passwd", ""),
        ("see /pdf", ""),
        ("//pdf", ""),
        ("/ pdf", ""),
        ("", ""),
    ],
)
def test_a_person_names_a_skill_at_the_very_beginning(text, name):
    assert named(text) == name
