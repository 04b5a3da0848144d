"""The typed functions of skills; a call runs in a child process of its own, in the box where there is one."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from deskhand.agent import scopes
from deskhand.agent.limits import Limits
from deskhand.agent.origin import Origin
from deskhand.agent.safety import sandbox, watching
from deskhand.agent.safety.changes import BoundCall
from deskhand.agent.skills import contents
from deskhand.agent.skills.skill import BUNDLED, CHANGED, Function, Skill, SkillSource
from deskhand.agent.task import Task
from deskhand.agent.tool import Group, Tool, ToolResult
from deskhand.agent.tools import arguments, boxed, folders
from deskhand.agent.tools.host import FUNCTIONS, Asked, Host, HostError, declares
from deskhand.agent.tools.intents import RUN_INTENT
from deskhand.agent.tools.run_js import RUN_JS, has_pages
from deskhand.agent.tools.scripts import RUN, has_scripts
from deskhand.agent.tools.skill_tools import MOST_INSTRUCTIONS, READ
from deskhand.model.types import Image, ToolCall

RUNNER = Path(__file__).resolve().with_name("runner.py")


_OWN = {"clock": "Deskhand's own timers", "notes": "your notes in Deskhand"}
"""What the files of a skill of ours are to the person."""


class SkillFunctions:
    """The typed functions of ``skills``, each run in a child process.

    Args:
        skills: loaded skill folders.
        data: the folder below which each skill has its own: ``data/<skill>``.
        host: what only the app can do.
    """

    def __init__(self, skills: SkillSource, data: Path, host: Host) -> None:
        self._skills = skills
        self._data = data.resolve()
        self._host = host

    @property
    def groups(self) -> tuple[Group, ...]:
        """A group a skill."""
        return tuple(_group(skill) for skill in self._skills.skills)

    @property
    def tools(self) -> tuple[Function, ...]:
        """In the order of the skills."""
        return tuple(tool for skill in self._skills.skills for tool in skill.tools)

    def folder(self, tool: Tool) -> Path:
        """The data folder of the tool's skill."""
        return self._data / tool.skill

    def touches(self, tool: Tool) -> tuple[str, ...]:
        """What the tool may touch, a line each."""
        return tuple(
            _OWN.get(tool.skill, "the skill's own files") if scope == "files:data" else scopes.words(scope)
            for scope in tool.scopes
        )

    def preview(self, tool: Tool, call: ToolCall) -> str:  # noqa: ARG002 - of the protocol
        """The function's name and its arguments say it all."""
        return ""

    def run(self, tool: Tool, call: ToolCall, cancel: threading.Event, limits: Limits) -> ToolResult:
        """Run one call; see `Provider.run`.

        The whole process group is killed at the end, so nothing that the tool started stays behind, except the
        applications that the skill ``open`` starts in sessions of their own.
        """
        assert isinstance(tool, Function)  # noqa: S101 - `tools` offers no other
        return self._called(tool, call, cancel, limits)

    def exact(self, tool: Tool, call: ToolCall, cancel: threading.Event, limits: Limits) -> ToolResult | None:
        """The arguments of a call with what the person's words mean in it, of a tool whose file says so in ``EXACT``.

        Only of bundled skills: a question shows what comes of it.
        """
        if not isinstance(tool, Function) or not tool.bundled or f'"{tool.function}": ' not in _exacts(tool.file):
            return None
        return self._called(tool, call, cancel, limits, exact=True)

    def _called(
        self, tool: Function, call: ToolCall, cancel: threading.Event, limits: Limits, *, exact: bool = False
    ) -> ToolResult:
        if not any(skill.name == tool.skill and self._skills.unchanged(skill) for skill in self._skills.skills):
            return ToolResult(error=CHANGED.format(name=tool.skill))
        try:
            job = self._job(tool, call.arguments, limits, exact=exact)
            return _Run(self._host, tool, call, cancel, limits).run(job)
        except (_RefusedError, folders.FolderError) as error:
            return ToolResult(error=str(error))
        except OSError as error:
            return ToolResult(error=f"The tool could not be started: {error.strerror or error}.")

    def _job(self, tool: Function, given: Mapping[str, Any], limits: Limits, *, exact: bool = False) -> _Job:
        """What to start, and the line it is told."""
        own = "files:data" in tool.scopes
        folder = folders.own(self._data, tool.skill, self._skills.skills) if own else self.folder(tool)
        command = [str(sandbox.interpreter()), "-I", "-S", str(RUNNER)]
        free = "apps" in tool.scopes and tool.bundled
        call: dict[str, Any] = {
            "file": str(tool.file.resolve()),
            "function": tool.function,
            "exact": exact,
            "arguments": given,
            "host": tool.host,
            "shaped": tool.shaped,
            "data": str(folder),
            "result_bytes": limits.result_bytes,
            # Applications inherit limits, and a browser needs more than a tool.
            "limits": {} if free else _limits(),
            "libraries": [str(path) for path in sandbox.libraries()],
        }
        writable = [folder] if own else []
        line = json.dumps(call).encode() + b"\n"
        if free:
            return _Job(command, dict(os.environ), line, writable)
        if sandbox.status().works:
            home = tool.file.resolve().parent
            wrapped = sandbox.wrap(command, read=[RUNNER, home], write=writable, hide=contents.ignored(home))
            return _Job(wrapped, {}, line, writable, boxed=True)
        if not tool.bundled:
            raise _RefusedError(
                f"{tool.name} did not run: {tool.skill} did not come with Deskhand and this machine has no sandbox. "
                "See: deskhand doctor"
            )
        return _Job(command, sandbox.environment(), line, writable)


