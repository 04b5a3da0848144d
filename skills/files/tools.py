"""Files of the person, read through the app: only in folders that were granted."""

from __future__ import annotations

from typing import Any, Protocol


class Host(Protocol):
    """What Deskhand gives a tool."""

    def ask(self, name: str, /, **arguments: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Ask the application."""
        ...


def list_(host: Host, path: str = "") -> dict[str, Any]:
    """List a folder: names, kinds, sizes and dates.

    Args:
        host: given by Deskhand.
        path: the folder; left out, the granted folders are named.
    """
    return host.ask("list_folder", path=path)


def read(host: Host, path: str, first_line: int = 1, lines: int = 400) -> dict[str, Any]:
    """Read a text file.

    Args:
        host: given by Deskhand.
        path: of the file.
        first_line: where to begin, from 1.
        lines: how many at most.
    """
    return host.ask("read_file", path=path, first_line=first_line, lines=lines)


def search(host: Host, path: str, query: str) -> dict[str, Any]:
    """Find files whose name or text holds all words of a query.

    Args:
        host: given by Deskhand.
        path: the folder to search, with everything in it.
        query: words to look for.
    """
    return host.ask("search_files", path=path, query=query)
