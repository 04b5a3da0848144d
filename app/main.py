"""The `deskhand` command: the window without words, the same jobs in the terminal with them."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence

from deskhand.app import streams

INTERRUPTED = 130
"""The exit code after Ctrl+C, as shells have it."""
UNREAD = 141
"""Likewise where whoever reads has gone: ``deskhand … | head``."""


def display_available() -> bool:
    """Whether a window can be opened here: an X or Wayland display, or an operating system that always has one."""
    if sys.platform in {"darwin", "win32"}:
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run Deskhand and return the exit code: whatever happens, in one sentence and without a traceback."""
    streams.repair()
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        streams.abandon()
        return UNREAD
    except Exception as error:  # noqa: BLE001 - the last resort
        with contextlib.suppress(OSError):
            print(_sentence(error), file=sys.stderr)
        return 1
    return code


def _sentence(error: Exception) -> str:
    """What a person is told: errors of our own say what to do, of every other the log keeps the traceback."""
    from deskhand.app.visible import line  # noqa: PLC0415 - nothing is imported before `main` can tell a failure

    if type(error).__module__.startswith("deskhand."):
        return line(error)
    import logging  # noqa: PLC0415 - likewise

    from deskhand.app import errorlog  # noqa: PLC0415 - likewise

    logging.getLogger(__name__).error("the command failed", exc_info=error)
    return line(errorlog.sentence("Deskhand could not do that", error))


def _run(arguments: Sequence[str] | None) -> int:
    from deskhand.app import cli, environment, errorlog  # noqa: PLC0415 - see `_sentence`

    environment.repair()
    errorlog.install()
    options = cli.parse(arguments)
    streams.repair(json=bool(getattr(options, "json", False)))
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
