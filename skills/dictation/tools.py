"""Dictation, through the app: the microphone, the engine's hearing and the keyboard are its own."""

from __future__ import annotations

from typing import Any, Protocol


class Host(Protocol):
    """What Deskhand gives a tool."""

    def ask(self, name: str, /, **arguments: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Ask the application."""
        ...


def start(host: Host, minutes: int = 10) -> dict[str, Any]:
    """Type what the person says into the field that has the keyboard, until they end it.

    Args:
        host: given by Deskhand.
        minutes: until it ends by itself, 1 to 30.
    """
    return host.ask("dictate", minutes=minutes)
