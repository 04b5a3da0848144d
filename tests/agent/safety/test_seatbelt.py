import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.agent.safety import sandbox, seatbelt


def read_back(text):
    """The profile as nested lists: a reader of the language that knows nothing of how it was written."""
    tokens = re.findall(r'"(?:\\.|[^"\\])*"|[()]|[^\s()"]+', text)
    stack = [[]]
    for token in tokens:
        if token == "(":
            stack.append([])
        elif token == ")":
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(re.sub(r"\\(.)", r"\1", token[1:-1]) if token[0] == '"' else token)
    assert len(stack) == 1
    return stack[0]


def allowed(text, operation):
    """What is named in the rules that allow an operation."""
    return [named for rule in read_back(text) if rule[:2] == ["allow", operation] for named in rule[2:]]


def test_nothing_is_allowed_that_is_not_named():
    rules = read_back(seatbelt.profile(read=[Path("/skill")], write=[Path("/data/mine")]))
    assert rules[:2] == [["version", "1"], ["deny", "default"]]
    assert ["deny", "network*"] in rules
    assert ["deny", "mach-lookup"] in rules
    assert not any(rule[0] == "allow" and rule[1] in {"default", "network*", "mach-lookup"} for rule in rules)


def test_only_the_named_folders_are_written_and_nothing_in_them_runs():
    text = seatbelt.profile(read=[Path("/skill")], write=[Path("/data/mine")])
    assert allowed(text, "file-write*") == [["subpath", "/data/mine"]]
    assert allowed(text, "file-write-data") == [["literal", "/dev/null"]]
    assert ["subpath", "/skill"] in allowed(text, "process-exec")
    assert ["subpath", "/data/mine"] not in allowed(text, "process-exec")
    assert allowed(seatbelt.profile(), "file-write*") == []


def test_nothing_of_the_person_is_read():
    readable = [path for _, path in allowed(seatbelt.profile(read=[Path("/Users/a/skill")]), "file-read*")]
    assert [path for path in readable if path.startswith("/Users")] == ["/Users/a/skill"]
    # No subpath of the root: that would be everything.
    assert ["subpath", "/"] not in allowed(seatbelt.profile(), "file-read*")
    known = [path for _, path in allowed(seatbelt.profile(read=[Path("/Users/a/skill")]), "file-read-metadata")]
    assert known == ["/Users/a", "/Users"]


def test_the_network_only_for_who_may():
    assert ["allow", "network*"] in read_back(seatbelt.profile(network=True))


PARTS = st.text(st.characters(exclude_characters="/\0", exclude_categories=("C", "Z")), min_size=1, max_size=12)


@given(st.lists(PARTS.filter(lambda part: part not in {".", ".."}), min_size=1, max_size=4))
def test_no_path_can_write_a_rule(parts):
    path = "/" + "/".join(parts)
    text = seatbelt.profile(write=[Path(path)])
    assert allowed(text, "file-write*") == [["subpath", path]]
    kinds = [rule[:2] for rule in read_back(text)]
    assert kinds == [rule[:2] for rule in read_back(seatbelt.profile(write=[Path("/plain")]))] or len(parts) != 1


@pytest.mark.parametrize("path", ['/a") (allow default) ("', "/a\\", '/a\\"', "/a b"])
def test_quotes_and_backslashes_stay_in_the_path(path):
    assert allowed(seatbelt.profile(write=[Path(path)]), "file-write*") == [["subpath", path]]


@pytest.mark.parametrize("path", ["relative", "/a/../b", "/a\nb", "/a\0b", "/a\u202eb"])
def test_a_path_that_no_rule_can_name_is_refused(path):
    with pytest.raises(seatbelt.ProfileError, match="No sandbox"):
        seatbelt.profile(write=[Path(path)])


def test_the_program_follows_the_profile():
    made = seatbelt.command(["/usr/bin/true", "-x"])
    assert (made[:2], made[3:]) == (["/usr/bin/sandbox-exec", "-p"], ["/usr/bin/true", "-x"])


@pytest.mark.parametrize("system", ["darwin", "win32", "freebsd14"])
def test_other_systems_without_a_box_that_works_are_refused(monkeypatch, system):
    monkeypatch.setattr("sys.platform", system)
    sandbox.status.cache_clear()
    told = sandbox.status()
    monkeypatch.undo()
    sandbox.status.cache_clear()
    assert not told.works
    assert "others not at all" in told.text


def test_what_is_hidden_is_denied_after_it_was_allowed_and_what_of_it_is_named_after_that():
    """F2: the last rule that matches counts."""
    lines = seatbelt.profile(
        read=["/Users/ann/x"], write=["/Users/ann/ours/mcp/a"], hide=["/Users/ann/ours"]
    ).splitlines()
    denied = lines.index('(deny file-read* file-write* process-exec (subpath "/Users/ann/ours"))')
    assert any('"/Users/ann/ours/mcp/a"' in line for line in lines[:denied])
    assert '(allow file-read* (subpath "/Users/ann/ours/mcp/a"))' in lines[denied:]
    assert '(allow file-write* (subpath "/Users/ann/ours/mcp/a"))' in lines[denied:]
    assert not any('"/Users/ann/x"' in line for line in lines[denied:])
