import pytest

from deskhand.agent import scopes
from deskhand.agent.scopes import KINDS, ScopeError

EVERY = [
    "screen", "microphone", "files:data", "files:read", "files:write", "files:read:/home/ann/a b", "files:write:/x",
    "network:example.org", "network:a-b.example.org:8443", "network:*", "input", "clipboard:read", "clipboard:write",
    "apps", "system", "scripts", "mcp:time", "mcp-read:time", "notify", "watch", "later",
    "windows", "devices",
]  # fmt: skip


@pytest.mark.parametrize("scope", EVERY)
def test_every_scope_can_be_read_and_said(scope):
    found = scopes.parse(scope)
    assert scope in {found.name, f"{found.name}:{found.detail}"}
    assert scopes.words(scope) == found.words
    assert found.detail in {"", "*"} or found.detail in found.words


def test_every_kind_is_among_them():
    assert {scopes.parse(scope).name for scope in EVERY} == set(KINDS)


@pytest.mark.parametrize(
    "scope",
    ["", "files", "files:", "files:all", "screen:1", "screen:", "files:read:", "files:read:relative",
     "files:write:/a/../b", "files:write:/a\u202eb", "network", "network:", "network:Example.org", "network:a b",
     "network:-a.org", "network:a/b", "mcp", "mcp:", "mcp:a b", "mcp:read:x", "mcp-read", "apps ", "Screen",
     "files:database"],
)  # fmt: skip
def test_what_is_no_scope_is_refused_and_counts_as_the_worst(scope):
    with pytest.raises(ScopeError, match="It asks for"):
        scopes.parse(scope)
    assert scopes.brings_in([scope])
    assert scopes.lets_out([scope])
    assert scopes.words(scope) == scope


@pytest.mark.parametrize("scope", ["apps", "input", "system", "windows", "devices"])
def test_what_acts_on_the_desktop_is_for_bundled_skills_only(scope):
    assert scopes.declared(scope, bundled=True).name == scope
    with pytest.raises(ScopeError, match="came with Deskhand"):
        scopes.declared(scope, bundled=False)


def test_no_skill_may_pose_as_a_server():
    for bundled in (True, False):
        with pytest.raises(ScopeError, match="that server"):
            scopes.declared("mcp:time", bundled=bundled)


@pytest.mark.parametrize(
    ("scope", "source", "sink"),
    [
        ("screen", True, False),
        ("files:data", False, False),
        ("files:read:/a", True, False),
        ("files:write:/a", False, True),
        ("network:example.org", True, True),
        ("clipboard:read", True, False),
        ("clipboard:write", False, True),
        ("input", False, True),
        ("apps", False, True),
        ("mcp:time", True, True),
        ("scripts", True, True),
        ("notify", False, False),
    ],
)
def test_directions(scope, source, sink):
    assert scopes.brings_in([scope]) is source
    assert scopes.lets_out([scope]) is sink
    assert scopes.brings_in(["files:data", scope]) is source
