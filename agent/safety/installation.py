"""What of the disk belongs to a program: its virtual environment or package and its interpreter, and nothing beside.

A program in ``~/.local/bin`` stands beside the keys, the history and the mails of the person, so the folder above it is
never taken for its installation. What can't be told from other files is not taken; the person can name it.
Layouts: virtual environments by ``pyvenv.cfg`` (PEP 405; pipx and uv make them), launchers of pip and uv (distlib's
``ScriptMaker``), ``pip install --user`` (``site.USER_BASE``), ``node_modules`` of npm, prefixes as ``make install``
fills them (nvm, pyenv's versions), shims of pyenv.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SYSTEM = ("/usr", "/bin", "/lib", "/lib64")
"""What every box sees anyway."""

_SECRET = (".ssh", ".gnupg", ".local/share/keyrings", ".password-store", ".mozilla", ".thunderbird", ".pki", ".aws")
"""In the person's home: nothing of it belongs to a program that is installed."""

_SHARED = (
    "", ".config", ".cache", ".local", ".local/share", ".local/state", ".cargo", ".kube", ".docker", "Desktop",
    "Documents", "Downloads", "Music", "Pictures", "Public", "Templates", "Videos",
)  # fmt: skip
"""Likewise, folders that belong to no program alone; what is in them may."""

_PREFIX = {"bin", "sbin", "lib", "lib32", "lib64", "libexec", "share", "include", "etc", "man", "doc", "ssl"}
"""The folders of a prefix in which one program is installed; with any other it is more than that."""

_PACKAGE = ("package.json", "pyproject.toml", "setup.py")
_PYTHON = re.compile(r"python[0-9.]*")
_HEAD = 4096
_MOST_LINKS = 40


class InstallationError(Exception):
    """A program that nothing can be taken for; the message is a sentence that says what to do."""


@dataclass(frozen=True)
class Installation:
    """How a program is started, and what it has to see for that.

    Attributes:
        program: what to start: where links lead to, as programs look for their parts beside themselves.
        paths: files and folders, besides the system's.
        folders: where programs are that it may start by their names.
        environment: what tells it where its parts are.
    """

    program: Path
    paths: tuple[Path, ...] = ()
    folders: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


def find(launcher: Path, private: Sequence[Path] = ()) -> Installation:
    """What belongs to the program that ``launcher`` is or starts.

    Args:
        launcher: an absolute path.
        private: folders of ours, of which nothing may be seen.

    Raises:
        InstallationError: it lies where no program may look, or only looks for another one.
    """
    return _Search(launcher, private).found()


def within(path: Path, places: Sequence[Path | str]) -> bool:
    """Whether a path is one of ``places`` or in one."""
    return any(path.is_relative_to(place) for place in places)


