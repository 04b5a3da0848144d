"""Opening a file with the person's own program."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from deskhand.agent.tools.host import Asked, HostError, Told

SETTLE = 0.5
"""Seconds in which an opener that finds no program ends again."""


def open_file(asked: Asked) -> Told:
    """Open a file; raises HostError with a sentence where nothing opens it."""
    path = Path(asked.arguments["path"]).absolute()  # a name that begins with - would be an option
    if not path.is_file():
        raise HostError(f"There is no file {path}.")
    opener = shutil.which("open" if sys.platform == "darwin" else "xdg-open")
    if opener is None:
        raise HostError("Nothing opens files here. On Debian or Ubuntu: sudo apt-get install xdg-utils")
    nothing = subprocess.DEVNULL
    try:
        process = subprocess.Popen(
            [opener, str(path)], stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True
        )
        code = process.wait(timeout=SETTLE)
    except subprocess.TimeoutExpired:
        code = 0
    except OSError as error:
        raise HostError(f"{path.name} could not be opened: {error.strerror}.") from error
    if code:
        raise HostError(f"No program on this machine opens {path.name}: the file is in {path.parent}.")
    return Told({"opened": str(path)})
