"""The windows of an X11 desktop: which there are, whose they are, what they are called and where they lie."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import Any

from Xlib import X, display, error
from Xlib.ext import res
from Xlib.protocol import event
from Xlib.xobject.drawable import Window

from deskhand.agent.safety.windows import Area

CLASS = "deskhand"
"""The class that Qt gives the windows of an application of our name (ICCCM 4.1.2.5), in lower case."""

_FRAMES = 3
"""A window manager puts a window into a frame, and some the frame into another."""
_ANCESTORS = 12
"""Levels from a widget that has the keyboard up to its window; toolkits with a window for each widget need most."""
_LEAST = 8
"""Pixels of a side; a smaller window that has the keyboard stands for another one."""
_LONGEST = 200
"""Characters of a title."""
_AROUND = {
    f"_NET_WM_WINDOW_TYPE_{kind}"
    for kind in ("DOCK", "DESKTOP", "TOOLBAR", "MENU", "SPLASH", "DROPDOWN_MENU", "POPUP_MENU", "TOOLTIP")
} | {f"_NET_WM_WINDOW_TYPE_{kind}" for kind in ("NOTIFICATION", "COMBO", "DND")}
"""Types of windows around those in which people work (Extended Window Manager Hints 1.5, ``_NET_WM_WINDOW_TYPE``)."""


class Windows:
    """What one connection sees of the windows, at the moment in which it asks.

    Args:
        connection: stays the caller's.
    """

    def __init__(self, connection: display.Display) -> None:
        self.connection = connection
        self.root = connection.screen().root
        self._names: dict[int, str] = {}
        self._ours = self._own_programs()
        self.manager = self._manager()
        """Whether a window manager is there, that tells about windows."""

    def program(self, window: Window) -> int:
        """Which connection made a window: all it makes has numbers of one range (X11 protocol, connection setup)."""
        return window.id & ~self.connection.display.info.resource_id_mask

    def is_ours(self, window: Window) -> bool:
        """Whether a window is Deskhand's, of this process or of another; not what is in it or around it."""
        if self.program(window) in self._ours or any(
            CLASS in str(name).lower() for name in window.get_wm_class() or ()
        ):
            return True
        process = self.property(window, "_NET_WM_PID")
        return process is not None and process[0] == os.getpid()

    def holds_ours(self, top: Window) -> bool:
        """Whether a child of the root is ours or the frame around one of ours."""
        if self.is_ours(top):
            return True
        inner = None if self.managed(top) else self._within(top)
        return inner is not None and self.is_ours(inner)

    def managed(self, window: Window) -> bool:
        """Whether it is an application's window that the window manager cares for (ICCCM 4.1.3.1, ``WM_STATE``)."""
        state = self.property(window, "WM_STATE")
        return state is not None and state[0] != 0  # withdrawn

    def top(self, chain: Sequence[Window]) -> Window:
        """The application's window among windows from a child of the root inwards, or in the frame that this is."""
        return next((each for each in chain if self.managed(each)), None) or self._within(chain[0]) or chain[0]

    def ancestry(self, window: Window) -> list[Window]:
        """From the child of the root down to a window."""
        chain = [window]
        for _ in range(_ANCESTORS):
            parent = chain[0].query_tree().parent
            if not isinstance(parent, Window) or parent == self.root:
                break
            chain.insert(0, parent)
        return chain

    def stacked(self) -> list[Window]:
        """Windows of applications, the one in front first: as the window manager says, else all that it left alone."""
        for name in ("_NET_CLIENT_LIST_STACKING", "_NET_CLIENT_LIST") if self.manager else ():
            said = self.property(self.root, name)
            if said is not None:
                return [self.window(int(number)) for number in reversed(said)]
        return [each for each in reversed(self.root.query_tree().children) if not self._passing(each)]

    def writable(self) -> Iterator[Window]:
        """Windows of others that are shown and can be typed into, the likeliest first.

        Those that are kept above all others are there to be seen, and come behind the rest.
        """
        held: list[Window] = []
        for window in self.stacked():
            with contextlib.suppress(error.XError):  # it was closed in between
                if not self.takes_text(window) or self.is_ours(window):
                    continue
                if "_NET_WM_STATE_ABOVE" in self._atoms(window, "_NET_WM_STATE"):
                    held.append(window)
                else:
                    yield window
        yield from held

    def of_application(self, window: Window) -> bool:
        """Whether it is shown, and people work in it."""
        return self.shown(window) and not self.of_desktop(window)

    def of_desktop(self, window: Window) -> bool:
        """Whether it is a panel, the desktop, a menu, a tooltip or a notification."""
        return bool(_AROUND & set(self._atoms(window, "_NET_WM_WINDOW_TYPE")[:1]))

    def takes_text(self, window: Window) -> bool:
        """Whether it is shown and meant to have the keyboard."""
        if not self.of_application(window):
            return False
        hints = window.get_wm_hints()
        refuses = hints is not None and hints.flags & 1 and not hints.input  # ICCCM 4.1.7, no InputHint
        return not refuses or "WM_TAKE_FOCUS" in self._atoms(window, "WM_PROTOCOLS")

    def shown(self, window: Window) -> bool:
        """Whether some of it is on the screen: not minimised, on this desktop, larger than a helper of a toolkit."""
        if window.get_attributes().map_state != X.IsViewable:
            return False
        if "_NET_WM_STATE_HIDDEN" in self._atoms(window, "_NET_WM_STATE"):
            return False
        desktop, current = self.property(window, "_NET_WM_DESKTOP"), self.property(self.root, "_NET_CURRENT_DESKTOP")
        if desktop is not None and current is not None and desktop[0] not in {current[0], 0xFFFFFFFF}:
            return False
        seen = self.area(window).cut(self.screen())
        return min(seen.width, seen.height) >= _LEAST

    def area(self, window: Window) -> Area:
        """Where it lies on the virtual desktop, in physical pixels, without its frame."""
        size, origin = window.get_geometry(), self.root.translate_coords(window, 0, 0)
        return Area(origin.x, origin.y, size.width, size.height)

    def screen(self) -> Area:
        """The whole virtual desktop."""
        size = self.root.get_geometry()
        return Area(0, 0, size.width, size.height)

    def title(self, window: Window) -> str:
        """What a window calls itself; a menu has no title and is called as the window of its program."""
        if window == self.root:
            return "the desktop"
        with contextlib.suppress(error.XError):
            named = self._named(window)
            if named:
                return named
            for other in self.stacked():
                if self.program(other) == self.program(window) and self._named(other):
                    return self._named(other)
            return self.class_name(window)
        return ""

    def class_name(self, window: Window) -> str:
        """What kind of program it says that it is of (ICCCM 4.1.2.5)."""
        names = window.get_wm_class() or ("",)
        return str(names[-1])[:_LONGEST]

    def request(self, window: Window, name: str, data: list[int]) -> None:
        """Ask the window manager for something about a window (Extended Window Manager Hints 1.5)."""
        message = event.ClientMessage(window=window, client_type=self.connection.intern_atom(name), data=(32, data))
        mask = X.SubstructureRedirectMask | X.SubstructureNotifyMask
        self.root.send_event(message, event_mask=mask)

    def window(self, number: int) -> Window:
        """The window with a number, which may be gone."""
        return self.connection.create_resource_object("window", number)

    def property(self, window: Window, name: str) -> Any:  # noqa: ANN401 - numbers or bytes
        """The value of a property; None if it is not there or empty."""
        found = window.get_full_property(self.connection.intern_atom(name), X.AnyPropertyType)
        return found.value if found is not None and len(found.value) else None

    def _named(self, window: Window) -> str:
        raw = self.property(window, "_NET_WM_NAME") or window.get_wm_name() or ""
        return (raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw))[:_LONGEST]

    def _atoms(self, window: Window, name: str) -> list[str]:
        value = self.property(window, name)
        numbers = [] if value is None or isinstance(value, bytes) else [int(number) for number in value]
        for number in numbers:
            if number not in self._names:
                self._names[number] = str(self.connection.get_atom_name(number))
        return [self._names[number] for number in numbers]

    def _passing(self, window: Window) -> bool:
        """Whether it is a menu, a tooltip or the like, of which no window manager is told; or has gone."""
        try:
            return bool(window.get_attributes().override_redirect)
        except error.XError:
            return True

    def _within(self, top: Window) -> Window | None:
        """The application's window in a frame."""
        level = [top]
        for _ in range(_FRAMES):
            level = [child for each in level for child in each.query_tree().children]
            for child in level:
                if self.managed(child):
                    return child
        return None

    def _manager(self) -> bool:
        """Whether what the root says was said by a window manager that still runs."""
        said = self.property(self.root, "_NET_SUPPORTING_WM_CHECK")
        if said is None:
            return False
        try:
            again = self.property(self.window(int(said[0])), "_NET_SUPPORTING_WM_CHECK")
        except error.XError:
            return False
        return again is not None and again[0] == said[0]

    def _own_programs(self) -> set[int]:
        """The connections of this process, by what the server itself knows (X-Resource 1.2, ``LocalClientPID``)."""
        if not self.connection.has_extension(res.extname):
            return set()
        # Client 0 asks for all. In a container the server knows us by another number than we do, so ours is looked up.
        answer = self.connection.res_query_client_ids([{"client": 0, "mask": res.LocalClientPIDMask}])
        mask = ~self.connection.display.info.resource_id_mask
        by_program = {each.spec.client & mask: tuple(each.value) for each in answer.ids}
        ours = by_program.get(self.connection.display.info.resource_id_base)
        return {program for program, process in by_program.items() if process and process == ours}
