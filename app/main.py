"""The `deskhand` command: the window without words, the same jobs in the terminal with them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from deskhand.app import cli


def display_available() -> bool:
    """Whether a window can be opened here: an X or Wayland display, or an operating system that always has one."""
    if sys.platform in {"darwin", "win32"}:
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run Deskhand and return the exit code."""
    options = cli.parse(arguments)
    if options.command is not None:
        return cli.run(options)
    if not display_available() and os.environ.get("QT_QPA_PLATFORM") != "offscreen":
        print(
            "Deskhand's window needs a display, and there is none here (DISPLAY and WAYLAND_DISPLAY are not set).\n"
            'In the terminal it works without one: deskhand ask "What time is it?"   (deskhand --help says more)',
            file=sys.stderr,
        )
        return 1
    from deskhand.app import desktop  # noqa: PLC0415 - Qt is not loaded for the command line

    return desktop.run(options)


if __name__ == "__main__":
    sys.exit(main())
