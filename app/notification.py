"""Notifications of the desktop (org.freedesktop.Notifications 1.2), and what the person clicks on them."""

from __future__ import annotations

import html
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from deskhand.app import settings
from deskhand.app.sessionbus import BUS, BusError, BusMessage, Peer, SessionBus
from deskhand.app.visible import shown

_NAME = "org.freedesktop.Notifications"
SERVICE = Peer(_NAME, "/org/freedesktop/Notifications", _NAME)
LONGEST = 200
"""Characters of a text: a notification is read in passing, also by others."""

_MEMBER = 3
NONE = "The window only asks for attention until a notification service runs, such as dunst."


def escaped(text: str) -> str:
    """A text as the body of a notification: what looks like markup is shown as it is, and no more than a few words."""
    line = " ".join(shown(text).split())
    return html.escape(line if len(line) <= LONGEST else line[: LONGEST - 1] + "…", quote=False)


class Notifier:
    """Shows notifications; blocking, from any thread but the window's.

    Args:
        acted: called in a thread of its own with the key of a notification that the person clicked.
    """

    def __init__(self, acted: Callable[[str], None]) -> None:
        self._acted = acted
        self._keys: dict[int, str] = {}
        self._early: deque[int] = deque(maxlen=8)
        self._keeping = threading.Lock()
        self._lock = threading.Lock()
        self._bus: SessionBus | None = None

    def show(self, title: str, text: str, key: str) -> None:
        """Show one.

        Args:
            title: plain.
            text: plain as well; see `escaped`.
            key: names it when it is clicked.

        Raises:
            BusError: nothing shows notifications here.
        """
        hints = [("urgency", ("y", 1)), ("desktop-entry", ("s", "deskhand")), ("suppress-sound", ("b", True))]
        values = ["Deskhand", 0, str(settings.ICON), shown(title), escaped(text), ["default", "Open"], hints, -1]
        with self._lock:
            bus = self._connected()
            (number, *_) = bus.call(SERVICE, "Notify", "susssasa{sv}i", values)
            with self._keeping:
                self._keys[number] = key
                early = number in self._early
        if early:
            self._acted(key)

    def close(self) -> None:
        """Hang up; what is shown stays."""
        with self._lock:
            bus, self._bus = self._bus, None
        if bus:
            bus.close()

    def _connected(self) -> SessionBus:
        if self._bus is None or self._bus.closed.is_set():
            self._bus = SessionBus(self._heard)
            self._keys.clear()
            self._bus.call(BUS, "AddMatch", "s", [f"type='signal',sender='{_NAME}',interface='{_NAME}'"])
        return self._bus

    def _heard(self, signal: BusMessage) -> None:
        member, values = signal.head.get(_MEMBER), signal.values
        if not values:
            return
        with self._keeping:
            key = self._keys.get(values[0])
            if member == "NotificationClosed":
                self._keys.pop(values[0], None)
            elif member == "ActionInvoked" and key is None:
                self._early.append(values[0])  # perhaps ours, and `show` has not read its number yet
        if member == "ActionInvoked" and key is not None:
            self._acted(key)


def status() -> tuple[bool, str]:
    """Whether something shows notifications here, and what it is."""
    try:
        bus = SessionBus(lambda _signal: None)
    except BusError as error:
        return False, str(error)
    try:
        said: tuple[Any, ...] = bus.call(SERVICE, "GetServerInformation")
    except BusError as error:
        return False, str(error)
    finally:
        bus.close()
    return True, " ".join(str(part) for part in said[:1] + said[2:3])
