"""Groups of figures one after the other, each in a process of its own, with progress, limits and a memory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from pathlib import Path

PATIENCE = 12
"""Times of what is expected after which a group is taken to hang: a busy machine is ten times slower."""

LEAST = 600.0
"""Seconds that every group may take."""

_LAST_LINES = 5


class Outcome(Enum):
    """What became of a group."""

    MEASURED = "measured"
    KEPT = "was measured before the run was broken off"
    FAILED = "failed"


class Course:
    """A run of groups.

    Args:
        folder: of logs, rows, and what is remembered of a run that did not end.
        expected: seconds by group.
        command: what measures a group and writes its rows to a file.
        keep: takes that file.
        say: is told of progress, a line each.
        least: seconds that every group may take.
    """

    def __init__(
        self,
        folder: Path,
        expected: Mapping[str, float],
        command: Callable[[str, Path], list[str]],
        keep: Callable[[Path], None],
        *,
        say: Callable[[str], None] = lambda line: print(line, flush=True),  # noqa: T201 - its output
        least: float = LEAST,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._expected, self._command, self._keep = folder, expected, command, keep
        self._say, self._least = say, least
        self._state = folder / "course.json"

    def run(self, groups: Sequence[str], runs: int, *, afresh: bool = False, part: bool = False) -> dict[str, Outcome]:
        """Measure all groups that an unfinished run of the same commit and number of runs has not.

        Args:
            groups: in this order.
            runs: by group, as the command was told.
            afresh: measure them all.
            part: measure them all, and leave an unfinished run as it is.
        """
        of = f"{_commit()} {runs}"
        done = [] if afresh or part else self._remembered(of)
        outcomes = {group: Outcome.KEPT for group in groups if group in done}
        began = time.monotonic()
        for number, group in enumerate(groups, 1):
            left = sum(self._expected[other] for other in groups if other not in outcomes)
            place = f"{time.strftime('%H:%M:%S')} {number}/{len(groups)} {group}"
            if group in done:
                self._say(f"{place}: {Outcome.KEPT.value}")
                continue
            self._say(f"{place}: some {self._expected[group]:.0f} s, {left / 60:.0f} minutes to the end if it is quiet")
            started = time.monotonic()
            problem = self._measured(group)
            outcomes[group] = Outcome.FAILED if problem else Outcome.MEASURED
            if not problem:
                done.append(group)
                if not part:
                    self._remember(of, done)
            self._say(f"    {problem or Outcome.MEASURED.value} after {time.monotonic() - started:.0f} s")
        failed = [group for group, outcome in outcomes.items() if outcome is Outcome.FAILED]
        took = f"{(time.monotonic() - began) / 60:.1f} minutes"
        self._say(f"{took}; {'failed: ' + ', '.join(failed) if failed else 'every group was measured'}")
        if not failed and not part:
            self._state.unlink(missing_ok=True)
        return outcomes

    def _measured(self, group: str) -> str:
        """Measure one group; why that failed, or nothing."""
        into, log = self._folder / f"{group}.rows.json", self._folder / f"{group}.log"
        into.unlink(missing_ok=True)
        limit = max(self._least, PATIENCE * self._expected[group])
        with log.open("w") as file:
            # A session of its own: a group that is ended takes the engines along that it has started.
            process = subprocess.Popen(
                self._command(group, into), stdout=file, stderr=subprocess.STDOUT, start_new_session=True
            )
            try:
                code: int | None = process.wait(limit)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                _end(process)
        try:
            if code == 0:
                self._keep(into)
                return ""
        except (OSError, ValueError, TypeError, KeyError) as error:
            return f"failed: its rows can't be used ({error!r})"
        why = f"failed: it hung for {limit:.0f} s" if code is None else f"failed with code {code}"
        end = log.read_text(errors="replace").splitlines()[-_LAST_LINES:]
        return "\n        ".join([f"{why}; the end of {log}:", *end])

    def _remembered(self, of: str) -> list[str]:
        try:
            found = json.loads(self._state.read_text("utf-8"))
            return [str(group) for group in found["groups"]] if found["of"] == of else []
        except (OSError, ValueError, KeyError, TypeError):
            return []

    def _remember(self, of: str, groups: list[str]) -> None:
        self._state.write_text(json.dumps({"of": of, "groups": groups}), "utf-8")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a group's process, if it runs, and what it has left running."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _commit() -> str:
    """The commit that is measured; figures of two are not one run."""
    asked = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return asked.stdout.strip() or "no commit"
