"""Where others may write, files are opened by `deskhand.agent.directory` alone (F1, F9), or for a reason."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

METHODS = {
    "chmod", "exists", "glob", "hardlink_to", "is_dir", "is_file", "is_symlink", "iterdir", "lchmod", "lstat", "mkdir",
    "open", "read_bytes", "read_text", "readlink", "rename", "rglob", "rmdir", "samefile", "stat", "symlink_to",
    "touch", "unlink", "walk", "write_bytes", "write_text",
}  # fmt: skip
"""Of paths, which follow links on the way at the least."""

OF_OS = METHODS | {"access", "chown", "link", "listdir", "makedirs", "remove", "removedirs", "renames", "replace",
                   "scandir", "symlink", "truncate", "utime"}  # fmt: skip

SAFE = {"Directory", "Pillow", "Picture", "link"}
"""What has a method ``open`` and is given no path of others: pictures in memory, the connection to a server."""

LIBRARIES = {"shutil", "tempfile", "glob", "sqlite3"}

HARMLESS = {"which", "disk_usage", "Error", "OperationalError", "DatabaseError", "Connection", "Row"}
"""Of these libraries what opens no file of others."""

OWN = "a file of ours in the data or settings folder, where no skill and no server may write"
SKILL = "a skill's installed folder, which its tools see read-only"
KERNEL = "/proc and /sys, which the kernel writes"

REASONS = {
    "agent/directory.py": "the safe way itself",
    "agent/folding.py": "finds which name a path means; what it finds is opened by Directory and checked then",
    "agent/private.py": OWN,
    "agent/database.py": OWN,
    "agent/background.py": f"{OWN}: no skill may be called deskhand",
    "agent/taskfiles.py": f"{OWN}: no skill may be called deskhand",
    "agent/safety/audit.py": OWN,
    "agent/safety/grants.py": OWN,
    "agent/safety/kept.py": OWN,
    "agent/skills/consents.py": OWN,
    "agent/skills/secrets.py": OWN,
    "agent/mcp/marks.py": OWN,
    "agent/mcp/pins.py": OWN,
    "agent/mcp/config.py": OWN,
    "agent/mcp/provider.py": OWN,
    "agent/tools/intents.py": f"{OWN}: no skill may be called calendar",
    "agent/tools/folders.py": "makes the folder of a skill, in the data folder, where only we write",
    "agent/mcp/entries.py": "finds programs",
    "agent/mcp/box.py": "makes the folder of a server, likewise, and finds its program",
    "agent/safety/ending.py": KERNEL,
    "agent/safety/watching.py": KERNEL,
    "agent/safety/quota.py": "by descriptors that it opened through Directory; and /proc",
    "agent/safety/sandbox.py": "programs and settings of the system",
    "agent/safety/installation.py": "where a program is installed, for the person to agree to",
    "agent/skills/archives.py": "an archive that the person named, unpacked where nobody else writes",
    "agent/skills/contents.py": SKILL,
    "agent/skills/installing.py": SKILL,
    "agent/skills/loading.py": SKILL,
    "agent/skills/manifest.py": SKILL,
    "agent/skills/signatures.py": SKILL,
    "agent/tools/page.py": SKILL,
    "agent/tools/scripts.py": SKILL,
    "agent/tools/skill_tools.py": SKILL,
    "agent/tools/run_js.py": "finds the program Deno",
    "agent/tools/runner.py": "runs in the box",
    "agent/tools/functions.py": SKILL,
    "agent/safety/netns.py": KERNEL,
    "app/host/opening.py": "a file that we made, given to the person's own program",
    "app/host/files.py": "whether a granted folder is there; what is in it is opened by Directory",
    "app/host/edits.py": "whether something is at the target of a move, which is never replaced",
    "app/permits.py": "whether a folder is there that the person names",
}


def uses(source: str) -> set[str]:
    """Every call in a module that may open, change or look at a file by its path."""
    tree = ast.parse(source)
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in LIBRARIES:
            found |= {f"import {alias.name}" for alias in node.names if alias.name not in HARMLESS}
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id == "open":
            found.add(f"open, line {node.lineno}")
        if isinstance(called, ast.Attribute):
            library = isinstance(called.value, ast.Name) and called.value.id in LIBRARIES
            if library and called.attr not in HARMLESS:
                found.add(f"{called.attr}, line {node.lineno}")
            of_os = isinstance(called.value, ast.Name) and called.value.id == "os"
            by_descriptor = any((keyword.arg or "").endswith("dir_fd") for keyword in node.keywords)
            safe = isinstance(called.value, ast.Name) and called.value.id in SAFE
            if not by_descriptor and not safe and called.attr in (OF_OS if of_os else METHODS):
                found.add(f"{called.attr}, line {node.lineno}")
    return found


MODULES = [
    *sorted(str(path.relative_to(ROOT)) for room in ("agent", "app/host") for path in (ROOT / room).rglob("*.py")),
    "app/permits.py",
]


@pytest.mark.parametrize("module", MODULES)
def test_files_are_opened_by_directory_or_for_a_reason(module: str):
    found = uses((ROOT / module).read_text())
    if module not in REASONS:
        assert not found, f"open it by Directory, or say in REASONS why not: {sorted(found)}"


def test_no_reason_outlives_its_module():
    needless = [name for name in REASONS if not (ROOT / name).exists() or not uses((ROOT / name).read_text())]
    assert needless == []


@pytest.mark.parametrize(
    "source",
    [
        "path.read_text()", "open(path)", "shutil.rmtree(path)", "from shutil import rmtree", "os.open(path, 0)",
        "os.listdir(path)", "(folder / name).unlink()", "Path(x).exists()", "path.rename(other)", "os.replace(a, b)",
    ],
)  # fmt: skip
def test_every_other_way_is_seen(source: str):
    assert uses(source)
    assert not uses("os.open(name, 0, dir_fd=folder)\nDirectory.open(root)\ntext.replace('a', 'b')")
