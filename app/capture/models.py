"""What every way of capturing a screen gives and says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from deskhand.agent.tools.host import HostError


class CaptureError(HostError):
    """The screen can't be captured; the message says what to do, also to a tool that asked for a look."""


@dataclass(frozen=True, slots=True)
class Screen:
    """One monitor.

    Attributes:
        name: for the person.
        left: on the virtual desktop, in the units of its handler (physical pixels on X11).
        top: likewise.
        width: likewise.
        height: likewise.
        primary: whether the system calls it the main one.
        handler: the name of the `Handler` that knows it.
        key: how the handler finds it again.
    """

    name: str
    left: int
    top: int
    width: int
    height: int
    primary: bool = False
    handler: str = ""
    key: str = ""


@dataclass(frozen=True)
class Shot:
    """The pixels of one screen.

    Attributes:
        rgb: ``height * width * 3`` bytes, physical pixels.
        width: in physical pixels.
        height: in physical pixels.
        scale: physical pixels per unit of the `Screen`.
    """

    rgb: bytes = field(repr=False)
    width: int
    height: int
    scale: float = 1.0


class Handler(Protocol):
    """One way to capture a screen."""

    name: str

    def available(self) -> tuple[bool, str]:
        """Whether it works here, and a few words: what it is, or what is missing."""
        ...

    def screens(self) -> list[Screen]:
        """All monitors, the one in use first.

        Raises:
            CaptureError: they can't be listed.
        """
        ...

    def grab(self, screen: Screen) -> Shot:
        """Capture one of them.

        Raises:
            CaptureError: it can't be captured.
        """
        ...
