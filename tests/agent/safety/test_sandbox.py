import os
import socket
import subprocess

import pytest

from deskhand.agent.safety import sandbox


def test_the_sandbox_works_on_this_machine_and_says_so():
    assert sandbox.status() == sandbox.Status(
        works=True, text="Tools run in bubblewrap, without network and with their own folder only."
    )


def test_only_what_is_named_can_be_written(tmp_path):
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    for folder in (mine, theirs):
        folder.mkdir()
    script = "import sys; [open(p + '/x', 'w') for p in sys.argv[1:]]"
    command = [str(sandbox.interpreter()), "-I", "-S", "-c", script]
    ok = subprocess.run(sandbox.wrap([*command, str(mine)], write=[mine]), capture_output=True, check=False)
    assert ok.returncode == 0
    no = subprocess.run(sandbox.wrap([*command, str(theirs)], read=[theirs]), capture_output=True, check=False)
    assert b"Read-only file system" in no.stderr
    assert [path.name for path in tmp_path.rglob("x")] == ["x"]


def test_installed_libraries_can_be_imported(tmp_path):
    code = f"import sys; sys.path += {[str(path) for path in sandbox.libraries()]!r}; import yaml"
    command = [str(sandbox.interpreter()), "-I", "-S", "-c", code]
    assert subprocess.run(sandbox.wrap(command), check=False).returncode == 0


def test_only_a_box_that_may_has_the_network_of_the_machine():
    code = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])), 5)"
    with socket.create_server(("127.0.0.1", 0)) as server:
        command = [str(sandbox.interpreter()), "-I", "-S", "-c", code, str(server.getsockname()[1])]
        assert subprocess.run(sandbox.wrap(command, network=True), check=False).returncode == 0
        assert b"refused" in subprocess.run(sandbox.wrap(command), capture_output=True, check=False).stderr


def test_an_inherited_environment_is_on_no_command_line(monkeypatch):
    monkeypatch.setenv("MINE", "not inherited")
    command = sandbox.wrap(["/usr/bin/env"], inherit=True)
    assert "--setenv" not in command
    ran = subprocess.run(command, env={"TOKEN": "abc"}, capture_output=True, check=True)
    assert set(ran.stdout.decode().split()) <= {"TOKEN=abc", "PWD=/"}


def test_without_bwrap_nothing_is_wrapped(monkeypatch):
    monkeypatch.setattr(sandbox, "find", lambda: None)
    with pytest.raises(FileNotFoundError):
        sandbox.wrap(["/bin/true"])


@pytest.mark.parametrize("problem", ["missing", "refused", "other system"])
def test_a_machine_without_a_box_is_told_what_to_do(problem, monkeypatch, tmp_path):
    probe = sandbox.status.__wrapped__
    if problem == "missing":
        monkeypatch.setattr(sandbox, "find", lambda: None)
        expected = "apt-get install bubblewrap"
    elif problem == "refused":
        fake = tmp_path / "bwrap"
        fake.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
        fake.chmod(0o755)
        monkeypatch.setattr(sandbox, "find", lambda: fake)
        expected = "No permissions to create new namespace"
    else:
        monkeypatch.setattr(sandbox.sys, "platform", "darwin")
        expected = "plain process"
    status = probe()
    assert not status.works
    assert expected in status.text


def test_the_system_bwrap_is_found_when_the_package_is_not(monkeypatch, tmp_path):
    (tmp_path / "bwrap").write_text("")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setattr(sandbox.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert sandbox.find() == tmp_path / "bwrap"
