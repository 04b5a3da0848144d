import json
import os
import time
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.agent import scopes
from deskhand.agent.events import Answer
from deskhand.agent.safety.grants import Grant, Grants, exactly, pin
from deskhand.agent.safety.permissions import Permissions, Situation, decide, offered, paths_of
from deskhand.agent.tool import Tool
from deskhand.model.types import ToolCall

TOOL = Tool("notes_append", "notes", "Write.", {}, ("files:data",), bundled=True)
LOOK = Tool("screen_look", "screen", "Look.", {}, ("screen",), bundled=True)
OPEN = Tool("open_application", "open", "Start.", {}, ("apps",), bundled=True)
WRITE = Tool("files_write", "files", "Write a file.", {}, ("files:write",), bundled=True)
CALL = ToolCall("c", "notes_append", {"text": "x"})


@pytest.mark.parametrize(
    ("tool", "options", "verdict"),
    [
        (TOOL, {}, "ask"),
        (replace(TOOL, quiet=True), {}, "allow"),
        (replace(OPEN, quiet=True), {}, "ask"),
        (TOOL, {"preapproved": {"notes_append"}}, "allow"),
        (TOOL, {"preapproved": {"notes"}}, "allow"),
        (TOOL, {"preapproved": {"note", "notes_list", ""}}, "ask"),
        (TOOL, {"asks": False}, "deny"),
        (TOOL, {"asks": False, "preapproved": {"notes"}}, "allow"),
        (TOOL, {"screen_shared": True}, "ask"),
        (LOOK, {}, "ask"),
        (LOOK, {"screen_shared": True}, "allow"),
        (replace(LOOK, bundled=False), {"screen_shared": True}, "ask"),
        (replace(LOOK, scopes=("screen", "files:data")), {"screen_shared": True}, "ask"),
        (TOOL, {"tainted": True, "preapproved": {"notes"}}, "ask"),
        (TOOL, {"tainted": True, "preapproved": {"notes"}, "asks": False}, "deny"),
        (replace(TOOL, scopes=("later",)), {"tainted": True, "preapproved": {"notes"}}, "ask"),
        (replace(TOOL, scopes=("notify",)), {"tainted": True, "preapproved": {"notes"}}, "ask"),
        (replace(TOOL, quiet=True), {"tainted": True}, "allow"),
        (LOOK, {"tainted": True, "preapproved": {"screen"}}, "allow"),
        (replace(TOOL, adds=True), {"own": "never"}, "allow"),
        (replace(TOOL, adds=True), {"own": "never", "tainted": True}, "ask"),
        (replace(TOOL, adds=True), {"own": "never", "mode": "read-only"}, "deny"),
        (replace(TOOL, adds=True, bundled=False), {"own": "never"}, "ask"),
        (TOOL, {"own": "never"}, "ask"),
        (replace(OPEN, adds=True), {"own": "never"}, "ask"),
        (OPEN, {"tainted": True, "preapproved": {"open"}}, "ask"),
        (OPEN, {"tainted": True, "preapproved": {"open"}, "asks": False}, "deny"),
        (OPEN, {"mode": "read-only", "preapproved": {"open"}}, "deny"),
        (TOOL, {"mode": "read-only"}, "deny"),
        (replace(TOOL, quiet=True), {"mode": "read-only"}, "allow"),
        (LOOK, {"mode": "read-only"}, "ask"),
        (WRITE, {"mode": "trusted-folder", "trusted": ("/a",), "paths": ("/a/b/c",)}, "allow"),
        (WRITE, {"mode": "trusted-folder", "trusted": ("/a",), "paths": ("/a/b", "/ab")}, "ask"),
        (WRITE, {"mode": "trusted-folder", "trusted": ("/a",), "paths": ()}, "ask"),
        (WRITE, {"mode": "trusted-folder", "trusted": ("/a",), "paths": ("/a/b",), "tainted": True}, "ask"),
        (replace(WRITE, bundled=False), {"mode": "trusted-folder", "trusted": ("/a",), "paths": ("/a/b",)}, "ask"),
        (
            replace(WRITE, scopes=("files:write", "apps")),
            {"mode": "trusted-folder", "trusted": ("/a",), "paths": ("/a/b",)},
            "ask",
        ),
        (replace(TOOL, scopes=("nonsense",)), {"tainted": True, "preapproved": {"notes"}}, "ask"),
    ],
)
def test_decisions(tool, options, verdict):
    made = Situation(**{**options, "preapproved": frozenset(options.get("preapproved", ()))})
    decided = decide(tool, CALL, made)
    assert decided.decision == verdict
    assert decided.reason


