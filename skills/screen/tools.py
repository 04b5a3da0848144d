"""The screen, through the app: pixels go to the model and never to this process."""

from __future__ import annotations

from typing import Any, Protocol


class Host(Protocol):
    """What Deskhand gives a tool."""

    def look(self) -> dict[str, Any]:
        """Show the model a screenshot and tell where it is from."""
        ...


def look(host: Host) -> dict[str, Any]:
    """Take a screenshot and see what is on the screen now.

    Args:
        host: given by Deskhand.
    """
    seen = host.look()
    return {"screenshot": f"{seen['width']}×{seen['height']} pixels, it follows", "source": seen["source"]}
