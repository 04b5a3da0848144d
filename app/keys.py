"""Asking for the key of a skill in a terminal: what is typed is not shown, and Stop ends the question."""

from __future__ import annotations

import contextlib
import select
import sys
import termios
import threading
from collections.abc import Callable, Generator
from concurrent.futures import InvalidStateError

from deskhand.agent.skills.secrets import SecretRequest
from deskhand.app.visible import shown


def asker(cancel: threading.Event) -> Callable[[SecretRequest], None] | None:
    """What asks the person at the terminal, in any thread; None where there is no terminal.

    Args:
        cancel: of the turn; ends the question.
    """
    return (lambda request: _ask(request, cancel)) if sys.stdin.isatty() else None


def _ask(request: SecretRequest, cancel: threading.Event) -> None:
    print(f"\nThe skill {shown(request.skill)} needs a key of yours.", file=sys.stderr)
    if request.description.strip():
        print(shown(f"It says: {request.description.strip()}"), file=sys.stderr)
    print("It is kept for this skill alone and goes into no prompt, conversation or log.", file=sys.stderr)
    with _unseen():
        # Not before it is unseen: what is typed at once would be shown.
        print("Key (not shown; Enter for none): ", end="", file=sys.stderr, flush=True)
        given = _line(cancel)
    print(file=sys.stderr)
    with contextlib.suppress(InvalidStateError):  # the turn was stopped meanwhile
        request.reply.set_result(given)


def _line(cancel: threading.Event) -> str:
    """What the person types up to Enter; empty when the turn is stopped. The standard `getpass` can't be ended so."""
    while not select.select([sys.stdin], [], [], 0.1)[0]:
        if cancel.is_set():
            return ""
    return sys.stdin.readline().strip()


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
