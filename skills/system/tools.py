"""The desktop, through the app."""

from __future__ import annotations

from collections.abc import Mapping
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
    told = host.ask("windows")
    names = [_window(each) for each in told["windows"]]
    if not names:
        return {"say": "No windows are open.", **told}
    others = f" Behind it: {'; '.join(names[1:])}." if names[1:] else ""
    return {"say": f"In front is {names[0]}.{others}", **told}


def focus(host: Host, title: str) -> dict[str, Any]:
    """Bring a window to the front.

    Args:
        host: given by Deskhand.
        title: of the window or its program, or a part that only one has.
    """
    told = host.ask("focus_window", title=title)
    return {"say": f"“{told['in_front']}” is in front.", **told}


def close(host: Host, title: str) -> dict[str, Any]:
    """Close a window, as its own button does.

    Args:
        host: given by Deskhand.
        title: of the window or its program, or a part that only one has.
    """
    told = host.ask("close_window", title=title)
    return {"say": f"“{told['asked_to_close']}” was asked to close; it may ask whether to save.", **told}


def volume(host: Host, percent: int | None = None, muted: bool | None = None) -> dict[str, Any]:
    """Tell the volume, or set it.

    Args:
        host: given by Deskhand.
        percent: 0 to 100; left out, it stays.
        muted: whether there is silence; left out, it stays.
    """
    given = {"percent": percent, "muted": muted}
    told = host.ask("volume", **{key: value for key, value in given.items() if value is not None})
    level = "The volume can't be told" if told["percent"] is None else f"The volume is at {told['percent']} percent"
    return {"say": f"{level}{', and muted' if told['muted'] else ''}.", **told}


def brightness(host: Host, percent: int | None = None) -> dict[str, Any]:
    """Tell the brightness of the screen, or set it.

    Args:
        host: given by Deskhand.
        percent: 5 to 100; left out, it stays.
    """
    told = host.ask("brightness", **({} if percent is None else {"percent": percent}))
    return {"say": f"The brightness is at {told['percent']} percent.", **told}


def battery(host: Host) -> dict[str, Any]:
    """Tell how full the battery is.

    Args:
        host: given by Deskhand.
    """
    told = host.ask("battery")
    left = told["minutes_left"]
    hours, minutes = divmod(left or 0, 60)
    lasts = f" It lasts for about {f'{hours} h ' if hours else ''}{minutes} min." if left else ""
    plugged = "plugged in" if told["plugged_in"] else "not plugged in"
    return {"say": f"The battery is {told['percent']} percent full and {plugged}.{lasts}", **told}


def _window(told: Mapping[str, str]) -> str:
    """A window in words; its title is of others."""
    title, program = told["title"].strip(), told["program"].strip()
    return f"“{title}”" + (f" ({program})" if program and program.casefold() not in title.casefold() else "")
