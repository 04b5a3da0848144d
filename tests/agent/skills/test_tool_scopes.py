"""What each tool of a skill may touch, which is not what all of them together may."""

from pathlib import Path

import pytest

from deskhand.agent import scopes
from deskhand.agent.safety.permissions import Situation, decide
from deskhand.agent.safety.taint import of_result
from deskhand.agent.skills.loading import load_skills
from deskhand.model.types import ToolCall

SKILLS = Path(__file__).parents[3] / "skills"
TOOLS = {tool.name: tool for skill in load_skills([(SKILLS, "bundled")]).skills for tool in skill.tools}


def called(name, **arguments):
    call = ToolCall("c", name, arguments)
    return TOOLS[name].as_called(call), call


@pytest.mark.parametrize("tainted", [False, True])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("notes_list", {}),
        ("notes_search", {"query": "milk"}),
        ("clock_list_timers", {}),
        ("clock_time", {}),
        ("background_list", {}),
        ("system_windows", {}),
        ("system_battery", {}),
        ("system_volume", {}),
        ("system_volume", {"percent": None, "muted": None}),
        ("system_brightness", {}),
        ("calculator_calculate", {"expression": "1+1"}),
    ],
)
def test_what_only_reads_what_is_the_persons_own_does_not_ask(name, arguments, tainted):
    tool, call = called(name, **arguments)
    assert decide(tool, call, Situation(tainted=tainted, own="always")).decision == "allow"
    assert decide(tool, call, Situation(tainted=tainted, mode="read-only")).decision == "allow"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("system_volume", {"percent": 30}),
        ("system_volume", {"muted": False}),
        ("system_brightness", {"percent": 0}),
        ("system_close", {"title": "x"}),
        ("clipboard_copy", {"text": "x"}),
        ("selection_replace", {"text": "x"}),
        ("notes_delete", {"note": "x"}),
        ("background_later", {"what": "x", "minutes": 1}),
    ],
)
def test_what_changes_something_asks(name, arguments):
    tool, call = called(name, **arguments)
    assert scopes.changes(tool.scopes, quiet=tool.quiet)
    assert decide(tool, call, Situation(own="never")).decision == "ask"
    assert decide(tool, call, Situation(mode="read-only")).decision == "deny"


def test_reading_is_a_source_and_no_sink():
    for name in ("clipboard_read", "selection_read", "system_windows", "files_read", "screen_look"):
        tool, _ = called(name)
        assert scopes.brings_in(tool.scopes)
        assert not scopes.lets_out(tool.scopes)


def test_titles_of_windows_taint_and_the_battery_does_not():
    for name, kinds in (("system_windows", ["desktop"]), ("system_battery", []), ("system_volume", [])):
        tool, call = called(name)
        assert [origin.kind for origin in of_result(tool, call, marked=False)] == kinds


def test_a_tool_has_no_scope_that_its_skill_does_not_declare(make_skill):
    tools = "def one(x: str) -> str:\n    '''One.\n\n    Args:\n        x: y.\n    '''\n    return x\n"
    tools += tools.replace("one", "two")
    root = make_skill(
        "a", tools, 'files:data screen"\n  deskhand-scopes-one: "screen"\n  deskhand-scopes-two: "network:*'
    )
    loaded = load_skills([(root, "user")])
    assert [tool.scopes for tool in loaded.skills[0].tools] == [("screen",), ("files:data", "screen")]
    assert "does not hold network:*" in loaded.problems[0].text
