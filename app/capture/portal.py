"""Asks xdg-desktop-portal for a screenshot and prints the file's URI: ``python -m deskhand.app.capture.portal``.

A program of its own, because the answer comes as a D-Bus signal, which needs an event loop, and because the desktop may
ask the person first. Interface: org.freedesktop.portal.Screenshot, version 1 and up.
"""

from __future__ import annotations

import os
import secrets
import sys
from typing import Any

from PySide6.QtCore import SLOT, QCoreApplication, QObject, QTimer, Slot
from PySide6.QtDBus import QDBusConnection, QDBusMessage

SERVICE = "org.freedesktop.portal.Desktop"
PATH = "/org/freedesktop/portal/desktop"
SCREENSHOT = "org.freedesktop.portal.Screenshot"
REQUEST = "org.freedesktop.portal.Request"
SECONDS = 60
"""The desktop may show a question, which a person has to read."""

NO_PORTAL = (
    "This Wayland desktop has no screenshot portal ({}). "
    "Install the xdg-desktop-portal package of your desktop, or grim."
)


class Asker(QObject):
    """Makes the request and waits for its Response signal."""

    def __init__(self, bus: QDBusConnection) -> None:
        super().__init__()
        self._bus = bus
        self.uri = ""
        self.problem = "The desktop did not answer the request for a screenshot."

    def ask(self) -> None:
        """Subscribe to the answer first, then ask: the order in which the portal's documentation wants it."""
        token = f"deskhand_{secrets.token_hex(8)}"
        sender = self._bus.baseService().removeprefix(":").replace(".", "_")
        handle = f"{PATH}/request/{sender}/{token}"
        # PySide6's stub asks for bytes here, and its code for the str that SLOT gives.
        slot: Any = SLOT("response(uint,QVariantMap)")
        self._bus.connect(SERVICE, handle, REQUEST, "Response", self, slot)
        message = QDBusMessage.createMethodCall(SERVICE, PATH, SCREENSHOT, "Screenshot")
        message.setArguments(["", {"handle_token": token, "interactive": False}])
        reply = self._bus.call(message)
        if reply.type() == QDBusMessage.MessageType.ErrorMessage:
            self._end(NO_PORTAL.format(reply.errorMessage().rstrip(".")))

    # Qt unpacks the map only for a slot that says so; a whole QDBusMessage keeps it in a form that PySide6 can't read.
    @Slot("uint", "QVariantMap")
    def response(self, code: int, results: dict[str, object]) -> None:
        """0 and the URI, 1 when the person said no, 2 for everything else."""
        self.uri = str(results.get("uri", "")) if code == 0 else ""
        self._end("You did not allow the screenshot." if code == 1 else "The desktop could not take the screenshot.")

    def _end(self, problem: str) -> None:
        self.problem = problem
        # After the event loop has begun, also when the answer was immediate.
        QTimer.singleShot(0, QCoreApplication.quit)


def main() -> int:
    """Print the URI and return 0, or a sentence on standard error and return 1."""
    application = QCoreApplication(sys.argv)
    bus = QDBusConnection.sessionBus()
    asker = Asker(bus)
    if not bus.isConnected():
        print(NO_PORTAL.format("there is no D-Bus session bus"), file=sys.stderr)
        return 1
    QTimer.singleShot(0, asker.ask)
    QTimer.singleShot(SECONDS * 1000, application.quit)
    application.exec()
    if asker.uri:
        print(asker.uri)
        return 0
    print(asker.problem, file=sys.stderr)
    return 1


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # Qt's bus connection outlives the application object; ending here spares a warning at exit.
    os._exit(code)
