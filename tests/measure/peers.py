"""The peers as child processes: one line of JSON in, one out, what they log in a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vocabulary import BUILD, TEMPLATE, from_archive

from deskhand.model.files.bundle import Bundle

_HERE = Path(__file__).parent
_PROGRAMS = {
    "stock_handler": (Path(sys.executable), _HERE / "peer_stock.py"),
    "llama_server": (Path("build/bench-venv/bin/python"), _HERE / "peer_server.py"),
}


@dataclass(frozen=True)
class Peer:
    """A running peer."""

    name: str
    process: subprocess.Popen[str]
    log: Path

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Its reply to one conversation."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        while line := self.process.stdout.readline():
            if line.startswith("{"):
                return json.loads(line)
        raise RuntimeError(f"{self.name} ended: see {self.log}")


@contextmanager
def peer(name: str, bundle: Bundle, context: int = 8192, *, drafter: bool = True, batch: int = 1152) -> Generator[Peer]:
    """One peer with a bundle loaded, one thread, in the same settings as ours."""
    log = BUILD / f"{name}.log"
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive", "GGML_NO_BACKTRACE": "1"}
    with log.open("w") as file:
        process = subprocess.Popen(
            [str(part) for part in _PROGRAMS[name]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            env=environment,
        )
        running = Peer(name, process, log)
        try:
            setup = {
                "main": str(bundle.main),
                "mmproj": str(bundle.mmproj),
                "drafter": str(bundle.drafter) if drafter else "",
                "template": str(from_archive(TEMPLATE)),
                "context": context,
                "batch": batch,
            }
            running.ask(setup)
            yield running
        finally:
            process.kill()
            process.wait()
