"""Where the demonstration plays: the person's screen and microphone if they say so, else virtual ones of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from deskhand.app import virtual
from deskhand.app.main import display_available
from deskhand.app.x11.connection import connected

SCREEN = (1600, 960)


def _agreed(question: str) -> bool:
    """Ask; without a terminal nobody agrees."""
    if not sys.stdin.isatty():
        return False
    print(f"{question} [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


@contextmanager
def _wallpaper() -> Generator[None]:
    """Colour the root window of the virtual screen for as long as the connection lives."""
    with connected() as screen:
        root = screen.screen().root
        root.change_attributes(background_pixel=0x2E3440)
        root.clear_area()
        screen.sync()
        yield


@dataclass(frozen=True, slots=True)
class Devices:
    """What the demonstration plays on.

    Attributes:
        own_screen: the person's, not a virtual one.
        own_voice: the person speaks into their microphone, not a synthetic voice into a virtual one.
    """

    own_screen: bool
    own_voice: bool

    def __str__(self) -> str:
        """One line for the person."""
        screen = "your screen" if self.own_screen else "a virtual screen"
        return f"{screen}, {'your microphone' if self.own_voice else 'a virtual microphone'}"


def _microphone_available() -> bool:
    """Looked up in a process of its own: PortAudio keeps the devices of the environment in which it began."""
    look = "import sys; from deskhand.app import microphone; sys.exit(not microphone.status()[0])"
    return not subprocess.run([sys.executable, "-c", look], capture_output=True, check=False).returncode


@contextmanager
def set_up() -> Generator[Devices]:
    """Give this process a display and a microphone; must run before Qt and PortAudio are loaded."""
    with ExitStack() as stack:
        screen = display_available() and _agreed("May the demonstration open windows here and take screenshots?")
        voice = (
            sys.stdin.isatty()
            and _microphone_available()
            and _agreed("May it listen to your microphone, while you say one sentence? (else a synthetic voice does)")
        )
        if not screen:
            os.environ.pop("WAYLAND_DISPLAY", None)
            os.environ["DISPLAY"] = stack.enter_context(virtual.display(*SCREEN))
            stack.enter_context(_wallpaper())
        if not voice:
            os.environ.update(stack.enter_context(virtual.microphone()))
        yield Devices(screen, voice)


@contextmanager
def foreign_window(log: Path) -> Generator[None]:
    """Another process that shows a window with an error text, until the block ends."""
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "deskhand.app.demo.foreign"], stdout=subprocess.PIPE, stderr=errors, text=True
        )
        try:
            if process.stdout is None or process.stdout.readline().strip() != "shown":
                raise virtual.VirtualDeviceError(f"The other program's window did not open; {log} says why.")
            yield
        finally:
            process.terminate()
            process.wait()
