"""Sets the limits of a program and becomes it: ``launch.py LIMITS FOLDER PROGRAM ARGUMENT…``. A script of its own.

``LIMITS`` is ``name=bytes`` with commas between, names as in `resource` (``as``, ``data``, ``fsize``). The limits are
set here and not in our process, where they would be ours too.
"""

from __future__ import annotations

import os
import resource
import sys


def main() -> None:
    """Set the limits, go to the folder, become the program."""
    limits, folder, *command = sys.argv[1:]
    for entry in filter(None, limits.split(",")):
        name, _, most = entry.partition("=")
        resource.setrlimit(getattr(resource, f"RLIMIT_{name.upper()}"), (int(most), int(most)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.chdir(folder)
    os.execv(command[0], command)  # noqa: S606 - no shell, which is what is wanted


if __name__ == "__main__":
    main()
