"""What the house promises: names once installed, the lock file, the doctor's honesty about set-up."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from a copy of what git would deliver."""
    source = tmp_path_factory.mktemp("source")
    target = tmp_path_factory.mktemp("wheel")
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, tracked.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            copy = source / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes((ROOT / name).read_bytes())
    command = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", target, source]
    subprocess.run([sys.executable, *command], check=True)
    return zipfile.ZipFile(next(target.glob("*.whl")))


def test_everything_is_installed_under_one_name(wheel: zipfile.ZipFile):
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert tops == {"deskhand", next(top for top in tops if top.endswith(".dist-info"))}


def test_the_wheel_brings_every_room_and_every_skill(wheel: zipfile.ZipFile):
    names = set(wheel.namelist())
    for room in ("app", "agent", "model"):
        assert {f"deskhand/{path.relative_to(ROOT)}" for path in (ROOT / room).rglob("*.py")} <= names
    skills = {f"deskhand/{path.relative_to(ROOT)}" for path in (ROOT / "skills").rglob("SKILL.md")}
    assert len(skills) >= 4
    assert skills <= names


def test_the_lock_names_no_index_and_pins_every_file():
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    assert "index-url" not in lock
    for entry in re.split(r"\n(?=[a-z0-9])", lock[lock.index("\n\n") if "\n\n" in lock else 0 :], flags=re.IGNORECASE):
        if "==" in entry:
            assert "--hash=sha256:" in entry, entry.splitlines()[0]


def test_the_lock_holds_every_direct_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    locked = {
        line.split("==")[0].lower().replace("_", "-")
        for line in (ROOT / "requirements.lock").read_text().splitlines()
        if re.match(r"[A-Za-z0-9]", line)
    }
    for requirement in wanted:
        name = re.match(r"[A-Za-z0-9_.-]+", requirement)
        assert name is not None
        assert name.group().lower().replace("_", "-") in locked


def test_pyside_is_not_the_release_that_aborts():
    lock = (ROOT / "requirements.lock").read_text()
    version = re.search(r"(?m)^pyside6-essentials==(\d+)\.(\d+)", lock)
    assert version is not None
    assert (int(version[1]), int(version[2])) < (6, 12)


SPEAKS_TO_PROGRAMS = {
    "app/terminal.py": "writes for all others",
    "app/main.py": "the last resort, before anything else is imported",
    "app/streams.py": "repairs the streams",
    "app/portaudio.py": "keeps a library quiet",
    "app/practice.py": "a child whose output its parent reads",
    "app/capture/portal.py": "a child whose output its parent reads",
    "app/demo": "a demonstration for developers",
    "agent/safety/netns.py": "a child whose output its parent reads",
    "model/llama/cards.py": "a child whose output its parent reads",
    "model/llama/probe.py": "a child whose output its parent reads",
    "model/pocket": "training, for developers",
}


WRITES = {"print", "input", "sys.stdout.write", "sys.stderr.write", "sys.stdout.buffer.write", "getpass.getpass"}


def test_only_one_place_writes_to_the_terminal():
    """F11: a text of others that is printed anywhere else would reach the terminal as it is."""
    found = []
    for room in ("app", "agent", "model"):
        for path in sorted((ROOT / room).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            if any(name == each or name.startswith(f"{each}/") for each in SPEAKS_TO_PROGRAMS):
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and ast.unparse(node.func) in WRITES:
                    found.append(f"{name}:{node.lineno} {ast.unparse(node.func)}")
                if isinstance(node, ast.Attribute) and ast.unparse(node) in {"terminal.out.raw", "terminal.err.raw"}:
                    found.append(f"{name}:{node.lineno} writes past the check")
    assert found == []


def test_the_x_server_is_reached_in_one_place():
    """Whose a window is and which one gets a key are asked there, so that no second rule grows beside it."""
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "app").rglob("*.py")
        if re.search(r"\bdisplay\.Display\(|get_wm_class\(|translate_coords\(", path.read_text("utf-8"))
    }
    assert found == {"app/x11/connection.py", "app/x11/windows.py", "app/x11/recipient.py", "app/capture/own.py"}
