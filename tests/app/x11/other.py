"""Another program on a real X server: a process that makes the windows it is told to, and says what reaches them."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import Any


class Other:
    """Starts the program and tells it what to do.

    Attributes:
        said: what reached its windows, as ``[kind, window's name, detail]``.
    """

    def __init__(self, name: str = "other") -> None:
        command = [sys.executable, "-m", "tests.app.x11.program", name]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.said: list[list[Any]] = []
        self._done = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def do(self, code: str) -> None:
        """Let it run a line, and wait until the X server has done what that asks for."""
        self._process.stdin.write(f"{code}\n")
        self._process.stdin.flush()
        assert self._done.acquire(timeout=60), "the other program has ended"

    def keys(self, name: str) -> str:
        """What was typed into a window."""
        return "".join(detail for kind, window, detail in self.said if (kind, window) == ("key", name))

    def clicks(self, name: str) -> list[int]:
        """The buttons that were pressed on a window."""
        return [detail for kind, window, detail in self.said if (kind, window) == ("button", name)]

    def settle(self) -> None:
        """Wait until everything that was sent before has been read."""
        self.do("d.sync(); read()")

    def end(self) -> None:
        """End it."""
        self._process.stdin.close()
        self._process.wait()
        self._thread.join()
        self._process.stdout.close()

    def _listen(self) -> None:
        for line in self._process.stdout:
            said = json.loads(line)
            if said == ["done"]:
                self._done.release()
            else:
                self.said.append(said)
