"""The clipboard, through the app."""

from __future__ import annotations

from typing import Any, Literal, Protocol


class Host(Protocol):
    """What Deskhand gives a tool."""

    def ask(self, name: str, /, **arguments: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Ask the application."""
        ...


def read(host: Host, place: Literal["clipboard", "selection"] = "clipboard") -> dict[str, Any]:
    """Read what was copied, or what is selected with the mouse: text, or a picture.

    Args:
        host: given by Deskhand.
        place: the clipboard, or the selection.
    """
    return host.ask("read_clipboard", place=place)


def copy(host: Host, text: str) -> dict[str, Any]:
    """Put text on the clipboard.

    Args:
        host: given by Deskhand.
        text: exactly what shall be there.
    """
    return host.ask("write_clipboard", text=text)
