"""The command line that starts a server in the sandbox, and what the person is told about it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from deskhand.agent.directory import HeldPath, hold
from deskhand.agent.mcp.config import ServerConfig
from deskhand.agent.mcp.errors import ConfigError
from deskhand.agent.safety import installation, network, sandbox, watching
from deskhand.agent.safety.installation import Installation

DATA_BYTES = 4 * 1024**3
"""Memory that a server may write (RLIMIT_DATA): what Node and a browser need, and not the machine's all."""

FILE_BYTES = 1024**3
"""The largest file that a server may write."""

OPEN_FILES = 2048
"""The most files that one process of a server may have open."""


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
    held: tuple[HeldPath, ...] = ()

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
    own = installed(config)
    arguments = [config.expanded({"": text})[""] for text in entry.args]
    given = {**own.environment, **config.expanded(entry.env)}
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    start = entry.cwd or home
    # util-linux, part of every Linux: Python's preexec_fn is not safe in a process with threads.
    prlimit = shutil.which("prlimit") or "/usr/bin/prlimit"
    # Inside, where they are counted for the box alone.
    counted = [prlimit, f"--nproc={watching.THREADS}", "--"] if watching.process_limit() else []
    held = _granted(config)
    box = sandbox.wrap(
        [
            *counted,
            "/usr/bin/env",
            f"--chdir={start}",
            str(own.program),
            *arguments,
        ],
        read=own.paths,
        write=[home],
        held=held,
        hide=config.private,
        network=network.chosen(access.network),
        inherit=True,
    )
    most = {"core": 0, "fsize": FILE_BYTES, "data": DATA_BYTES, "nofile": OPEN_FILES, "memlock": watching.LOCKED}
    limits = [prlimit, *(f"--{name}={value}" for name, value in most.items())]
    path = os.pathsep.join(dict.fromkeys([*own.folders, *sandbox.environment()["PATH"].split(os.pathsep)]))
    environment = {**sandbox.environment(), "PATH": path, "HOME": str(home), **given}
    return Command((*limits, "--", *box), environment, home, tuple(each for each, _ in held))


def _granted(config: ServerConfig) -> list[tuple[HeldPath, bool]]:
    """What the person granted, opened, each with whether it may be written."""
    access = config.entry.access
    held: list[tuple[HeldPath, bool]] = []
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


def installed(config: ServerConfig) -> Installation:
    """The program of a server and what of the disk belongs to it.

    Raises:
        ConfigError: it is not there, or lies where no program may look.
    """
    command = config.expanded({"": config.entry.command})[""]
    name = os.path.expanduser(command)  # noqa: PTH111 - a bare name must stay one
    found = shutil.which(name)
    if found is None:
        raise ConfigError(
            f"The MCP server {config.name} can't be started: there is no program {name[:200]}. Install it, or correct "
            "the command in the configuration."
        )
    try:
        return installation.find(Path(found).absolute(), config.private)
    except installation.InstallationError as error:
        raise ConfigError(f"The MCP server {config.name} can't be started: {error}") from error


def touches(config: ServerConfig) -> tuple[str, ...]:
    """What a server may touch, a line each, for the person."""
    entry, access = config.entry, config.entry.access
    if config.remote:
        place = config.host or "this machine"
        return (f"MCP server {config.name}: what it is called with is sent to {place} ({entry.url})",)
    lines = [f"MCP server {config.name}: {' '.join([entry.command, *entry.args])[:500]}"]
    try:
        lines += [f"reads: {path} (part of its program)" for path in installed(config).paths]
    except ConfigError as error:
        lines.append(str(error))
    lines += [f"reads: {path}" for path in access.read]
    lines += [f"reads and writes: {path}" for path in access.write]
    lines.append(f"network: {network.words(access.network)}")
    if entry.env:
        lines.append(f"is given: {', '.join(entry.env)[:300]}")
    return tuple(lines)
