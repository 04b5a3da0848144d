"""The selected text, through the app."""

from __future__ import annotations

from typing import Any, Protocol


class Host(Protocol):
    """What Deskhand gives a tool."""

    def ask(self, name: str, /, **arguments: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Ask the application."""
        ...


def read(host: Host, copied: bool = False) -> dict[str, Any]:
    """Read the text that is selected.

    Args:
        host: given by Deskhand.
        copied: read what was copied instead, where the desktop does not tell what is selected.
    """
    return host.ask("read_clipboard", place="clipboard" if copied else "selection")


def replace(host: Host, text: str) -> dict[str, Any]:
    """Type a text over what is selected, in the program where it is selected.

    Args:
        host: given by Deskhand.
        text: exactly what takes its place.
    """
    return host.ask("replace_selection", text=text)
