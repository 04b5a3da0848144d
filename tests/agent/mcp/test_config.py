"""The configuration file: what other programs write works, what is broken is said, what is ours can't be given away."""

import argparse
import json
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.agent.mcp import box, config, entries
from deskhand.agent.mcp.errors import ConfigError
from deskhand.app import settings
from deskhand.app.commands import mcp


def read(tmp_path, *private, **entries):
    file = tmp_path / "mcp.json"
    file.write_text(json.dumps({"mcpServers": entries}))
    return config.read(file, private)


def test_what_other_programs_write_is_read(tmp_path):
    found = read(
        tmp_path,
        plain={"command": "npx", "args": ["-y", "x"], "env": {"A": "b"}, "autoApprove": ["x"], "type": "stdio"},
        off={"command": "x", "disabled": True},
        web={"url": "https://example.org/mcp", "headers": {"Authorization": "Bearer ${TOKEN}"}, "type": "http"},
        near={"url": "http://127.0.0.1:9/mcp"},
    )
    assert found.problems == {}
    plain, off, web, near = found.servers
    assert (plain.name, plain.entry.args, plain.remote) == ("plain", ("-y", "x"), False)
    assert plain.entry.access == config.Access()
    assert off.entry.disabled
    assert (web.remote, web.host) == (True, "example.org")
    assert (near.remote, near.host) == (True, "")


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({}, "needs either a command or a url"),
        ({"command": "a", "url": "https://b.org"}, "needs either a command or a url"),
        ({"url": "http://example.org"}, "must begin with https://"),
        ({"url": "https://a:b@example.org"}, "a password belongs into headers"),
        ({"url": "file:///etc/passwd"}, "must begin with https://"),
        ({"url": "https://x.org", "type": "websocket"}, "is none that Deskhand speaks"),
        ({"command": "a", "args": "b"}, "args: "),
        ({"command": "a\0b"}, "NUL"),
        ({"command": "a", "deskhand": {"raed": ["/tmp"]}}, "deskhand.raed: "),
        ({"command": "a", "deskhand": {"read": ["relative"]}}, "must begin with / or ~"),
        ({"command": "a", "deskhand": {"write": ["/x/.."]}}, "the whole disk can't be given"),
        ("text", "can't be used"),
        (None, "can't be used"),
    ],
)
def test_a_broken_entry_is_said_and_stops_no_other(tmp_path, entry, problem):
    found = read(tmp_path, bad=entry, good={"command": "a"})
    assert [server.name for server in found.servers] == ["good"]
    assert problem in found.problems["bad"]
    assert found.problems["bad"].startswith("The MCP server bad can't be used")


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("awslabs.core-mcp-server", "awslabs-core-mcp-server"),
        ("a b", "a-b"),
        ("../x", "x"),
        ("-x", "x"),
        ("io.github.user/tool", "io-github-user-tool"),
        ("@scope/pkg", "scope-pkg"),
        ("", "server-e3b0c442"),
        ("天气", "server-5a8f7f54"),
        ("x" * 33, "x" * 23 + "-"),
        ("a_b", "a_b"),
    ],
)
def test_any_name_works_under_one_that_is_a_folder_and_a_word(tmp_path, name, ours):
    """Report E4."""
    found = read(tmp_path, **{name: {"command": "a"}})
    assert found.problems == {}
    (server,) = found.servers
    assert entries.NAME.fullmatch(server.name)
    assert server.name.startswith(ours[:7] if ours.startswith("server-") else ours)
    assert server.given == ("" if server.name == name else name)


@given(st.lists(st.text(st.sampled_from("ab-_. /天"), max_size=40), unique=True))
def test_no_two_servers_share_a_name(names):
    made = entries.names(names)
    assert list(made) == names
    assert len(set(made.values())) == len(names)
    assert all(entries.NAME.fullmatch(name) for name in made.values())


