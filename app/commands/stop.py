"""`deskhand stop`: ends what every running Deskhand does, the questions that wait, and what it would do later."""

from __future__ import annotations

from deskhand.agent.safety.audit import AuditError
from deskhand.app import panic, terminal, wiring


def run() -> int:
    """Stop everything and return 0, or 1 if nothing was running."""
    try:
        stopped = panic.stop_all()
        withdrawn = wiring.open_background().clear()  # what waits for its moment would act at the next start
    except OSError as error:
        terminal.err.line(f"Nothing could be stopped: {error}")
        return 1
    terminal.out.line(f"Stopped: {stopped}." if stopped else "No Deskhand is running.")
    try:
        wiring.open_audit().note("stop", reached=stopped, withdrawn=withdrawn)
    except AuditError as error:
        terminal.err.line(error)
    return 0 if stopped else 1
