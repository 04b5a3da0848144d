"""The box of macOS: a profile for ``sandbox-exec`` with the limits that bubblewrap keeps on Linux. Pure.

Written by the language's own rules (SBPL, a Scheme: strings escape backslash and quote; the last rule that matches
counts) and tested as text; it has not been run on a Mac. `sandbox.status` therefore believes it only after a program in
it was let do what it may and kept from what it may not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

PROGRAM = "/usr/bin/sandbox-exec"

_SYSTEM = ("/usr/lib", "/usr/share", "/usr/bin", "/bin", "/System", "/Library/Frameworks", "/private/var/db/dyld")
"""What an interpreter needs of the system; nothing of /Users, /private/etc or /Volumes."""

_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")


class ProfileError(ValueError):
    """A path that no rule can name exactly; the message is a sentence."""


def command(
    program: Sequence[str],
    *,
    read: Iterable[Path] = (),
    write: Iterable[Path] = (),
    hide: Iterable[Path] = (),
    network: bool = False,
) -> list[str]:
    """``program`` in the box; arguments as of `profile`."""
    return [PROGRAM, "-p", profile(read=read, write=write, hide=hide, network=network), *program]


def profile(
    *, read: Iterable[Path] = (), write: Iterable[Path] = (), hide: Iterable[Path] = (), network: bool = False
) -> str:
    """What a program may do; everything else it may not.

    Args:
        read: files and folders that it may read besides the system.
        write: folders that it may read and write.
        hide: folders of which it may do nothing, wherever they lie in the above; but for what of them is named there.
        network: it shares the machine's network; never for a skill.

    Raises:
        ProfileError: a path is relative or holds a control character or ``..``.
    """
    readable, writable, hidden = ([str(path) for path in paths] for paths in (read, write, hide))
    inner = [
        path for path in (*readable, *writable) if any(PurePosixPath(path).is_relative_to(each) for each in hidden)
    ]
    lines = [
        "(version 1)",
        "(deny default)",
        "(allow process-fork)",
        "(allow signal (target same-sandbox))",
        "(allow sysctl-read)",
        _rule("process-exec", "subpath", [*_SYSTEM, *readable]),
        _rule("file-read*", "subpath", [*_SYSTEM, *readable, *writable]),
        _rule("file-read*", "literal", ["/", *_DEVICES]),
        _rule("file-read-metadata", "literal", _above([*readable, *writable])),
        _rule("file-write-data", "literal", ["/dev/null"]),
        _rule("file-write*", "subpath", writable),
        # The last rule that matches counts.
        _rule("file-read* file-write* process-exec", "subpath", hidden, "deny"),
        _rule("file-read*", "subpath", inner),
        _rule("process-exec", "subpath", [path for path in inner if path in readable]),
        _rule("file-write*", "subpath", [path for path in inner if path in writable]),
        # Whatever lies in a folder that it may write is data: no set-user-id, no device, nothing that runs as another.
        "(deny file-write-setugid)",
        "(deny mach-lookup)",
        "(allow network*)" if network else "(deny network*)",
    ]
    return "\n".join(line for line in lines if line) + "\n"


def _rule(operation: str, kind: str, paths: Iterable[str], verdict: str = "allow") -> str:
    named = " ".join(f"({kind} {_quoted(path)})" for path in dict.fromkeys(paths))
    return f"({verdict} {operation} {named})" if named else ""


def _above(paths: Iterable[str]) -> list[str]:
    """The folders that lead to ``paths``, of which a program may know that they are there."""
    return [str(folder) for path in paths for folder in PurePosixPath(path).parents if str(folder) != "/"]


def _quoted(path: str) -> str:
    if not path.startswith("/") or ".." in PurePosixPath(path).parts or not path.isprintable() or path == "/..":
        raise ProfileError(f"No sandbox can be made for the path {path!r}.")
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
