"""What the house promises: names once installed, the lock file, the doctor's honesty about set-up."""

from __future__ import annotations

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
