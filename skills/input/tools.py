"""Mouse and keyboard, through the app: the person sees the place marked before anything happens there."""

from __future__ import annotations

from typing import Any, Literal, Protocol


class Host(Protocol):
    """What Deskhand gives a tool."""

    def ask(self, name: str, /, **arguments: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Ask the application."""
        ...


def click(
    host: Host, x: int, y: int, button: Literal["left", "middle", "right"] = "left", double: bool = False
) -> dict[str, Any]:
    """Click at a place of the screen.

    Args:
        host: given by Deskhand.
        x: thousandths of the screen's width, from the left.
        y: thousandths of its height, from the top.
        button: of the mouse.
        double: twice, to open something.
    """
    return host.ask("click", x=x, y=y, button=button, double=double)


def scroll(
    host: Host, x: int, y: int, direction: Literal["up", "down", "left", "right"] = "down", turns: int = 3
) -> dict[str, Any]:
    """Turn the mouse wheel at a place of the screen.

    Args:
        host: given by Deskhand.
        x: thousandths of the screen's width.
        y: thousandths of its height.
        direction: where to.
        turns: how far, 1 to 30.
    """
    return host.ask("scroll", x=x, y=y, direction=direction, turns=turns)


def type_(host: Host, text: str) -> dict[str, Any]:
    """Type text into the field that has the keyboard.

    Args:
        host: given by Deskhand.
        text: exactly what is typed; a new line presses Enter.
    """
    return host.ask("type_text", text=text)


def keys(host: Host, combination: str) -> dict[str, Any]:
    """Press one combination of keys.

    Args:
        host: given by Deskhand.
        combination: such as "ctrl+s", "alt+Tab", "Enter", "F5".
    """
    return host.ask("press_keys", keys=combination)
