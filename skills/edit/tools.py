"""Files of the person, changed through the app: only in granted folders, whole or not at all."""

from __future__ import annotations

from typing import Any, Protocol


class Host(Protocol):
    """What Deskhand gives a tool."""

    def ask(self, name: str, /, **arguments: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Ask the application."""
        ...


def write(host: Host, path: str, text: str, append: bool = False) -> dict[str, Any]:
    """Write a text file; its folder must exist.

    Args:
        host: given by Deskhand.
        path: of the file.
        text: all that it shall hold, or what is added.
        append: add to the end instead of replacing everything.
    """
    return host.ask("write_file", path=path, text=text, append=append)


def replace(host: Host, path: str, old: str, new: str) -> dict[str, Any]:
    """Replace a piece of text in a file.

    Args:
        host: given by Deskhand.
        path: of the file.
        old: exactly as it stands there, once.
        new: what takes its place.
    """
    return host.ask("replace_in_file", path=path, old=old, new=new)


def delete(host: Host, path: str) -> dict[str, Any]:
    """Delete one file.

    Args:
        host: given by Deskhand.
        path: of the file.
    """
    return host.ask("delete_file", path=path)


def move(host: Host, path: str, target: str) -> dict[str, Any]:
    """Move or rename one file; nothing is replaced.

    Args:
        host: given by Deskhand.
        path: of the file.
        target: its whole new path; the folder must exist.
    """
    return host.ask("move_file", path=path, target=target)
