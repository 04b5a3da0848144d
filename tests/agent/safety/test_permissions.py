from dataclasses import replace

import pytest

from deskhand.agent.safety.permissions import Permissions, decide
from deskhand.agent.tool import Tool
from deskhand.model.types import ToolCall

TOOL = Tool("notes_append", "notes", "Write.", {}, ("files:data",), bundled=True)
LOOK = Tool("screen_look", "screen", "Look.", {}, ("screen",), bundled=True)
OPEN = Tool("open_application", "open", "Start.", {}, ("apps",), bundled=True)
CALL = ToolCall("c", "notes_append", {"text": "x"})


@pytest.mark.parametrize(
    ("tool", "options", "verdict"),
    [
        (TOOL, {}, "ask"),
        (replace(TOOL, quiet=True), {}, "allow"),
        (TOOL, {"preapproved": ["notes_append"]}, "allow"),
        (TOOL, {"preapproved": ["notes"]}, "allow"),
        (TOOL, {"preapproved": ["note", "notes_list", ""]}, "ask"),
        (TOOL, {"granted": ["notes_append"]}, "allow"),
        (TOOL, {"ask": False}, "deny"),
        (TOOL, {"ask": False, "preapproved": ["notes"]}, "allow"),
        (TOOL, {"screen_shared": True}, "ask"),
        (LOOK, {}, "ask"),
        (LOOK, {"screen_shared": True}, "allow"),
        (replace(LOOK, bundled=False), {"screen_shared": True}, "ask"),
        (replace(LOOK, scopes=("screen", "files:data")), {"screen_shared": True}, "ask"),
    ],
)
def test_decisions(tool, options, verdict):
    assert decide(tool, CALL, **options) == verdict


def test_a_session_grant_covers_the_tool():
    permissions = Permissions()
    permissions.grant_for_session(TOOL, CALL)
    assert permissions.decide(TOOL, replace(CALL, arguments={"text": "y"})) == "allow"
    assert permissions.decide(LOOK, CALL) == "ask"


def test_a_session_grant_to_start_something_covers_exactly_that():
    permissions = Permissions()
    call = ToolCall("c", "open_application", {"name": "vim"})
    permissions.grant_for_session(OPEN, call)
    assert permissions.decide(OPEN, call) == "allow"
    assert permissions.decide(OPEN, replace(call, arguments={"name": "xterm"})) == "ask"


def test_a_denial_names_the_way_out():
    assert "--approve notes_append" in Permissions(ask=False).denial(TOOL)