def test_the_words_of_other_programs_are_understood(tmp_path):
    """Report E4."""
    found = read(
        tmp_path,
        a={
            "type": "STDIO",
            "command": "a",
            "args": ["-p", 8080, True, 1.5],
            "env": {"N": 1, "T": False, "X": None},
        },
        b={"type": "local", "command": ["npx", "-y", "b"], "environment": {"A": "b"}, "enabled": True},
        c={"type": "streamable-http", "url": "https://c.example"},
        d={"type": "sse", "url": "https://d.example", "headers": {"N": 1}},
        e={"httpUrl": "https://e.example", "command": None},
        f={"command": "npx -y f"},
        g={"command": "g", "enabled": False},
        h={"command": "h", "disabled": True},
        i={"command": "i", "isActive": False},
    )
    assert found.problems == {}
    by_name = {server.name: server.entry for server in found.servers}
    assert by_name["a"].args == ("-p", "8080", "true", "1.5")
    assert by_name["a"].env == {"N": "1", "T": "false"}
    assert (by_name["b"].command, by_name["b"].args, by_name["b"].env) == ("npx", ("-y", "b"), {"A": "b"})
    assert [by_name[name].kind for name in "abcd"] == ["stdio", "stdio", "http", "sse"]
    assert by_name["d"].headers == {"N": "1"}
    assert by_name["e"].url == "https://e.example"
    assert (by_name["f"].command, by_name["f"].args) == ("npx", ("-y", "f"))
    assert [name for name, entry in by_name.items() if entry.disabled] == ["g", "h", "i"]


@pytest.mark.parametrize(
    "text",
    [
        '{"servers": {"a": {"command": "a"}}}',
        '{"mcp": {"servers": {"a": {"command": "a"}}}, "editor.tabSize": 4}',
        '{"mcp.servers": {"a": {"command": "a"}}}',
        '{"context_servers": {"a": {"command": "a"}}}',
        '{"mcp": {"a": {"command": ["a"], "type": "local"}}}',
        '{"a": {"command": "a"}}',
        '// mine\n{"mcpServers": {/* "b": {} */ "a": {"command": "a", "args": ["//x", "/*y*/,]",],}, // z\n},}\n',
        '\ufeff{"mcpServers": {"a": {"command": "a"}}}',
    ],
)
def test_the_files_of_other_programs_are_read(tmp_path, text):
    """Report E4."""
    file = tmp_path / "mcp.json"
    file.write_text(text)
    (server,) = config.read(file).servers
    assert (server.name, server.entry.command) == ("a", "a")
    if "//x" in text:
        assert server.entry.args == ("//x", "/*y*/,]")
        with pytest.raises(ConfigError, match="holds comments"):
            config.put(file, "b", {"command": "b"})
        assert file.read_text() == text
    else:
        config.put(file, "b", {"command": "b"})
        assert [each.name for each in config.read(file).servers] == ["a", "b"]
    file.write_bytes(text.replace("\ufeff", "").encode("utf-16"))
    assert [each.name for each in config.read(file).servers] == ["a"]


def test_a_server_is_removed_by_either_of_its_names(tmp_path):
    file = tmp_path / "mcp.json"
    for name in ("a.b/c", "a-b-c"):
        file.write_text('{"mcpServers": {"a.b/c": {"command": "a"}}}')
        assert config.put(file, name, None) is True
        assert config.read(file).servers == ()


def test_our_own_files_can_not_be_given(tmp_path):
    own = tmp_path / "data" / "deskhand"
    own.mkdir(parents=True)
    (tmp_path / "link").symlink_to(own)
    for folder in (own, own / "history", tmp_path / "data", tmp_path, tmp_path / "link"):
        found = read(tmp_path, own, bad={"command": "a", "deskhand": {"read": [str(folder)]}})
        assert "Deskhand keeps its own files" in found.problems["bad"], folder
    assert not read(tmp_path, own, good={"command": "a", "deskhand": {"read": [str(tmp_path / "beside")]}}).problems


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "is not JSON"),
        ("[]", "must hold an object"),
        ('{"mcpServers": []}', "must be an object"),
        ("[" * 9999, "JSON"),
    ],
)
def test_a_broken_file_is_said(tmp_path, text, problem):
    file = tmp_path / "mcp.json"
    file.write_text(text)
    with pytest.raises(ConfigError, match=problem):
        config.read(file)


def test_an_empty_and_a_missing_file_hold_no_server(tmp_path):
    assert config.read(tmp_path / "none").servers == ()
    (tmp_path / "empty").write_text("\n")
    assert config.read(tmp_path / "empty").servers == ()


def test_writing_keeps_what_is_not_ours(tmp_path):
    file = tmp_path / "folder" / "mcp.json"
    assert config.put(file, "a", {"command": "x"}) is False
    whole = json.loads(file.read_text())
    file.write_text(json.dumps({"theirs": 1, **whole}))
    assert config.put(file, "a", {"command": "y"}) is True
    assert config.put(file, "b", {"command": "z"}) is False
    assert config.put(file, "a", None) is True
    assert config.put(file, "a", None) is False
    assert json.loads(file.read_text()) == {"theirs": 1, "mcpServers": {"b": {"command": "z"}}}
    assert file.stat().st_mode & 0o077 == 0
    assert [path.name for path in file.parent.iterdir()] == ["mcp.json"]