def test_a_denial_names_the_way_out():
    assert "--approve notes_append" in decide(TOOL, CALL, Situation(asks=False)).reason
    tainted = decide(OPEN, CALL, Situation(asks=False, tainted=True)).reason
    assert "--approve" not in tainted
    assert "window" in tainted


TOOLS = [TOOL, LOOK, OPEN, WRITE, replace(TOOL, quiet=True)] + [
    Tool(f"t_{index}", "s", "D.", {}, (scope,), quiet=index % 2 == 0, bundled=index % 3 == 0)
    for index, scope in enumerate(
        ["network:*", "mcp:time", "clipboard:write", "scripts", "input", "system", "files:read"]
    )
]
tools = st.sampled_from(TOOLS)
calls = st.builds(
    ToolCall,
    st.just("c"),
    st.sampled_from([tool.name for tool in TOOLS]),
    st.dictionaries(st.sampled_from(["path", "text", "url"]), st.sampled_from(["/a/x", "/a/y", "hello", "/b"])),
)
answers = st.lists(st.tuples(tools, calls, st.sampled_from(list(Answer)), st.booleans()), max_size=12)
situations = st.builds(
    Situation,
    tainted=st.booleans(),
    grants=st.lists(
        st.builds(
            lambda tool, effect, arguments, folder, expires: Grant(
                tool.name, pin(tool), effect, arguments, folder, 0.0, expires, "abc"
            ),
            tools,
            st.sampled_from(["allow", "deny"]),
            st.sampled_from(["", exactly(CALL), "{}"]),
            st.sampled_from(["", "/a"]),
            st.sampled_from([float("inf"), 50.0, 150.0]),
        ),
        max_size=5,
    ).map(tuple),
    preapproved=st.frozensets(st.sampled_from([tool.name for tool in TOOLS] + ["s", "notes", "open"])),
    mode=st.sampled_from(["ask", "trusted-folder", "read-only"]),
    trusted=st.sampled_from([(), ("/a",), ("/",)]),
    paths=st.sampled_from([(), ("/a/x",), ("/b",)]),
    asks=st.booleans(),
    screen_shared=st.booleans(),
    now=st.sampled_from([0.0, 100.0]),
)


@given(tools, calls, situations)
def test_no_sink_runs_unasked_while_tainted(tool, call, situation):
    decided = decide(tool, call, replace(situation, tainted=True)).decision
    if scopes.lets_out(tool.scopes):
        assert decided in {"ask", "deny"}


@given(answers, tools, calls)
def test_no_sequence_of_answers_lets_a_sink_run_unasked_while_tainted(given_before, tool, call):
    permissions = Permissions()
    for other, asked, answer, tainted in given_before:
        grant = offered(other, asked, permissions.situation(asked, tainted=tainted), answer)
        if grant:
            assert not (tainted and scopes.lets_out(other.scopes))
            permissions.remember(grant)
    verdict = decide(tool, call, permissions.situation(call, tainted=True))
    assert not scopes.lets_out(tool.scopes) or verdict.decision == "ask"


@given(tools, calls, situations)
def test_what_is_forbidden_never_runs(tool, call, situation):
    rule = Grant(tool.name, effect="deny", id="abc")
    verdict = decide(tool, call, replace(situation, grants=(*situation.grants, rule)))
    assert verdict.decision == "deny"
    assert "grants revoke" in verdict.reason


