"""The network of a box that may use one: its own, carried by slirp4netns, or else the machine's.

In a network of its own a box finds none of the services that this machine offers to itself alone: databases,
development servers, printers, other programs' consoles. docs/adr/0034 says why slirp4netns, and what it does not close.
"""

from __future__ import annotations

import shutil
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from deskhand.agent.safety import sandbox, seccomp


class Status(NamedTuple):
    """Whether a box with network gets one of its own on this machine.

    Attributes:
        works: a program was really run in one.
        text: what holds, and if it does not work why not and what to do.
    """

    works: bool
    text: str


@lru_cache(maxsize=1)
def status() -> Status:
    """Run a program in a box with a network of its own, once, and say whether it works."""
    shared = "MCP servers that may use the network reach services on this machine too"
    if not sandbox.status().works:
        return Status(works=False, text="There is no sandbox, so MCP servers do not start.")
    slirp = shutil.which("slirp4netns")
    if slirp is None:
        return Status(works=False, text=f"{shared}: slirp4netns is not installed.")
    command = sandbox.wrap([str(sandbox.interpreter()), "-I", "-S", "-c", "pass"], network=Path(slirp))
    try:
        tried = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=20, check=False)
        problem = tried.stderr.decode(errors="replace").strip()[-200:] if tried.returncode else ""
    except (OSError, subprocess.TimeoutExpired) as error:
        problem = str(error)[:200]
    if problem:
        return Status(works=False, text=f"{shared}: slirp4netns does not work here ({problem}).")
    return Status(works=True, text="MCP servers that may use the network get one of their own, without this machine's.")


def chosen(asked: bool | str) -> Path | bool:
    """What `sandbox.wrap` takes for a box that may use the network; a text asks for this machine's own services too."""
    found = shutil.which("slirp4netns") if asked is True and status().works else None
    return Path(found) if found else bool(asked)


def words(asked: bool | str) -> str:
    """What such a box reaches, for the person."""
    if not asked:
        return "none"
    if asked is True and status().works:
        return "other machines, but no services that only this one has"
    # Abstract sockets, which the filter closes, are in the machine's network.
    screen = "" if seccomp.path() else "; it can see and control your screen"
    return f"any machine, and services on this one{screen}"
