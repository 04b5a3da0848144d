"""Asking for the key of a skill in a terminal: what is typed is not shown, and Stop ends the question."""

from __future__ import annotations

import contextlib
import sys
import termios
import threading
from collections.abc import Callable, Generator
from concurrent.futures import InvalidStateError

from deskhand.agent.skills.secrets import SecretRequest
from deskhand.app import terminal


def asker(cancel: threading.Event) -> Callable[[SecretRequest], None] | None:
    """What asks the person at the terminal, in any thread; None where there is no terminal.

    Args:
        cancel: of the turn; ends the question.
    """
    return (lambda request: _ask(request, cancel)) if sys.stdin.isatty() else None


def _ask(request: SecretRequest, cancel: threading.Event) -> None:
    terminal.err()
    terminal.err.line(f"The skill {request.skill} needs a key of yours.")
    if request.description.strip():
        terminal.err.line(f"It says: {request.description.strip()}")
    terminal.err("It is kept for this skill alone and goes into no prompt, conversation or log.")
    with _unseen():
        # Not before it is unseen: what is typed at once would be shown.
        terminal.err("Key (not shown; Enter for none): ", end="")
        given = terminal.typed(cancel)
    terminal.err()
    with contextlib.suppress(InvalidStateError):  # the turn was stopped meanwhile
        request.reply.set_result(given)


@contextlib.contextmanager
def _unseen() -> Generator[None]:
    """Let the terminal not show what is typed; afterwards it does again, whatever happened."""
    before = termios.tcgetattr(sys.stdin)
    quiet = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    termios.tcsetattr(sys.stdin, termios.TCSAFLUSH, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSAFLUSH, before)
