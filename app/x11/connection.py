"""Connections to an X server; every one of Deskhand's is opened here."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator

from Xlib import display, error

from deskhand.agent.tools.host import HostError

FAILURES = (error.XError, error.ConnectionClosedError)
"""What a connection may raise once it is open: a window went away, or the whole desktop."""


class NoServerError(HostError):
    """There is no X server that lets us in; the message is a sentence."""


def present() -> bool:
    """Whether this is a session whose windows an X server knows; under Wayland it knows only some."""
    return bool(os.environ.get("DISPLAY")) and not os.environ.get("WAYLAND_DISPLAY")


def connect(name: str | None = None) -> display.Display:
    """A new connection, for one thread; the caller closes it.

    Args:
        name: of the display; None for the session's own.

    Raises:
        NoServerError: there is none, or it lets nobody in.
    """
    try:
        return display.Display(name)
    except (error.DisplayError, error.ConnectionClosedError, error.XauthError, OSError, KeyError) as failure:
        raise NoServerError(f"There is no X11 display here ({failure}).") from failure


def close(connection: display.Display) -> None:
    """Close a connection, also one whose server has gone."""
    with contextlib.suppress(error.ConnectionClosedError, OSError):
        connection.close()


@contextlib.contextmanager
def connected(name: str | None = None) -> Generator[display.Display]:
    """A connection for one piece of work; what it raises within the block passes through.

    Raises:
        NoServerError: as `connect`.
    """
    connection = connect(name)
    try:
        yield connection
    finally:
        close(connection)
