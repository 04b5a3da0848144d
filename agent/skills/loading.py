"""Skill folders in the open SKILL.md format: loaded leniently, with every problem reported and none fatal to the rest.

The format is the Agent Skills specification (agentskills). Typed tools are an optional extra of ours in ``metadata``:
``deskhand-tools`` (a Python file), ``deskhand-scopes`` (what its tools may touch) and ``deskhand-quiet`` (tools that
only read what is theirs and run without asking; honoured for bundled skills only).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import yaml

from deskhand.agent import scopes
from deskhand.agent.skills import signatures
from deskhand.agent.tool import Tool

BUNDLED = "bundled"

MAX_DEPTH = 6
MAX_FOLDERS = 2_000
MAX_SKILL_BYTES = 256 * 1024
_KEYS = {"name", "description", "license", "compatibility", "metadata", "allowed-tools"}
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SKIPPED = {".git", "node_modules", "__pycache__"}

Warn = Callable[[str], None]


@dataclass(frozen=True)
class Problem:
    """Something wrong with a skill.

    Attributes:
        path: of the file or folder.
        text: one sentence.
        fatal: the skill was not loaded.
    """

    path: Path
    text: str
    fatal: bool = False


@dataclass(frozen=True, kw_only=True)
class Function(Tool):
    """A typed function of a skill; its name as a tool is ``<skill>_<function>``.

    Attributes:
        function: its name in ``file``.
        file: the Python source.
        host: it takes ``host``.
    """

    function: str
    file: Path
    host: bool = False


@dataclass(frozen=True)
class Skill:
    """One skill folder.

    Attributes:
        name: unique within a `SkillSet`.
        description: what it does and when to use it.
        body: Markdown for the model.
        folder: where it is.
        source: ``bundled`` or ``user``.
        license: as written, may be empty.
        scopes: what its tools may touch.
        tools: its typed functions.
    """

    name: str
    description: str
    body: str
    folder: Path
    source: str
    license: str = ""
    scopes: tuple[str, ...] = ()
    tools: tuple[Function, ...] = ()


@dataclass(frozen=True)
class SkillSet:
    """What was loaded, and what was wrong."""

    skills: tuple[Skill, ...]
    problems: tuple[Problem, ...]


def load_skills(folders: Sequence[tuple[Path, str]]) -> SkillSet:
    """Load every skill below ``folders``; a later one of the same name replaces an earlier one, with a warning.

    Args:
        folders: pairs of a folder and its source, ``bundled`` or ``user``; a folder that does not exist holds none.
    """
    skills: dict[str, Skill] = {}
    problems: list[Problem] = []
    for root, source in folders:
        for file in _files(root, problems):
            skill = _load(file, source, problems)
            if skill is None:
                continue
            if skill.name in skills:
                other = skills.pop(skill.name)
                problems.append(Problem(file, f"The skill {skill.name} replaces the one in {other.folder}."))
            skills[skill.name] = skill
    return SkillSet(tuple(_distinct(skills.values(), problems)), tuple(problems))


def _distinct(skills: Iterable[Skill], problems: list[Problem]) -> Iterator[Skill]:
    """Leave out a tool whose name an earlier skill took: ``a-b`` + ``c`` and ``a`` + ``b_c`` read the same."""
    taken: set[str] = set()
    for skill in skills:
        free = tuple(tool for tool in skill.tools if tool.name not in taken)
        problems += [
            Problem(tool.file, f"The tool {tool.name} is left out: another skill has one of that name.")
            for tool in skill.tools
            if tool.name in taken
        ]
        taken |= {tool.name for tool in free}
        yield skill if len(free) == len(skill.tools) else replace(skill, tools=free)


def _files(root: Path, problems: list[Problem]) -> Iterator[Path]:
    """Every SKILL.md below ``root``, in the order of names; links are followed once."""
    seen: set[Path] = set()
    waiting = [(root, 0)]
    while waiting:
        folder, depth = waiting.pop()
        try:
            real = folder.resolve()
            if real in seen or not folder.is_dir():
                continue
            seen.add(real)
            entries = sorted(folder.iterdir(), reverse=True)
        except (OSError, RuntimeError) as error:
            problems.append(Problem(folder, f"The folder can't be read: {error}."))
            continue
        if len(seen) > MAX_FOLDERS:
            problems.append(Problem(root, f"More than {MAX_FOLDERS} folders; the rest was not searched for skills."))
            return
        names = {entry.name for entry in entries}
        file = next((name for name in ("SKILL.md", "skill.md") if name in names), None)
        if file:
            yield folder / file
        elif depth < MAX_DEPTH:
            waiting += [(e, depth + 1) for e in entries if e.name not in _SKIPPED and e.is_dir()]


def _load(file: Path, source: str, problems: list[Problem]) -> Skill | None:
    def warn(text: str, *, fatal: bool = False) -> None:
        problems.append(Problem(file, text, fatal))

    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_SKILL_BYTES + 1)
        if len(raw) > MAX_SKILL_BYTES:
            return warn(f"It is larger than {MAX_SKILL_BYTES // 1024} KB.", fatal=True)
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        return warn(f"It can't be read: {error}.", fatal=True)
    match = re.match(r"---[ \t]*\n(.*?)\n---[ \t]*(?:\n|$)(.*)", text, re.DOTALL)
    if not match:
        return warn("It does not begin with a frontmatter between two lines of ---.", fatal=True)
    try:
        front = _frontmatter(match.group(1))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return warn(f"Its frontmatter is not YAML: {' '.join(str(error).split())[:300]}.", fatal=True)
    description = _field(front, "description", 1024, warn)
    if not description:
        return warn("It has no description, so nobody could know when to use it.", fatal=True)
    folder = file.parent
    name = _field(front, "name", 64, warn) or folder.name
    if not _NAME.fullmatch(name):
        warn(f"The name “{name}” should be lower-case letters, digits and single hyphens.")
    if name != folder.name:
        warn(f"The name “{name}” differs from its folder “{folder.name}”.")
    if unknown := sorted(str(key) for key in front.keys() - _KEYS):
        warn(f"Unknown in the frontmatter: {', '.join(unknown)[:200]}.")
    metadata = _metadata(front.get("metadata"), warn)
    granted = _scopes(metadata.get("deskhand-scopes", ""), source, warn)
    licence = _field(front, "license", 500, warn)
    skill = Skill(name, description, match.group(2).strip(), folder, source, licence, granted)
    return replace(skill, tools=_tools(skill, metadata, warn))


def _frontmatter(text: str) -> dict[Any, Any]:
    try:
        front = yaml.safe_load(text)
    except yaml.YAMLError:
        # Many public skills write `description: Use when: …` without quotes.
        quoted = re.sub(
            r"^([\w-]+):[ \t]+(?![\"'\[{|>&*!])(.*:.*)$",
            lambda m: m.group(1) + ": '" + m.group(2).replace("'", "''") + "'",
            text,
            flags=re.MULTILINE,
        )
        front = yaml.safe_load(quoted)
    if not isinstance(front, dict):
        raise ValueError("it is not a list of keys and values")  # noqa: TRY004 - a file is wrong, not our code
    return cast("dict[Any, Any]", front)


def _field(front: dict[Any, Any], key: str, most: int, warn: Warn) -> str:
    value = front.get(key)
    if value is None:
        return ""
    if not isinstance(value, str | int | float):
        warn(f"{key} is not a text.")
        return ""
    text = str(value).strip()
    if len(text) > most:
        warn(f"{key} is longer than {most} characters.")
        return text[:most]
    return text


def _metadata(value: object, warn: Warn) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        warn("metadata is not a list of keys and values.")
        return {}
    entries = cast("dict[Any, Any]", value)
    return {str(key): str(entry) for key, entry in entries.items() if isinstance(entry, str | int | float)}


def _scopes(text: str, source: str, warn: Warn) -> tuple[str, ...]:
    found: list[str] = []
    for scope in text.split():
        try:
            scopes.declared(scope, bundled=source == BUNDLED)
        except scopes.ScopeError as error:
            warn(str(error))
        else:
            found.append(scope)
    return tuple(found)


def _tools(skill: Skill, metadata: dict[str, str], warn: Warn) -> tuple[Function, ...]:
    name = metadata.get("deskhand-tools", "")
    if not name:
        return ()
    file = skill.folder / name
    if not _NAME.fullmatch(skill.name):
        # The name becomes a folder that its tools may write; “..” is none.
        warn("It has no tools: for those its name must be lower-case letters, digits and hyphens.")
        return ()
    if skill.folder.resolve() not in file.resolve().parents:
        warn(f"Its tools {name} are outside its folder.")
        return ()
    try:
        functions, problems = signatures.read(file)
    except signatures.UnsupportedError as error:
        warn(f"It has no tools: {error}.")
        return ()
    for problem in problems:
        warn(problem)
    prefix = skill.name.replace("-", "_")
    if not prefix[0].isalpha():
        prefix = f"skill_{prefix}"
    bundled = skill.source == BUNDLED
    quiet = metadata.get("deskhand-quiet", "").split() if bundled else []
    return tuple(
        Function(
            f"{prefix}_{function.name}",
            skill.name,
            function.description,
            function.parameters,
            skill.scopes,
            quiet=function.name in quiet,
            bundled=bundled,
            function=function.function,
            file=file,
            host=function.host,
        )
        for function in functions
    )
