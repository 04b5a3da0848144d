"""What goes on behind the conversation: the application keeps it, and comes back with a turn of its own."""

from __future__ import annotations

from typing import Any, Protocol


class Host(Protocol):
    """What Deskhand gives a tool."""

    def ask(self, name: str, /, **arguments: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Ask the application."""
        ...


def watch(host: Host, what: str = "", minutes: float = 60, every: float = 10) -> dict[str, Any]:
    """Watch the screen, and come back when something is so on it.

    Args:
        host: given by Deskhand.
        what: what to wait for, as it is seen on the screen; empty for any change.
        minutes: how long, at most 480.
        every: seconds between two looks.
    """
    return host.ask("watch", what=what, seconds=minutes * 60, every=every)


def later(host: Host, what: str, minutes: float) -> dict[str, Any]:
    """Do something after some minutes.

    Args:
        host: given by Deskhand.
        what: what to do then, in the person's words.
        minutes: from now.
    """
    return host.ask("later", what=what, seconds=minutes * 60)


def list_(host: Host) -> dict[str, Any]:
    """List the watches, timers and what is to be done later.

    Args:
        host: given by Deskhand.
    """
    return host.ask("tasks")


def end(host: Host, task: str) -> dict[str, Any]:
    """End one that goes on.

    Args:
        host: given by Deskhand.
        task: its id.
    """
    return host.ask("end_task", id=task)
