"""`deskhand reset`: puts a settings file or a history aside that can't be used, and keeps it."""

from __future__ import annotations

import argparse

from deskhand.agent import database
from deskhand.app import instance, settings, terminal, wiring


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("what", choices=["settings", "history"], help="which file begins afresh")


def run(options: argparse.Namespace) -> int:
    """Put it aside and return 0; raises SettingsError or HistoryError where that can't be done."""
    if options.what == "history" and instance.running():
        terminal.err.line("Deskhand's window is open: quit it first, or use its own button.")
        return 1
    old = settings.reset() if options.what == "settings" else database.set_aside(wiring.history_file())
    if old is None:
        terminal.out("There is nothing to put aside.")
    else:
        terminal.out.line(f"Deskhand starts with fresh {_NAMES[options.what]}. The old file is kept: {old}")
    return 0


_NAMES = {"settings": "settings", "history": "chat history"}
