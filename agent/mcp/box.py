"""The command line that starts a server in the sandbox, and what the person is told about it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deskhand.agent.directory import Held, hold
from deskhand.agent.mcp.config import ServerConfig
from deskhand.agent.mcp.errors import ConfigError
from deskhand.agent.safety import sandbox, watching

DATA_BYTES = 4 * 1024**3
"""Memory that a server may write (RLIMIT_DATA): what Node and a browser need, and not the machine's all."""

THREADS = 512
"""The most threads of a server: Node alone has a dozen, a browser hundreds. Processes are counted apart."""

FILE_BYTES = 1024**3
"""The largest file that a server may write."""


@dataclass(frozen=True)
class Command:
    """How a server's process is started.

    Attributes:
        line: program and arguments.
        environment: all of it.
        home: the folder of its own, in which it may not keep too much; what the person granted is theirs to fill.
        held: what the person granted, as it was opened.
    """

    line: tuple[str, ...]
    environment: dict[str, str]
    home: Path
    held: tuple[Held, ...] = ()

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What the process has to be passed."""
        return tuple(each.descriptor for each in self.held)

    def close(self) -> None:
        """Let go of what was granted, once the process has it."""
        for each in self.held:
            each.close()


def command(config: ServerConfig, home: Path) -> Command:
    """Put a server into the box.

    Args:
        config: of a server on this machine.
        home: its own folder, HOME and working folder to it; made here.

    Raises:
        ConfigError: this machine has no sandbox, the program is not there, or a granted folder is not.
    """
    entry, access = config.entry, config.entry.access
    status = sandbox.status()
    if not status.works:
        raise ConfigError(f"The MCP server {config.name} was not started, as there is no sandbox here: {status.text}")
    program = _program(config)
    arguments = [config.expanded({"": text})[""] for text in entry.args]
    expanded = config.expanded(entry.env)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    start = entry.cwd or home
    # util-linux, part of every Linux: Python's preexec_fn is not safe in a process with threads.
    prlimit = shutil.which("prlimit") or "/usr/bin/prlimit"
    # Inside, where they are counted for the box alone.
    counted = [prlimit, f"--nproc={THREADS}", "--"] if watching.process_limit() else []
    held = _granted(config)
    box = sandbox.wrap(
        [
            *counted,
            "/usr/bin/env",
            f"--chdir={start}",
            str(program),
            *arguments,
        ],
        read=_needed(program),
        write=[home],
        held=held,
        network=access.network,
        inherit=True,
    )
    limits = [prlimit, "--core=0", f"--fsize={FILE_BYTES}", f"--data={DATA_BYTES}"]
    path = os.pathsep.join(dict.fromkeys([str(program.parent), *sandbox.environment()["PATH"].split(os.pathsep)]))
    environment = {**sandbox.environment(), "PATH": path, "HOME": str(home), **expanded}
    return Command((*limits, "--", *box), environment, home, tuple(each for each, _ in held))


def _granted(config: ServerConfig) -> list[tuple[Held, bool]]:
    """What the person granted, opened, each with whether it may be written."""
    access = config.entry.access
    held: list[tuple[Held, bool]] = []
    for path, writes in (*((each, False) for each in access.read), *((each, True) for each in access.write)):
        try:
            held.append((hold(path), writes))
        except OSError as error:
            for each, _ in held:
                each.close()
            gone = isinstance(error, FileNotFoundError)
            why = "which is not there" if gone else f"which can't be used: {error.strerror}"
            raise ConfigError(f"The MCP server {config.name} may use {path}, {why}.") from error
    return held


def _program(config: ServerConfig) -> Path:
    name = os.path.expanduser(config.entry.command)  # noqa: PTH111 - a bare name must stay one
    found = shutil.which(name)
    if found is None:
        raise ConfigError(
            f"The MCP server {config.name} can't be started: there is no program {name[:200]}. Install it, or correct "
            "the command in the configuration."
        )
    return Path(found).absolute()


def _needed(program: Path) -> tuple[Path, ...]:
    """What a program must see of itself: its installation, and that of the interpreter in its first line."""
    found: list[Path] = []
    for each in (program, *_interpreters(program)):
        found += [_installation(path) for path in (each, each.resolve()) if not _system(path)]
    return tuple(dict.fromkeys(found))


def _interpreters(program: Path) -> Iterator[Path]:
    """The interpreter of a script, and the real one behind a virtual environment's."""
    try:
        with program.open("rb") as file:
            first = file.readline(512)
    except OSError:
        return
    if not first.startswith(b"#!"):
        return
    words = first[2:].decode(errors="replace").split()
    name = words[1] if len(words) > 1 and Path(words[0]).name == "env" else words[0] if words else ""
    found = shutil.which(name, path=f"{program.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}")
    if found:
        yield Path(found).absolute()


def _system(path: Path) -> bool:
    return any(path.is_relative_to(place) for place in ("/usr", "/bin", "/lib", "/lib64"))


def _installation(path: Path) -> Path:
    """The folder above ``bin`` or ``node_modules``, else the program's folder; never the person's home or above it."""
    parents = path.parents
    modules = [parent for parent in parents if parent.name == "node_modules"]
    for folder in (*modules[-1:], path.parent.parent if path.parent.name == "bin" else path.parent, path.parent):
        if not Path.home().is_relative_to(folder) and len(folder.parts) > 2:
            return folder
    return path


def touches(config: ServerConfig) -> tuple[str, ...]:
    """What a server may touch, a line each, for the person."""
    entry, access = config.entry, config.entry.access
    if config.remote:
        place = config.host or "this machine"
        return (f"MCP server {config.name}: what it is called with is sent to {place} ({entry.url})",)
    lines = [f"MCP server {config.name}: {' '.join([entry.command, *entry.args])[:500]}"]
    lines += [f"reads: {path}" for path in access.read]
    lines += [f"reads and writes: {path}" for path in access.write]
    lines.append("network: any machine, and services on this one" if access.network else "network: none")
    if entry.env:
        lines.append(f"is given: {', '.join(entry.env)[:300]}")
    return tuple(lines)
