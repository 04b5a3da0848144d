"""Opens the window: the application object, the bridge to the agent, and what happens at the end."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from deskhand.agent.history import HistoryError, Store
from deskhand.app import settings, wiring
from deskhand.app.bridge import Bridge, Ready
from deskhand.app.settings import Settings
from deskhand.app.theme import Theme
from deskhand.app.window import Window

_SIGNAL_MS = 250
"""Python runs its signal handlers between bytecodes: without a timer Ctrl-C waits for the next event of the window."""


def open_window(
    chosen: Settings, store: Store, theme: Theme, *, hide_while_capturing: bool = True
) -> tuple[Window, Bridge]:
    """Build the window over a bridge that loads the engine in its own thread; neither has been shown or started."""

    def load(say: Callable[[str], None]) -> Ready:
        say("Loading the engine")
        desk = wiring.build(chosen, store, bridge.notify)
        try:
            info = desk.engine.info
        except BaseException:
            desk.engine.close()
            raise
        desk.timers.start()
        return Ready(desk.agent, info, close=desk.close)

    bridge = Bridge(load, store)
    return Window(bridge, theme, hide_while_capturing=hide_while_capturing), bridge


def run(options: argparse.Namespace) -> int:
    """Show the window until it is closed; returns the exit code."""
    application = QApplication(sys.argv[:1])
    application.setApplicationName("Deskhand")
    application.setDesktopFileName("deskhand")
    try:
        chosen = settings.load(engine=options.engine, bundle=options.bundle)
        store = wiring.open_history()
    except (settings.SettingsError, HistoryError) as error:
        print(error, file=sys.stderr)
        return 1
    window, bridge = open_window(chosen, store, Theme(application))
    signal.signal(signal.SIGINT, lambda _number, _frame: window.close())
    alive = QTimer(interval=_SIGNAL_MS)
    alive.timeout.connect(lambda: None)
    alive.start()
    window.show()
    bridge.start()
    code = application.exec()
    bridge.shutdown()
    return code