@given(tools, calls, situations)
def test_decisions_are_deterministic_and_change_nothing(tool, call, situation):
    before = repr((tool, call, situation))
    assert decide(tool, call, situation) == decide(tool, call, situation)
    assert repr((tool, call, situation)) == before


@given(tools, calls, situations)
def test_taking_things_away_never_allows_more(tool, call, situation):
    if decide(tool, call, replace(situation, grants=(), preapproved=frozenset(), trusted=())).decision == "allow":
        assert decide(tool, call, replace(situation, grants=())).decision == "allow"


@given(tools, calls, st.sampled_from([Answer.SESSION, Answer.ALWAYS]))
def test_what_is_granted_then_runs_for_that_very_call(tool, call, answer):
    permissions = Permissions()
    call = replace(call, name=tool.name)
    grant = offered(tool, call, permissions.situation(call), answer)
    if "scripts" in tool.scopes and answer is Answer.ALWAYS:
        assert grant is None
        return
    assert grant is not None
    permissions.remember(grant)
    assert decide(tool, call, permissions.situation(call)).decision == "allow"


def granted(permissions, tool, call, answer):
    permissions.remember(offered(tool, call, permissions.situation(call), answer))


def test_a_session_grant_covers_the_tool_that_only_touches_its_own():
    permissions = Permissions()
    granted(permissions, TOOL, CALL, Answer.SESSION)
    other = replace(CALL, arguments={"text": "y"})
    assert decide(TOOL, other, permissions.situation(other)).decision == "allow"
    assert decide(LOOK, CALL, permissions.situation(CALL)).decision == "ask"
    permissions.forget()
    assert decide(TOOL, other, permissions.situation(other)).decision == "ask"


def test_a_grant_for_a_sink_covers_exactly_that():
    permissions = Permissions()
    call = ToolCall("c", "open_application", {"name": "vim"})
    granted(permissions, OPEN, call, Answer.SESSION)
    assert decide(OPEN, call, permissions.situation(call)).decision == "allow"
    other = replace(call, arguments={"name": "xterm"})
    assert decide(OPEN, other, permissions.situation(other)).decision == "ask"


def test_always_for_a_foreign_tool_covers_exactly_that():
    foreign = replace(TOOL, bundled=False)
    grant = offered(foreign, CALL, Situation(), Answer.ALWAYS)
    assert grant is not None
    assert json.loads(grant.arguments) == {"text": "x"}
    assert offered(TOOL, CALL, Situation(), Answer.ALWAYS).arguments == ""


def test_a_file_tool_is_granted_for_the_folder_and_links_do_not_lead_out(tmp_path):
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (inside / "link").symlink_to(outside)
    permissions = Permissions()

    def decided(*paths: Path | str) -> str:
        call = ToolCall("c", "files_write", {"paths": [str(path) for path in paths]})
        return decide(WRITE, call, permissions.situation(call)).decision

    granted(permissions, WRITE, ToolCall("c", "files_write", {"path": str(inside / "a")}), Answer.SESSION)
    assert decided(inside / "b") == "allow"
    assert decided(inside / "sub" / ".." / "c") == "allow"
    assert decided(inside / "link" / "x") == "ask"
    assert decided(inside / ".." / "out" / "x") == "ask"
    assert decided(inside / "b", outside / "x") == "ask"
    assert decided("b") == "ask"
    assert decided() == "ask"
    assert decided("/\0") == "ask"


def test_paths_in_two_folders_are_granted_exactly():
    call = ToolCall("c", "files_write", {"source": "/a/x", "target": "/etc/y"})
    grant = offered(WRITE, call, Situation(paths=paths_of(call)), Answer.ALWAYS)
    assert (grant.folder, grant.arguments) == ("", exactly(call))


