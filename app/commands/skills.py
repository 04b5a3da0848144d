"""`deskhand skills`: what it can do, what is wrong with a skill, and which ones the person wants."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from deskhand.agent.skills import card, loading
from deskhand.agent.skills.card import Card
from deskhand.agent.skills.consents import ConsentsError
from deskhand.agent.skills.contents import ContentsError
from deskhand.agent.skills.installing import Installer, InstallError
from deskhand.agent.skills.library import Held, Library
from deskhand.agent.skills.skill import BUNDLED, Problem
from deskhand.app import settings, terminal, wiring
from deskhand.app.visible import line

STATES = {"on": "", "off": "off", "new": "waits for your consent", "changed": "changed, waits for your consent"}


def add_parser(commands: Any) -> None:  # noqa: ANN401 - argparse has no public name for it
    """Add ``skills`` and its actions to the command line."""
    skills = commands.add_parser("skills", help="what it can do")
    actions = skills.add_subparsers(dest="action", metavar="ACTION", required=True)

    def action(name: str, told: str, *arguments: tuple[str, str, str | None]) -> argparse.ArgumentParser:
        made = actions.add_parser(name, help=told)
        for argument, help_, count in arguments:
            made.add_argument(argument, metavar=argument.upper(), help=help_, nargs=count)
        made.add_argument("--json", action="store_true", help="print one JSON object")
        return made

    listed = action("list", "skills, their tools, and every problem found")
    listed.add_argument("--check", action="store_true", help="exit with 1 if there is any problem")
    action("check", "exit with 1 if there is any problem", ("folder", "a folder of skills; default: all of yours", "?"))
    new = action("install", "add skills from a folder or archive", ("source", "folder, .zip, .tar.gz or .skill", None))
    action("remove", "move a skill that you installed to the trash", ("name", "of the skill", None))
    action("restore", "put back the skill of that name that was removed last", ("name", "of the skill", None))
    on = action("enable", "use a skill, after showing what you agree to", ("name", "of the skill", None))
    action("disable", "do not use a skill", ("name", "of the skill", None))
    trusted = action("trust", "use the skills that a project brings", ("folder", "default: this one", "?"))
    for asks in (new, on, trusted):
        asks.add_argument("--yes", action="store_true", help="agree; for scripts that have shown the card themselves")


def run(options: argparse.Namespace) -> int:
    """Do one action; returns the exit code."""
    do = {
        "list": lambda: _show(_library(options), as_json=options.json, check=options.check, used=_used(options)),
        "check": lambda: _check(options),
        "install": lambda: _install(options),
        "remove": lambda: _move(options, "removed to", Installer.remove),
        "restore": lambda: _move(options, "put back into", Installer.restore),
        "enable": lambda: _enable(options),
        "disable": lambda: _disable(options),
        "trust": lambda: _trust(options),
    }
    try:
        return do[options.action]()
    except BrokenPipeError:
        raise
    except (InstallError, ConsentsError, ContentsError, settings.SettingsError, OSError) as error:
        if options.json:
            terminal.data({"error": str(error)})
        else:
            terminal.err.line(error)
        return 1


def _library(options: argparse.Namespace) -> Library:
    """All skills, as this run's settings switch them; a damaged settings file switches nothing on and hides none.

    Raises:
        SettingsError: a setting of the command line does not work.
    """
    try:
        return wiring.library(settings.load(**options.settings))
    except settings.SettingsError:
        if any(value is not None for value in options.settings.values()):
            raise
        return wiring.library()


def _used(options: argparse.Namespace) -> tuple[str, ...]:
    try:
        return wiring.used_skills(settings.load(**options.settings))
    except settings.SettingsError:
        return ()  # the settings file is damaged, see `_library`


def _as_json(held: Held, used: Sequence[str]) -> dict[str, Any]:
    skill = held.skill
    return {
        "name": skill.name,
        "description": skill.description,
        "source": skill.source,
        "state": held.state,
        "used": held.state == "on" and not _unused(held, used),
        "license": skill.license,
        "scopes": list(skill.scopes),
        "tools": [{"name": tool.name, "description": tool.description} for tool in skill.tools],
        "folder": str(skill.folder),
        "hash": held.digest,
    }


def _unused(held: Held, used: Sequence[str]) -> bool:
    return bool(used) and not (held.skill.source == BUNDLED and held.skill.name in used)


def _problems_as_json(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    return [{"path": str(p.path), "text": p.text, "fatal": p.fatal} for p in problems]


def _show(library: Library, *, as_json: bool, check: bool, used: Sequence[str] = ()) -> int:
    if as_json:
        skills = [_as_json(held, used) for held in library.held]
        told = {"skills": skills, "problems": _problems_as_json(library.problems)}
        terminal.data(told, indent=2)
    else:
        if used:
            terminal.out.line(f"Pocket uses only: {', '.join(used)}.")
        for held in library.held:
            state = f", {STATES[held.state]}" if STATES[held.state] else ""
            state += ", not used by Pocket" if _unused(held, used) else ""
            terminal.out.line(f"{held.skill.name} ({held.skill.source}{state}): {held.skill.description}")
            for tool in held.skill.tools:
                terminal.out.line(f"    {tool.name}: {tool.description}")
        _print_problems(library.problems)
    return 1 if check and library.problems else 0


def _print_problems(problems: Sequence[Problem]) -> None:
    for problem in problems:
        terminal.out.line(f"{'✗ not loaded' if problem.fatal else '! '} {problem.path}: {problem.text}")


def _check(options: argparse.Namespace) -> int:
    folder: str | None = options.folder
    if folder is None:
        return _show(_library(options), as_json=options.json, check=True)
    problems: list[Problem] = []
    path = Path(folder)
    if not path.is_dir():
        raise InstallError(f"There is no folder {folder}.")
    skills = list(loading.find(path, "user", problems))
    if not skills and not problems:
        problems.append(Problem(path, "It holds no SKILL.md.", fatal=True))
    if options.json:
        told = {"skills": [skill.name for skill in skills], "problems": _problems_as_json(problems)}
        terminal.data(told, indent=2)
    else:
        terminal.out.line(f"{len(skills)} skill(s): {', '.join(skill.name for skill in skills) or 'none'}")
        _print_problems(problems)
    return 1 if problems else 0


def _agreed(cards: Sequence[Card], options: argparse.Namespace) -> bool:
    """Show the cards and ask; anything but a clear yes is a no."""
    for each in cards:
        for text in each.lines():
            terminal.err.line(text)
        terminal.err()
    if options.yes:
        return True
    if not terminal.attended():
        raise InstallError("Nobody is here to agree to this, so nothing was done. Agree with --yes.")
    names = ", ".join(each.skill.name for each in cards)
    return terminal.answer(f"Use {line(names)}? [y]es, [N]o: ") in {"y", "yes"}


def _done(options: argparse.Namespace, sentence: str, **told: object) -> int:
    if options.json:
        terminal.data(told)
    else:
        terminal.out.line(sentence)
    return 0


def _declined(options: argparse.Namespace) -> int:
    if options.json:
        terminal.data({"installed": []})
    else:
        terminal.out("Nothing was changed.")
    return 1


def _install(options: argparse.Namespace) -> int:
    installer = wiring.installer(_library(options))
    with installer.offered(Path(options.source)) as cards:
        if not _agreed(cards, options):
            return _declined(options)
        for each in cards:
            installer.install(each)
        names = [each.skill.name for each in cards]
        told = f"Installed: {', '.join(names)}. Name it with /{names[0]}, or let the model find it."
        return _done(options, told, installed=[each.as_json() for each in cards])


def _move(options: argparse.Namespace, what: str, move: Callable[[Installer, str], Path]) -> int:
    place = move(wiring.installer(_library(options)), options.name)
    hint = f" Put it back with: deskhand skills restore {options.name}" if options.action == "remove" else ""
    hint = f" Use it with: deskhand skills enable {options.name}" if options.action == "restore" else hint
    return _done(options, f"{options.name} was {what} {place}.{hint}", name=options.name, place=str(place))


def _held(library: Library, name: str) -> Held:
    held = library.find(name)
    if held is None:
        raise InstallError(f"There is no skill {name}. See: deskhand skills list")
    return held


def _enable(options: argparse.Namespace) -> int:
    library, agreed = _library(options), wiring.consents()
    held = _held(library, options.name)
    skill = held.skill
    if held.state in {"new", "changed"}:
        others = [other.skill for other in library.held]
        made = card.of(skill, str(skill.folder), others, library.problems, changed=held.state == "changed")
        if not _agreed([made], options):
            return _declined(options)
        agreed.agree(skill.name, made.digest, str(skill.folder))
    else:
        agreed.switch(skill.name, on=True)
        settings.switch(skill.name, on=True)
    return _done(options, f"{skill.name} is on.", name=skill.name, state="on")


def _disable(options: argparse.Namespace) -> int:
    held = _held(_library(options), options.name)
    wiring.consents().switch(held.skill.name, on=False)
    settings.switch(held.skill.name, on=False)
    return _done(options, f"{held.skill.name} is off.", name=held.skill.name, state="off")


def _trust(options: argparse.Namespace) -> int:
    project = Path(options.folder or ".").resolve()
    library, agreed = _library(options), wiring.consents()
    problems: list[Problem] = []
    skills = list(loading.find(project / ".agents" / "skills", "project", problems))
    if not skills:
        raise InstallError(f"There are no skills in {project / '.agents' / 'skills'}.")
    others = [held.skill for held in library.held]
    cards = [card.of(skill, str(skill.folder), others, problems) for skill in skills]
    if not _agreed(cards, options):
        return _declined(options)
    agreed.trust(project)
    for each in cards:
        agreed.agree(each.skill.name, each.digest, each.origin)
    names = [each.skill.name for each in cards]
    return _done(options, f"Trusted: {project}, with {', '.join(names)}.", trusted=str(project), skills=names)
