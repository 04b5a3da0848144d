"""Desktop entries (freedesktop.org Desktop Entry Specification 1.5) and programs of the PATH → argument lists."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

_TERMINALS = (
    ("x-terminal-emulator", "-e"),
    ("gnome-terminal", "--"),
    ("konsole", "-e"),
    ("xfce4-terminal", "-x"),
    ("xterm", "-e"),
)
_ESCAPES = {"s": " ", "n": "\n", "t": "\t", "r": "\r", "\\": "\\"}
_NEVER = {"halt", "init", "kexec", "poweroff", "reboot", "shutdown", "su", "sudo"}
"""Programs that would act on the machine by being started alone; those in sbin folders are never offered."""


@dataclass(frozen=True)
class Entry:
    """One application.

    Attributes:
        id: of its file, without ``.desktop``.
        name: as menus show it, without language.
        names: every other name: in other languages, the generic one, the program's.
        command: its Exec line.
        file: where it is.
        icon: its Icon line.
        terminal: runs in a terminal.
    """

    id: str
    name: str
    names: frozenset[str]
    command: str
    file: Path
    icon: str
    terminal: bool


def resolve(name: str) -> tuple[str, list[str]]:
    """Find the application that a person calls ``name``: its name and the arguments to start it.

    Raises:
        ValueError: with a sentence: no name, no such application, or one that can't be started.
    """
    wanted = " ".join(name.split())
    if not wanted or not re.fullmatch(r"[\w][\w .+\-]*", wanted):
        raise ValueError("Give the plain name of an application: letters, digits, spaces, dots, hyphens.")
    key = wanted.casefold()
    entries = list(applications())
    # The exact name first, then the generic or translated one, then the end of org.example.Editor.
    named = [entry for entry in entries if key in {entry.id.casefold(), entry.name.casefold()}]
    named += [entry for entry in entries if key in entry.names]
    named += [entry for entry in entries if key == entry.id.casefold().rpartition(".")[2]]
    if named:
        return named[0].name, arguments(named[0])
    program = _program(wanted) or _program(wanted.lower())
    if program:
        return Path(program).name, [program]
    # “browser” for the only “Web Browser”; between several the person chooses.
    words = set(key.split())
    fitting = {entry.name: entry for entry in entries if any(words <= set(each.split()) for each in entry.names)}
    if len(fitting) > 1:
        raise ValueError(f"Several applications fit {wanted}: {', '.join(sorted(fitting)[:8])}.")
    for entry in fitting.values():
        return entry.name, arguments(entry)
    known = sorted({entry.name for entry in entries}, key=str.casefold)
    close = get_close_matches(key, [n.casefold() for n in known], n=3, cutoff=0.5)
    similar = [n for n in known if n.casefold() in close or (len(key) > 2 and key in n.casefold())]
    hint = f"Similar: {', '.join(similar[:5])}." if similar else f"Known are: {', '.join(known[:15]) or 'none'}."
    raise ValueError(f"There is no application called {wanted}. {hint}")


def _program(name: str) -> str | None:
    """A program of the PATH by its plain name, except administration programs."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+\-]*", name) or name.lower() in _NEVER:
        return None
    path = os.pathsep.join(p for p in os.get_exec_path() if Path(p).name != "sbin" and Path(p).is_absolute())
    return shutil.which(name, path=path)


def applications() -> Iterator[Entry]:
    """Every application with a desktop entry; an earlier folder hides the same id of a later one."""
    home = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    system = (os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":")
    exports = ("/var/lib/flatpak/exports/share", "/var/lib/snapd/desktop")
    seen: set[str] = set()
    for folder in (home, *map(Path, system), home / "flatpak/exports/share", *map(Path, exports)):
        root = folder / "applications"
        for file in sorted(root.rglob("*.desktop")) if root.is_dir() else ():
            identity = "-".join(file.relative_to(root).with_suffix("").parts)
            if identity not in seen:
                seen.add(identity)
                entry = _entry(file, identity)
                if entry:
                    yield entry


def _entry(file: Path, identity: str) -> Entry | None:
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None  # unreadable or a dead link: for this person it is not there
    group = re.search(r"^\[Desktop Entry\]\s*\n(.*?)(?=^\[|\Z)", text, re.MULTILINE | re.DOTALL)
    if not group:
        return None
    values: dict[str, str] = {}
    for line in group.group(1).splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            values.setdefault(key.strip(), value.strip())
    command = values.get("Exec", "")
    if values.get("Type") != "Application" or values.get("Hidden") == "true" or not command:
        return None
    tried = values.get("TryExec")
    if tried and not shutil.which(tried):
        return None
    name = values.get("Name", identity)
    names = {v.casefold() for k, v in values.items() if re.fullmatch(r"(Generic)?Name(\[.+\])?", k)}
    words = split(command)
    if words:
        names.add(Path(words[0]).name.casefold())
    terminal = values.get("Terminal") == "true"
    return Entry(identity, name, frozenset(names), command, file, values.get("Icon", ""), terminal)


def split(command: str) -> list[str]:
    """Split an Exec value by the specification's quoting: double quotes, in which a backslash escapes."""
    # First the escapes of every string value of a desktop entry, then the quoting of Exec.
    plain = re.sub(r"\\([sntr\\])", lambda m: _ESCAPES[m.group(1)], command)
    words: list[str] = []
    for match in re.finditer(r'(?:"((?:[^"\\]|\\.)*)"|[^\s"]+)+', plain):
        word = re.sub(r'"((?:[^"\\]|\\.)*)"', lambda m: re.sub(r"\\([\"`$\\])", r"\1", m.group(1)), match.group(0))
        words.append(word)
    return words


def arguments(entry: Entry) -> list[str]:
    """The argument list of an entry without files to open: field codes are filled in or left out.

    Raises:
        ValueError: its command is not there, or it needs a terminal and there is none.
    """
    words: list[str] = []
    codes = {"%%": "%", "%c": entry.name, "%k": str(entry.file)}
    for word in split(entry.command):
        if word in {"%f", "%F", "%u", "%U", "%d", "%D", "%n", "%N", "%v", "%m"}:
            continue
        if word == "%i":
            words += ["--icon", entry.icon] if entry.icon else []
            continue
        words.append(re.sub(r"%.", lambda m: codes.get(m.group(0), ""), word))
    program = shutil.which(words[0]) if words else None
    if not program:
        raise ValueError(f"{entry.name} is listed but its program {words[0] if words else ''} is not installed.")
    words[0] = program
    if entry.terminal:
        for terminal, flag in _TERMINALS:
            if found := shutil.which(terminal):
                return [found, flag, *words]
        raise ValueError(f"{entry.name} runs in a terminal and none is installed, for example xterm.")
    return words