def test_a_tool_that_changed_is_asked_about_again():
    permissions = Permissions()
    granted(permissions, TOOL, CALL, Answer.SESSION)
    for changed in (replace(TOOL, description="Do."), replace(TOOL, scopes=()), replace(TOOL, skill="other")):
        assert decide(changed, CALL, permissions.situation(CALL)).decision == "ask"


def test_what_is_kept_survives_expires_and_is_revoked_at_once(tmp_path):
    file = tmp_path / "deep" / "grants.json"
    one, two = Permissions(grants=Grants(file)), Permissions(grants=Grants(file))
    granted(one, TOOL, CALL, Answer.ALWAYS)
    assert file.stat().st_mode & 0o777 == 0o600
    situation = two.situation(CALL)
    assert decide(TOOL, CALL, situation).decision == "allow"
    assert decide(TOOL, CALL, replace(situation, now=time.time() + 29 * 86_400)).decision == "allow"
    assert decide(TOOL, CALL, replace(situation, now=time.time() + 31 * 86_400)).decision == "ask"
    (kept,) = Grants(file).all()
    assert Grants(file).revoke(kept.id) == kept
    assert Grants(file).revoke(kept.id) is None
    assert decide(TOOL, CALL, two.situation(CALL)).decision == "ask"


def test_what_is_forbidden_on_disk_comes_before_a_session_grant(tmp_path):
    grants = Grants(tmp_path / "grants.json")
    permissions = Permissions(["notes"], grants=grants)
    granted(permissions, TOOL, CALL, Answer.SESSION)
    rule = grants.add(Grant("notes_append", effect="deny"))
    assert decide(TOOL, CALL, permissions.situation(CALL)).decision == "deny"
    grants.revoke(rule.id)
    assert decide(TOOL, CALL, permissions.situation(CALL)).decision == "allow"


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", '{"version": 9, "grants": []}', '{"version": 1, "grants": [{"x": 1}]}']
)
def test_a_damaged_file_grants_nothing(tmp_path, damage):
    file = tmp_path / "grants.json"
    permissions = Permissions(grants=Grants(file))
    granted(permissions, TOOL, CALL, Answer.ALWAYS)
    file.write_text(damage)
    assert decide(TOOL, CALL, permissions.situation(CALL)).decision == "ask"


def test_a_trusted_folder_counts_in_its_own_mode_alone_and_from_the_next_call_on(tmp_path):
    permissions = Permissions(trusted=[tmp_path])
    call = ToolCall("c", "files_write", {"path": str(tmp_path / "a")})

    def decided() -> str:
        return decide(WRITE, call, permissions.situation(call)).decision

    assert decided() == "ask"
    permissions.mode = "trusted-folder"
    assert decided() == "allow"
    permissions.trust([])
    assert decided() == "ask"
    permissions.mode = "read-only"
    assert decided() == "deny"


ADD = replace(TOOL, adds=True)
TIMER = replace(ADD, name="clock_set_timer", skill="clock")
DELETE = replace(TOOL, name="notes_delete")


@pytest.mark.parametrize(("own", "asked"), [("always", 4), ("session", 1), ("never", 0)])
def test_what_adds_to_the_persons_own_is_asked_about_as_often_as_the_setting_says(own, asked):
    permissions, count = Permissions(own=own), 0
    for tool in (ADD, ADD, TIMER, TIMER):
        call = ToolCall("c", tool.name, {"text": str(count)})
        situation = permissions.situation(call)
        if decide(tool, call, situation).decision == "ask":
            count += 1
            grant = offered(tool, call, situation, Answer.ONCE)
            if grant:
                permissions.remember(grant)
    assert count == asked


