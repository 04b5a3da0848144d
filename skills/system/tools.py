"""The desktop, through the app."""

from __future__ import annotations

from typing import Any, Protocol


class Host(Protocol):
    """What Deskhand gives a tool."""

    def ask(self, name: str, /, **arguments: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Ask the application."""
        ...


def windows(host: Host) -> dict[str, Any]:
    """List the open windows, the one in front first.

    Args:
        host: given by Deskhand.
    """
    return host.ask("windows")


def focus(host: Host, title: str) -> dict[str, Any]:
    """Bring a window to the front.

    Args:
        host: given by Deskhand.
        title: of the window or its program, or a part that only one has.
    """
    return host.ask("focus_window", title=title)


def close(host: Host, title: str) -> dict[str, Any]:
    """Close a window, as its own button does.

    Args:
        host: given by Deskhand.
        title: of the window or its program, or a part that only one has.
    """
    return host.ask("close_window", title=title)


def volume(host: Host, percent: int | None = None, muted: bool | None = None) -> dict[str, Any]:
    """Tell the volume, or set it.

    Args:
        host: given by Deskhand.
        percent: 0 to 100; left out, it stays.
        muted: whether there is silence; left out, it stays.
    """
    given = {"percent": percent, "muted": muted}
    return host.ask("volume", **{key: value for key, value in given.items() if value is not None})


def brightness(host: Host, percent: int | None = None) -> dict[str, Any]:
    """Tell the brightness of the screen, or set it.

    Args:
        host: given by Deskhand.
        percent: 5 to 100; left out, it stays.
    """
    return host.ask("brightness", **({} if percent is None else {"percent": percent}))


def battery(host: Host) -> dict[str, Any]:
    """Tell how full the battery is.

    Args:
        host: given by Deskhand.
    """
    return host.ask("battery")