def _limits() -> dict[str, int]:
    """Those of a tool; outside of a box all processes of the person would count."""
    return {name: most for name, most in watching.limits().items() if name != "nproc" or sandbox.status().works}


def _exacts(file: Path) -> str:
    """The line of a tool's file that names the tools whose words it makes exact; empty if there is none."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    return next((line for line in lines if line.startswith("EXACT = {")), "")


def _group(skill: Skill) -> Group:
    own = {tool.file.name for tool in skill.tools}
    # What only the tools are made of is of no use to the model.
    files = () if skill.core else tuple(path for path in skill.files if path not in own)
    uses = [READ] if files or len(skill.body.encode()) > MOST_INSTRUCTIONS else []
    uses += [RUN] if files and has_scripts(skill) else []
    uses += [RUN_JS] if has_pages(skill) else []
    uses += [RUN_INTENT] if RUN_INTENT in skill.body else []
    origins = () if skill.source == BUNDLED else (Origin("skill", skill.name),)
    return Group(skill.name, skill.description, skill.body, tuple(uses), files, skill.core, origins)


@dataclass(frozen=True)
class _Job:
    """What is started: a command in an environment, told one line; the folders it may write, and whether in the box."""

    command: list[str]
    environment: dict[str, str]
    line: bytes
    writable: list[Path]
    boxed: bool = False


class _RefusedError(Exception):
    """The call may not run on this machine."""


class _Run:
    """One child process, from its start to its last line."""

    def __init__(self, host: Host, tool: Function, call: ToolCall, cancel: threading.Event, limits: Limits) -> None:
        self._host = host
        self._tool = tool
        self._call = call
        self._data: Path | None = None
        self._cancel = cancel
        self._limits = limits
        self._images: list[Image] = []
        self._begins: list[Task] = []
        self._deadline = time.monotonic() + limits.tool_seconds
        # A character may take six bytes as a JSON escape; the runner's own cut comes long before.
        self._most = 8 * limits.result_bytes + 65_536

    def run(self, job: _Job) -> ToolResult:
        self._data = job.writable[0] if job.writable else None
        watch = watching.Watch(job.writable)
        process = subprocess.Popen(
            job.command,
            env=job.environment,
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdin  # noqa: S101 - for the type checker: all three are pipes
        assert process.stdout  # noqa: S101
        assert process.stderr  # noqa: S101
        if job.boxed:
            watch.begin(process.pid)
        problem = ""
        try:
            result = self._follow(process.stdin, process.stdout, process.stderr, job.line, watch)
        finally:
            boxed.end(process, watch.inside)
            problem = watch.settle()
        return ToolResult(error=f"The tool was stopped: {problem}.") if problem and not result.error else result

    def _follow(
        self, stdin: IO[bytes], stdout: IO[bytes], stderr: IO[bytes], line: bytes, watch: watching.Watch
    ) -> ToolResult:
        """Send the call, answer what the tool asks, and return its last line."""
        _send(stdin, line)  # a process that has ended already closes its other pipes, which says more
        said: bytes = b""
        noise: bytes = b""
        taken = 0
        with selectors.DefaultSelector() as selector:
            for pipe in (stdout, stderr):
                selector.register(pipe, selectors.EVENT_READ)
            while not self._cancel.is_set() and time.monotonic() < self._deadline and taken <= self._most:
                if problem := watch.problem():
                    return ToolResult(error=f"The tool was stopped: {problem}.")
                for key, _ in selector.select(0.05):
                    data = os.read(key.fd, 65_536)
                    if not data:
                        selector.unregister(key.fileobj)
                        if key.fileobj is stdout:
                            return ToolResult(error=_crash(noise))
                    elif key.fileobj is stderr:
                        noise = (noise + data)[-2_000:]  # only the end is kept, for the sentence about a crash
                    else:
                        taken += len(data)
                        *lines, said = (said + data).split(b"\n")
                        for message in lines:
                            if result := self._take(message, stdin):
                                return result
        return ToolResult(error=self._stopped(taken))

    def _stopped(self, taken: int) -> str:
        if self._cancel.is_set():
            return "The tool was stopped."
        if taken > self._most:
            return "The tool was stopped: it returned far more than it may."
        return f"The tool was stopped: it took longer than {self._limits.tool_seconds:g} s."

    def _take(self, message: bytes, stdin: IO[bytes]) -> ToolResult | None:
        """One line of the runner: its result, or a request that is answered here."""
        try:
            data = json.loads(message)
        except (ValueError, RecursionError):
            data = None
        match data:
            case {"value": value}:
                return ToolResult(value, images=tuple(self._images), begins=tuple(self._begins))
            case {"error": str(error)}:
                return ToolResult(error=error, images=tuple(self._images))
            case {"ask": str(name), "arguments": dict(given)}:
                reply = json.dumps(self._ask(name, cast("dict[str, Any]", given))).encode() + b"\n"
                _send(stdin, reply)
                return None
            case _:
                return ToolResult(error="The tool's process sent what can't be read.")

    def _ask(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """What the application answers to a tool, or why it was not asked: the one place that decides this."""
        tool, function = self._tool, FUNCTIONS.get(name)
        if function is None:
            return {"error": f"There is nothing named {name[:60]} to ask for. Known: {', '.join(FUNCTIONS)}."}
        if not any(declares(tool.scopes, scope) for scope in function.scopes):
            return {
                "error": f"{tool.skill} may not ask for {name}: its SKILL.md does not declare the scope "
                f"{' or '.join(function.scopes)}."
            }
        if function.bundled and not tool.bundled:
            return {"error": f"{tool.skill} may not ask for {name}: only skills that came with Deskhand may."}
        asked = time.monotonic()
        try:
            exact = arguments.fit(function.parameters, given)
            call = self._call
            change = call.change if isinstance(call, BoundCall) else None
            told = self._host.ask(
                Asked(name, exact, tool.name, tool.skill, tool.scopes, self._cancel, call.id, self._data, change)
            )
        except (HostError, arguments.MisfitError) as error:
            return {"error": str(error)}
        finally:
            # The desktop may ask the person, who takes as long as they like.
            self._deadline += time.monotonic() - asked
        self._images += told.images
        self._begins += [told.begins] if told.begins else []
        return {"value": told.value}


def _send(stdin: IO[bytes], line: bytes) -> None:
    with contextlib.suppress(BrokenPipeError):
        stdin.write(line)
        stdin.flush()


def _crash(noise: bytes) -> str:
    text = noise.decode(errors="replace").strip().rpartition("\n")[2][:300]
    return f"The tool's process ended without a result{f': {text}' if text else '.'}"