def test_a_variable_that_is_not_set_is_named(monkeypatch):
    server = config.checked("a", {"command": "x", "env": {"T": "v-${FOUND}-${env:FOUND}", "U": "${MISSING}"}})
    monkeypatch.setenv("FOUND", "1")
    monkeypatch.delenv("MISSING", raising=False)
    assert server.expanded({"T": server.entry.env["T"]}) == {"T": "v-1-1"}
    assert server.expanded({"T": "${NONE_OF_IT:-else}"}) == {"T": "else"}
    with pytest.raises(ConfigError, match="wants to be given “key”"):
        server.expanded({"T": "${input:key}"})
    with pytest.raises(ConfigError, match="needs the variable MISSING"):
        server.expanded(server.entry.env)


def test_a_granted_folder_that_is_gone_is_said(tmp_path):
    server = config.checked("a", {"command": "true", "deskhand": {"write": [str(tmp_path / "gone")]}})
    with pytest.raises(ConfigError, match="which is not there"):
        box.command(server, tmp_path / "own")


@pytest.mark.parametrize("access", ["read", "write"])
@pytest.mark.parametrize("place", ["granted", "granted/inner", "inner"])
def test_a_link_in_what_is_granted_is_refused_when_it_is_asked_and_when_it_starts(tmp_path, access, place):
    """F9: a server that may write a folder must not lead another one to the person's keys by a link in it."""
    (tmp_path / "keys" / "inner").mkdir(parents=True)
    (tmp_path / "granted" / "inner").mkdir(parents=True)
    (tmp_path / "inner").mkdir()
    entry = {"command": "true", "deskhand": {access: [str(tmp_path / place)]}}
    server = config.checked("a", entry)
    link = tmp_path / place.split("/")[0]
    link.rename(tmp_path / "moved")
    link.symlink_to(tmp_path / "keys")
    with pytest.raises(ConfigError, match="is a link"):
        box.command(server, tmp_path / "own")
    with pytest.raises(ConfigError, match=f"is a link. Name the folder that it leads to: {tmp_path / 'keys'}"):
        config.checked("a", entry)


def test_what_is_granted_is_bound_as_it_was_opened(tmp_path):
    """F9: also when it is exchanged for a link between the check and the start."""
    for name in ("granted", "written", "keys"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    (tmp_path / "single").write_text("single")
    access = {"read": [str(tmp_path / "granted"), str(tmp_path / "single")], "write": [str(tmp_path / "written")]}
    script = 'cat "$@"; echo new > "$3.new"; echo no > "$1.new"; ls /proc/self/fd; cat "$4"'
    files = [tmp_path / "granted" / "file", tmp_path / "single", tmp_path / "written" / "file"]
    arguments = ["-c", script, "sh", *map(str, files), str(tmp_path / "keys" / "file")]
    server = config.checked("a", {"command": "/bin/sh", "args": arguments, "deskhand": access})
    started = box.command(server, tmp_path / "own")
    for name in ("granted", "written"):
        (tmp_path / name).rename(tmp_path / f"{name}.moved")
        (tmp_path / name).symlink_to(tmp_path / "keys")
    (tmp_path / "single").rename(tmp_path / "single.moved")
    (tmp_path / "single").symlink_to(tmp_path / "keys" / "file")
    process = subprocess.run(
        started.line, env=started.environment, pass_fds=started.descriptors, capture_output=True, text=True, check=False
    )
    started.close()
    assert process.stdout.startswith("grantedsinglewritten")
    assert "keys" not in process.stdout
    assert not set(map(str, started.descriptors)) & set(process.stdout.split())
    assert (tmp_path / "written.moved" / "file.new").read_text() == "new\n"
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == ["file"]
    assert sorted(path.name for path in (tmp_path / "granted.moved").iterdir()) == ["file"]


def test_a_link_of_the_persons_is_kept_as_what_it_leads_to(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "real").mkdir()
    (tmp_path / "Documents").symlink_to(tmp_path / "real")
    parser = argparse.ArgumentParser()
    mcp.describe(parser)
    options = parser.parse_args(["add", "files", "--read", str(tmp_path / "Documents")])
    options.line = ["true"]
    assert mcp.run(options) == 0
    assert config.read(settings.mcp_file()).servers[0].entry.access.read == (tmp_path / "real",)
