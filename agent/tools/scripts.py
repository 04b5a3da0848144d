"""``run_script``: a program that a skill brings, run in the box, in the skill's own folder, without network."""

from __future__ import annotations

import contextlib
import itertools
import shlex
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from deskhand.agent.directory import Directory
from deskhand.agent.filename import spelled
from deskhand.agent.limits import Limits
from deskhand.agent.origin import Origin
from deskhand.agent.safety import sandbox
from deskhand.agent.skills import contents
from deskhand.agent.skills.skill import CHANGED, Skill, SkillSource
from deskhand.agent.tool import Group, Tool, ToolResult
from deskhand.agent.tools import boxed, folders
from deskhand.agent.tools.skill_tools import BUILT_IN, MOST_LISTED
from deskhand.model.types import ToolCall

RUN = "run_script"
MOST_ARGUMENTS = 64

_PROGRAMS = {
    ".py": "python3",
    ".sh": "sh",
    ".bash": "bash",
    ".js": "node",
    ".mjs": "node",
    ".cjs": "node",
    ".pl": "perl",
    ".rb": "ruby",
}
"""What runs a file without a line that says so."""
_PLACES = "/usr/bin:/bin"


class ScriptError(Exception):
    """A script that can't be run; the message is a sentence."""


@dataclass(frozen=True)
class _Job:
    skill: Skill
    command: list[str]


def runnable(path: str) -> bool:
    """Whether a file of a skill looks like a script."""
    return PurePosixPath(path).suffix.lower() in _PROGRAMS


def has_scripts(skill: Skill) -> bool:
    """Whether a skill brings scripts. Beside a page, JavaScript is part of that page."""
    page = any(path.lower().endswith(".html") for path in skill.files)
    own = {tool.file.name for tool in skill.tools}
    return any(runnable(path) and not (page and path.endswith("js")) for path in skill.files if path not in own)


class Scripts:
    """A `Provider` of one tool, which runs scripts of skills.

    Args:
        skills: whose scripts.
        data: below which each skill has a folder of its own.
    """

    def __init__(self, skills: SkillSource, data: Path) -> None:
        self._skills = skills
        self._data = data

    @property
    def groups(self) -> tuple[Group, ...]:
        """None: the tool is declared when an active skill has scripts."""
        return ()

    @property
    def tools(self) -> tuple[Tool, ...]:
        """`RUN`, if there is any script."""
        names = [skill.name for skill in self._skills.skills if has_scripts(skill)][:MOST_LISTED]
        if not names:
            return ()
        properties = {
            "skill": {"type": "string", "enum": names},
            "script": {"type": "string", "description": "its path in the skill's folder, such as scripts/fill.py"},
            "args": {"type": "array", "items": {"type": "string"}, "description": "one argument an entry"},
        }
        parameters = {"type": "object", "properties": properties, "required": ["skill", "script"]}
        told = "Run a script of an active skill. It works in the skill's own folder, without network."
        return (Tool(RUN, BUILT_IN, told, parameters, ("scripts",), bundled=True),)

    def touches(self, tool: Tool) -> tuple[str, ...]:  # noqa: ARG002 - of the protocol
        """Where scripts run."""
        return ("a program of the skill, in the sandbox: without network, only its own folder can be written",)

    def preview(self, tool: Tool, call: ToolCall) -> str:  # noqa: ARG002 - of the protocol
        """The exact command line; or why it will not run."""
        try:
            return shlex.join(self._job(call).command)
        except ScriptError as error:
            return str(error)

    def run(self, tool: Tool, call: ToolCall, cancel: threading.Event, limits: Limits) -> ToolResult:  # noqa: ARG002
        """Run the script; see `Provider.run`."""
        try:
            job = self._job(call)
            folder = folders.own(self._data, job.skill.name, self._skills.skills)
            before = _files(folder)
            program = boxed.Program(
                job.command,
                folder,
                read=[job.skill.folder.resolve()],
                write=[folder],
                hide=contents.ignored(job.skill.folder.resolve()),
                environment={"PYTHONPATH": ":".join(map(str, sandbox.libraries())), "PYTHONDONTWRITEBYTECODE": "1"},
            )
            ended = boxed.run(program, cancel=cancel, seconds=limits.tool_seconds, most=limits.result_bytes // 3)
        except (ScriptError, folders.FolderError, boxed.NoBoxError) as error:
            return ToolResult(error=str(error))
        except OSError as error:
            return ToolResult(error=f"The script could not be started: {error.strerror or error}.")
        changed = [name for name, stamp in _files(folder).items() if before.get(name) != stamp]
        return _result(ended, folder, changed, job.skill)

    def _job(self, call: ToolCall) -> _Job:
        given = call.arguments
        skill = next((skill for skill in self._skills.skills if skill.name == given["skill"]), None)
        if skill is None:
            raise ScriptError(f"{given['skill']} is no skill with scripts.")
        if not self._skills.unchanged(skill):
            raise ScriptError(CHANGED.format(name=skill.name))
        file = _find(skill, given["script"])
        arguments = [str(argument) for argument in given.get("args") or []]
        if len(arguments) > MOST_ARGUMENTS or any("\0" in argument for argument in arguments):
            raise ScriptError(f"A script takes at most {MOST_ARGUMENTS} arguments, without null characters.")
        return _Job(skill, [*_program(file), str(file), *arguments])


def _find(skill: Skill, script: str) -> Path:
    """The script, also by its name alone as some skills write it."""
    try:
        return contents.resolve(skill.folder, script)
    except contents.ContentsError as error:
        try:
            return contents.resolve(skill.folder, f"scripts/{script}")
        except contents.ContentsError:
            raise ScriptError(str(error)) from error


def _program(file: Path) -> list[str]:
    """What runs ``file``: what its first line names, else what its ending says."""
    with file.open("rb") as stream:
        first = stream.readline(200).decode("utf-8", "replace")
    words = first[2:].split() if first.startswith("#!") else []
    if words and Path(words[0]).name == "env":
        words = [word for word in words[1:] if not word.startswith("-")]
    name = Path(words[0]).name if words else _PROGRAMS.get(file.suffix.lower(), "")
    if not name:
        raise ScriptError(f"{file.name} is no script: neither its first line nor its ending says what runs it.")
    if name.startswith("python"):
        return [str(sandbox.interpreter()), "-s"]
    program = shutil.which(name, path=_PLACES)
    if program is None:
        raise ScriptError(f"{file.name} needs {name}, which is not installed on this machine.")
    return [program]


def _files(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of each file of the skill's own folder, as far as it is a sane one."""
    found: dict[str, tuple[int, int]] = {}
    with contextlib.suppress(OSError), Directory.open(folder) as own:
        for each in itertools.islice(own.walk(), contents.MOST_FILES):
            found[spelled(each.path)] = (each.status.st_size, each.status.st_ctime_ns)
    return found


def _result(ended: boxed.Ended, folder: Path, changed: list[str], skill: Skill) -> ToolResult:
    value: dict[str, Any] = {"exit_code": ended.code, "stdout": ended.stdout.decode(errors="replace")}
    if ended.stderr:
        value["stderr"] = ended.stderr.decode(errors="replace")
    if ended.cut:
        value["note"] = "The output was longer and is cut."
    if changed:
        value |= {"folder": str(folder), "files_written": sorted(changed)[:50]}
    origins = (Origin("program", skill.name),)
    if ended.stopped:
        return ToolResult(error=ended.stopped, origins=origins)
    return ToolResult(value, origins=origins)
