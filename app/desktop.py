"""Opens the window: the application object, the bridge to the agent, and what happens at the end."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QObject, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCursor, QGuiApplication, QIcon
from PySide6.QtWidgets import QApplication, QWidget

from deskhand.agent.events import Notice
from deskhand.agent.history import Store
from deskhand.app import errorlog, settings, startup, tone, wiring
from deskhand.app.attention import Attention
from deskhand.app.bridge import Bridge, Ready
from deskhand.app.drafts import Drafts
from deskhand.app.happenings import EngineOffer
from deskhand.app.host.gui import Gui
from deskhand.app.hotkey import HotkeyError, StopKey
from deskhand.app.instance import Instance
from deskhand.app.panic import StopListener
from deskhand.app.settings import Settings
from deskhand.app.startup import Begun
from deskhand.app.trying import Trying
from deskhand.app.undoing import Undoing
from deskhand.app.window.leave import Leave
from deskhand.app.window.placement import Placement
from deskhand.app.window.repair import RepairWindow
from deskhand.app.window.theme import Theme
from deskhand.app.window.welcome import POCKET, USUAL
from deskhand.app.window.window import Window
from deskhand.model.errors import DownloadError
from deskhand.model.files import hub
from deskhand.model.files.catalog import Entry
from deskhand.model.files.transfer import Download

_FRAME = QSize(16, 48)
"""Logical pixels that a frame around the window may take."""
_log = logging.getLogger(__name__)

_SIGNAL_MS = 250
"""Python runs its signal handlers between bytecodes: without a timer Ctrl-C waits for the next event of the window."""


def _fetch(missing: Sequence[Entry], say: Callable[[str], None], cancel: threading.Event) -> None:
    for entry in missing:

        def told(state: Download, title: str = entry.title) -> None:
            say(f"Fetching {title}: {100 * state.done // max(1, state.total)} % of {state.total >> 20} MB")

        hub.fetch(entry, told, cancel)


def _offer(missing: Sequence[Entry]) -> EngineOffer:
    pocket = settings.POCKET.is_dir()
    licences = ", ".join(sorted({entry.licence.split(" (")[0] for entry in missing}))
    size = sum(entry.download_size for entry in missing) >> 20
    return EngineOffer(
        f"Download the starter models ({size} MB, once). Then everything works offline. They are free ({licences})."
        + (f" Or try Pocket, {wiring.POCKET_IS}, just this time." if pocket else ""),
        "Download",
        "Try Pocket, nothing to download" if pocket else "",
    )


def open_window(
    chosen: Settings,
    store: Store,
    theme: Theme,
    *,
    hide_while_capturing: bool = True,
    closing: threading.Event | None = None,
) -> tuple[Window, Bridge]:
    """Build the window over a bridge that loads the engine in its own thread; neither has been shown or started.

    Args:
        chosen: the settings.
        store: the history.
        theme: of the application.
        hide_while_capturing: whether screenshots are taken without the window on them.
        closing: set when the application ends; stops a download.
    """
    offered, closing = threading.Event(), closing or threading.Event()

    def load(say: Callable[[str], None]) -> Ready:
        if missing := wiring.missing_models(chosen):
            if not offered.is_set():
                offered.set()
                raise _offer(missing)
            try:
                _fetch(missing, say, closing)
            except DownloadError:
                if wiring.missing_models(chosen):  # else Pocket was chosen meanwhile
                    raise
        say("Loading the engine")
        desk = wiring.build(chosen, store, bridge.notify, ask_secret=bridge.ask_secret, gui=gui, painter=painter)
        permits.serve(desk.permissions, desk.host.grant, desk.servers)
        try:
            info = desk.engine.info
        except BaseException:
            desk.engine.close()
            raise
        desk.background.start(bridge.woken)
        leaves = [*desk.servers.leaves, *(["pages you allow"] if chosen.web else [])]
        return Ready(
            desk.agent,
            info,
            ", ".join(leaves),
            background=desk.background,
            close=desk.close,
            saw=desk.host.saw,
            answered=desk.host.answered,
            forget=wiring.forget_sessions,
        )

    def take_pocket() -> None:
        nonlocal chosen
        chosen = settings.with_pocket(chosen)
        closing.set()  # what was being fetched is not waited for
        shelf.hold_to(wiring.used_skills(chosen))
        window.greet(POCKET, chosen.image_budget)
        bridge.reload()

    painter = wiring.painter_of(chosen)
    bridge = Bridge(load, store, Undoing(wiring.open_undo()))
    gui = Gui(bridge)
    shelf, permits = wiring.shelf(wiring.used_skills(chosen)), wiring.permits(chosen)
    window = Window(
        bridge,
        theme,
        shelf=shelf,
        permits=permits,
        hide_while_capturing=hide_while_capturing,
        painter=painter,
        drafts=Drafts(settings.data_folder() / "drafts.json"),
        greeting=POCKET if chosen.engine == "pocket" and settings.POCKET.is_dir() else USUAL,
        budget=chosen.image_budget,
    )
    window.instead_requested.connect(take_pocket)
    return window, bridge


def application() -> QApplication:
    """The one application object, with its name and icon."""
    made = QApplication(sys.argv[:1])
    made.setApplicationName("Deskhand")
    made.setDesktopFileName("deskhand")
    made.setWindowIcon(QIcon(str(settings.ICON)))
    return made


def within(wanted: QSize, room: QRect) -> QRect:
    """A place for a window in the middle of a screen, no larger than it leaves room for.

    Args:
        wanted: without its frame.
        room: what can be used of the screen.
    """
    size = wanted.boundedTo(room.size() - _FRAME)
    left = room.left() + (room.width() - size.width()) // 2
    return QRect(left, room.top() + (room.height() - size.height()) // 2, size.width(), size.height())


def _put_on_one_screen(window: QWidget) -> None:
    """Let a new window lie on the screen where the pointer is; where there is one only, the desktop knows better."""
    screen = QGuiApplication.screenAt(QCursor.pos()) or QGuiApplication.primaryScreen()
    place = within(window.size(), screen.availableGeometry())
    window.resize(place.size())
    if len(QGuiApplication.screens()) > 1:
        window.move(place.topLeft())


def run(options: argparse.Namespace) -> int:
    """Show the window until it is closed, or bring the one forward that is open; returns the exit code."""
    qt = application()
    theme = Theme(qt)
    with contextlib.ExitStack() as stack:
        begun = startup.begin(options.settings)
        if not isinstance(begun, Begun):
            return begun
        stack.callback(begun.instance.close)
        closing = threading.Event()
        try:
            window, bridge = open_window(begun.settings, begun.store, theme, closing=closing)
        except Exception as error:  # noqa: BLE001 - from a menu nobody sees a traceback
            _log.exception("the window could not be made")
            RepairWindow(errorlog.sentence("Deskhand could not start", error), errorlog.place().parent).exec()
            return 1
        errorlog.install(lambda sentence: bridge.notify(Notice("warn", sentence)))
        attention = Attention(bridge, window, tone.play if begun.settings.sounds else None)
        leave = Leave(window, theme, bridge)
        Placement(window, partial(_put_on_one_screen, window))
        _listen(begun.instance, attention, bridge)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda _number, _frame: leave.quit())
        alive = QTimer(interval=_SIGNAL_MS)
        alive.timeout.connect(lambda: None)
        alive.start()
        window.show()
        bridge.start()
        _listen_for_stop(bridge, stack)
        tried = Trying(window)
        window.practice_requested.connect(tried.open)
        tried.failed.connect(partial(_tell, bridge))
        stack.callback(tried.close)
        code = qt.exec()
        closing.set()
        bridge.shutdown()
        attention.close()
    return code


def _listen(instance: Instance, attention: Attention, bridge: Bridge) -> None:
    """Let a second start bring this window forward."""
    asked = OpenRequests(attention)
    asked.forward.connect(attention.forward, Qt.ConnectionType.QueuedConnection)
    try:
        instance.listen(asked.forward.emit)
    except OSError as error:
        bridge.notify(Notice("stop", f"A second start can't bring this window forward: {error}"))


class OpenRequests(QObject):
    """Carries what another thread hears into the window's."""

    forward = Signal()


def _tell(bridge: Bridge, sentence: str) -> None:
    bridge.notify(Notice("practice", sentence))


def _listen_for_stop(bridge: Bridge, stack: contextlib.ExitStack) -> None:
    """Let `deskhand stop` and the key that works everywhere end what runs, waits and watches."""
    try:
        stack.enter_context(StopListener(bridge.stop_all))
        if sys.platform == "linux" and not os.environ.get("WAYLAND_DISPLAY"):
            stack.callback(StopKey(bridge.stop_all).close)
    except (OSError, HotkeyError) as error:
        bridge.notify(Notice("stop", str(error)))