def test_f10_no_grant_counts_for_what_changes_the_persons_own_once_others_words_were_read():
    """F10: a note, a timer's label, a deletion ask again with their arguments, whatever was granted."""
    for tool in (ADD, TIMER, DELETE):
        for answer in (Answer.ONCE, Answer.SESSION, Answer.ALWAYS):
            permissions = Permissions([tool.name], own="never")
            call = replace(CALL, name=tool.name)
            permissions.remember(Grant(tool.name, pin(tool)))
            permissions.remember(Grant(tool.name, own=True))
            assert decide(tool, call, permissions.situation(call)).decision == "allow"
            tainted = permissions.situation(call, tainted=True)
            assert decide(tool, call, tainted).decision == "ask"
            assert offered(tool, call, tainted, answer) is None


def test_f10_what_a_yes_covers_is_said_in_words():
    """F10: the request carries what “session” and “always” would cover."""
    said = {
        tool.name: offered(tool, CALL, Situation(own="always"), Answer.ALWAYS).words for tool in (ADD, TIMER, DELETE)
    }
    assert said == {
        "notes_append": "any note you append",
        "clock_set_timer": "any timer or reminder you set, with any words",
        "notes_delete": "deleting any of your notes",
    }
    assert offered(ADD, CALL, Situation(), Answer.SESSION).words.startswith("any note, timer or reminder")
    foreign = replace(TOOL, name="a_b", bundled=False)
    assert offered(foreign, CALL, Situation(), Answer.SESSION).words == "a_b with any arguments"
    assert offered(foreign, CALL, Situation(), Answer.ALWAYS).words == 'exactly this call: a_b {"text": "x"}'


def test_one_grant_of_a_session_is_taken_back_and_the_others_stay():
    permissions = Permissions()
    granted(permissions, TOOL, CALL, Answer.SESSION)
    call = ToolCall("c", "open_application", {"name": "gedit"})
    granted(permissions, OPEN, call, Answer.SESSION)
    first, second = permissions.session
    assert permissions.revoke(first.id) == first
    assert permissions.revoke(first.id) is None
    assert permissions.session == (second,)
    assert decide(TOOL, CALL, permissions.situation(CALL)).decision == "ask"
    assert decide(OPEN, call, permissions.situation(call)).decision == "allow"


def test_a_page_is_granted_for_its_host_and_only_that():
    tool = Tool("web_fetch", "web", "Fetch.", {}, ("network:*",), bundled=True)
    here = ToolCall("c", "web_fetch", {"url": "https://example.org/a?b=c"})
    granted = offered(tool, here, Situation(now=1), Answer.SESSION)
    assert granted.words == "any page of example.org"
    for url, verdict in (
        ("https://EXAMPLE.org/other", "allow"),
        ("https://www.example.org/", "ask"),
        ("https://example.org.evil.test/", "ask"),
        ("https://example.org@evil.test/", "ask"),
        ("file:///etc/passwd", "ask"),
    ):
        call = ToolCall("c", "web_fetch", {"url": url})
        assert decide(tool, call, Situation(grants=(granted,), now=2)).decision == verdict, url
        assert decide(tool, call, Situation(grants=(granted,), tainted=True, now=2)).decision == "ask"
    assert offered(tool, here, Situation(tainted=True), Answer.SESSION) is None
    assert offered(replace(tool, bundled=False), here, Situation(), Answer.SESSION).arguments


def test_a_folder_is_granted_in_whatever_form_its_name_is_given(tmp_path):
    """Reports 21 and 22: the path that is asked about is the one on the disk, and its words can be sent."""
    for name, typed in ((os.fsdecode(b"na\xefve"), "na\\xefve"), (unicodedata.normalize("NFD", "Müller"), "Müller")):
        (tmp_path / name).mkdir()
        call = ToolCall("c", WRITE.name, {"path": str(tmp_path / typed / "a.txt"), "text": "x"})
        assert paths_of(call) == (str(tmp_path / name / "a.txt"),)
        grant = offered(WRITE, call, Situation(paths=paths_of(call)), Answer.ALWAYS)
        assert grant.covers(WRITE, call, paths_of(call), 0.0)
        assert grant.words.encode()
