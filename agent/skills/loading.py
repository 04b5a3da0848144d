"""Skill folders, found and loaded leniently: every problem is reported, and none is fatal to the rest.

Typed tools are an optional extra of ours in ``metadata``: ``deskhand-tools`` (a Python file), ``deskhand-scopes`` (what
its tools may touch) and ``deskhand-scopes-TOOL`` (which of that one of them does). For bundled skills only:
``deskhand-quiet`` (tools that only read what is theirs and run without asking; of ``NAME()`` that is so without
arguments), ``deskhand-adds``, ``deskhand-keeps`` and ``deskhand-rehearses`` (see `Tool`), and ``deskhand-core`` (active
in every conversation).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from deskhand.agent import scopes
from deskhand.agent.filename import odd, spelled
from deskhand.agent.skills import contents, manifest, signatures
from deskhand.agent.skills.lookalike import alike
from deskhand.agent.skills.manifest import NAME, Warn
from deskhand.agent.skills.skill import BUNDLED, Function, Problem, Skill, SkillSet

__all__ = ["BUNDLED", "Function", "Problem", "Skill", "SkillSet", "load_skill", "load_skills"]

MAX_DEPTH = 6
MAX_FOLDERS = 2_000
MOST_LISTED = 2_000
MANIFEST = "SKILL.md"
"""How the specification spells it; other spellings are loaded with a word about it."""


def load_skills(folders: Sequence[tuple[Path, str]]) -> SkillSet:
    """Load every skill below ``folders``; a later one of the same name replaces an earlier one, with a warning.

    Args:
        folders: pairs of a folder and its source; a folder that does not exist holds none.
    """
    problems: list[Problem] = []
    found = [skill for root, source in folders for skill in find(root, source, problems)]
    return merge(found, problems)


def find(root: Path, source: str, problems: list[Problem], *, within: int = 0) -> Iterator[Skill]:
    """Load every skill below ``root``, in the order of folder names; see `files`."""
    for file in files(root, problems, within=within):
        if skill := load_skill(file, source, problems):
            yield skill


def merge(found: Iterable[Skill], problems: list[Problem]) -> SkillSet:
    """One skill a name, the latest; and none that looks like another and is not."""
    skills: dict[str, Skill] = {}
    for skill in found:
        twin = next((name for name in skills if name != skill.name and alike(name, skill.name)), None)
        if twin:
            text = f"It is left out: its name “{skill.name}” looks like that of the skill {twin}."
            problems.append(Problem(skill.folder / "SKILL.md", text, fatal=True))
            continue
        if skill.name in skills:
            other = skills.pop(skill.name)
            text = f"The skill {skill.name} replaces the one in {other.folder}."
            problems.append(Problem(skill.folder / "SKILL.md", text))
        skills[skill.name] = skill
    distinct = tuple(_distinct(skills.values(), problems))
    return SkillSet(distinct, tuple(problems))


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


def manifest_in(names: Iterable[str]) -> str:
    """Which of the names in a folder is the file that makes it a skill; empty if none is."""
    found = sorted((name for name in names if name.lower() == MANIFEST.lower()), key=lambda name: name != MANIFEST)
    return found[0] if found else ""


def files(root: Path, problems: list[Problem], *, within: int = 0) -> Iterator[Path]:
    """Find every SKILL.md below ``root``, in the order of names; links are followed once.

    Args:
        root: where to look.
        problems: takes what can't be looked through.
        within: depth down to which a skill's folder is looked through for more skills: a repository may be one itself.
    """
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
        file = manifest_in(entry.name for entry in entries)
        if file:
            yield folder / file
        if depth < MAX_DEPTH and (not file or depth <= within):
            waiting += [(e, depth + 1) for e in entries if e.name not in contents.IGNORED and _is_folder(e)]


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return True  # told when it is looked into


def load_skill(file: Path, source: str, problems: list[Problem]) -> Skill | None:
    """Load one ``SKILL.md``; None if it is no skill, which is then the last of ``problems``."""

    def warn(text: str) -> None:
        problems.append(Problem(file, text))

    if file.name not in {MANIFEST, "skill.md"}:
        warn(f"Its file {file.name} should be called {MANIFEST}.")
    try:
        said = manifest.read(file, warn)
        listed = [entry.path for entry in contents.listing(file.parent) if entry.path != file.name]
    except (manifest.ManifestError, contents.ContentsError) as error:
        problems.append(Problem(file, str(error), fatal=True))
        return None
    others = tuple(path for path in listed if not odd(path))[:MOST_LISTED]
    if len(listed) > MOST_LISTED:
        warn(f"It has {len(listed):,} files; the model is told of the first {MOST_LISTED:,}.")
    for path in filter(odd, listed):
        warn(f"Its file {spelled(path)} can't be used, because its name is not UTF-8: rename it.")
    skill = Skill(
        said.name,
        said.description,
        said.body,
        file.parent,
        source,
        said.license,
        _scopes(said.metadata.get("deskhand-scopes", ""), source, warn),
        core=source == BUNDLED and said.metadata.get("deskhand-core", "").lower() == "true",
        files=others,
        requests=said.requests,
        metadata=said.metadata,
    )
    return replace(skill, tools=_tools(skill, warn))


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


def _tools(skill: Skill, warn: Warn) -> tuple[Function, ...]:
    name = skill.metadata.get("deskhand-tools", "")
    if not name:
        return ()
    if not NAME.fullmatch(skill.name):
        # The name becomes a folder that its tools may write; “..” is none.
        warn("It has no tools: for those its name must be lower-case letters, digits and hyphens.")
        return ()
    try:
        file = contents.resolve(skill.folder, name)
    except contents.ContentsError as error:
        warn(f"It has no tools: {error}")
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
    said = skill.metadata if bundled else {}
    quiet, adds = said.get("deskhand-quiet", "").split(), said.get("deskhand-adds", "").split()
    keeps = said["deskhand-keeps"].split() if "deskhand-keeps" in said else None
    return tuple(
        Function(
            f"{prefix}_{function.name}",
            skill.name,
            function.description,
            function.parameters,
            _scopes_of(function.name, skill, warn),
            quiet=function.name in quiet,
            bundled=bundled,
            bare=f"{function.name}()" in quiet,
            adds=function.name in adds,
            rehearses=function.name in said.get("deskhand-rehearses", "").split(),
            keeps=None if keeps is None else tuple(key for key in keeps if key in function.parameters["properties"]),
            function=function.function,
            file=file,
            host=function.host,
            shaped=function.shaped,
        )
        for function in functions
    )


def _scopes_of(name: str, skill: Skill, warn: Warn) -> tuple[str, ...]:
    """The scopes of one tool: all of the skill's, or those of them that it names for the tool."""
    own = skill.metadata.get(f"deskhand-scopes-{name}")
    if own is None:
        return skill.scopes
    if strange := [scope for scope in own.split() if scope not in skill.scopes]:
        warn(f"Its tool {name} has all its scopes: deskhand-scopes does not hold {', '.join(strange)[:200]}.")
        return skill.scopes
    return tuple(own.split())
