"""The screen, through the app: pixels go to the model and never to this process."""

from __future__ import annotations

from typing import Any, Protocol


class Host(Protocol):
    """What Deskhand gives a tool."""

    def look(self) -> dict[str, Any]:
        """Show the model a screenshot and tell where it is from."""
        ...

    def ask(self, name: str, /, **arguments: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Ask the application."""
        ...


def look(host: Host) -> dict[str, Any]:
    """Take a screenshot and see what is on the screen now.

    Args:
        host: given by Deskhand.
    """
    seen = host.look()
    return {"screenshot": seen["source"]}


def read(host: Host, aloud: bool = False) -> dict[str, Any]:
    """Read all text that is on the screen now, exactly, row by row.

    Args:
        host: given by Deskhand.
        aloud: speak it to the person.
    """
    return host.ask("read_screen", **({"aloud": True} if aloud else {}))


def find(host: Host, text: str) -> dict[str, Any]:
    """Find where a text stands on the screen and mark it for the person, or for a click there.

    Args:
        host: given by Deskhand.
        text: what stands there, such as the words on a button.
    """
    return host.ask("find_on_screen", text=text)