class _Search:
    def __init__(self, launcher: Path, private: Sequence[Path]) -> None:
        home = Path.home()
        self._launcher = launcher
        self._closed = [path.resolve() for path in (*private, *(home / name for name in _SECRET))]
        self._shared = [*self._closed, *((home / name).resolve() for name in _SHARED)]
        self._paths: list[Path] = []
        self._folders: list[str] = []
        self._environment: dict[str, str] = {}

    def found(self) -> Installation:
        hops = list(_hops(self._launcher))
        environment = next((folder for hop in hops if (folder := _venv(hop))), None)
        if environment is not None:
            # Python knows its environment by the path it is started by, so no link is followed out of one.
            program = next(hop for hop in hops if _venv(hop) == environment)
            self._take_environment(environment, program)
        else:
            program = hops[-1]
            # One program may do different things by the name it is called by.
            if program.name != self._launcher.name and not _head(program).startswith(b"#!"):
                program = self._launcher
            self._take_program(program, hops[-1])
        own = list(dict.fromkeys(self._paths))
        paths = [path for path in own if not within(path, [other for other in own if other != path])]
        return Installation(program, tuple(paths), (str(program.parent), *self._folders), self._environment)

    def _take_environment(self, folder: Path, program: Path) -> None:
        self._take_python(folder, program)
        for hop in _hops(folder / "bin" / "python"):
            if _venv(hop) is None and not within(hop, SYSTEM):
                self._take_python(hop.parent.parent, hop)

    def _take_program(self, program: Path, real: Path) -> None:
        """A program outside of a virtual environment, and what runs it."""
        if self._launcher.parent.name == "shims":
            self._shims(self._launcher)
        interpreter = _interpreter(real)
        runs_python = interpreter is not None and _PYTHON.fullmatch(interpreter.name)
        if _PYTHON.fullmatch(real.name) and not within(real, SYSTEM):
            self._take_python(real.parent.parent, real)
        elif not within(real, SYSTEM):
            folder = _modules(real) or _prefix(real) or (_package(real) if interpreter else None)
            if folder is not None and not self._mixed(folder):
                self._add(folder)
            self._add(real)
            if runs_python and interpreter is not None:
                self._user_packages(real.parent.parent, interpreter)
        if program != real:
            self._add(program)
        if interpreter is not None:
            self._folders.append(str(interpreter.parent))
            folder = _venv(interpreter)
            if folder is not None:
                self._take_environment(folder, interpreter)
            elif interpreter != real:
                self._take_program(interpreter, list(_hops(interpreter))[-1])

    def _take_python(self, prefix: Path, program: Path) -> None:
        """A prefix or environment of Python; of one that other things are in only what is Python's."""
        if not self._mixed(prefix):
            self._add(prefix)
            return
        self._add(program)
        for pattern in ("pyvenv.cfg", "bin/python*", "lib/python3*", "lib/libpython3*", "lib64/python3*"):
            for path in prefix.glob(pattern):
                self._add(path)

    def _user_packages(self, prefix: Path, interpreter: Path) -> None:
        """Packages of ``pip install --user``, which Python looks for below a home that is another one in the box."""
        version = list(_hops(interpreter))[-1].name
        folders = list(prefix.glob(f"lib/{version}/site-packages")) or list(prefix.glob("lib/python3*/site-packages"))
        for folder in folders:
            self._add(folder)
            self._environment["PYTHONUSERBASE"] = str(prefix)

    def _shims(self, shim: Path) -> None:
        """Take what a shim of pyenv or its like needs: the program is found below the folder that holds the shims."""
        root = shim.parent.parent
        if not (root / "libexec").is_dir() or self._mixed(root):
            raise InstallationError(
                f"{self._launcher} only looks for another program. Name that one instead; the tool that made it tells "
                f"where it is, such as: mise which {self._launcher.name}"
            )
        self._add(root)

    def _mixed(self, folder: Path) -> bool:
        """Whether a folder holds more than one program, or is none's."""
        real = folder.resolve()
        return len(real.parts) <= 2 or any(place.is_relative_to(real) for place in self._shared)

    def _add(self, path: Path) -> None:
        if within(path, SYSTEM):
            return
        if within(path.resolve(), self._closed) or any(place.is_relative_to(path.resolve()) for place in self._closed):
            raise InstallationError(f"{path} is or holds what no program is given. Install the program elsewhere.")
        # By the path it is looked for, and by the one that this leads to.
        self._paths += [path, path.resolve()]


def _hops(path: Path) -> Iterator[Path]:
    """A path and what it leads to, link by link; a program that is there."""
    for _ in range(_MOST_LINKS):
        yield path
        if not path.is_symlink():
            break
        # The folder may be a link too, which counts before "..".
        path = Path(os.path.normpath(path.parent.resolve() / path.readlink()))
    if path != path.resolve():
        yield path.resolve()


def _venv(program: Path) -> Path | None:
    """The virtual environment whose program it is."""
    folder = program.parent.parent
    return folder if program.parent.name == "bin" and (folder / "pyvenv.cfg").is_file() else None


def _modules(program: Path) -> Path | None:
    """The outermost ``node_modules`` it is in: packages find each other there."""
    return next((folder for folder in reversed(program.parents) if folder.name == "node_modules"), None)


def _prefix(program: Path) -> Path | None:
    """The prefix in which one program is installed."""
    folder = program.parent.parent
    if program.parent.name != "bin":
        return None
    try:
        folders = {entry.name for entry in os.scandir(folder) if entry.is_dir()}
    except OSError:
        return None
    return folder if folders <= _PREFIX else None


def _package(program: Path) -> Path | None:
    """The nearest folder above that is a package, as its author unpacked or built it."""
    return next((folder for folder in program.parents if any((folder / name).is_file() for name in _PACKAGE)), None)


def _interpreter(program: Path) -> Path | None:
    """What runs a script, by its first lines."""
    lines = _head(program).decode(errors="replace").splitlines()
    if not lines or not lines[0].startswith("#!"):
        return None
    words = lines[0][2:].split()
    # A path that is too long for a first line stands in the second, which is a text to Python and a command to sh.
    if len(lines) > 1 and lines[1].startswith("'''exec'"):
        try:
            words = shlex.split(lines[1].removeprefix("'''exec'"))[:1]
        except ValueError:
            return None
    if words and Path(words[0]).name == "env":
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    if not words:
        return None
    found = shutil.which(words[0], path=f"{program.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}")
    return Path(found).absolute() if found else None


def _head(program: Path) -> bytes:
    try:
        with program.open("rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""
