"""Which window would get this: the one rule for clicks, keys, selections, and for the question about them."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass

from Xlib import X, Xatom, error
from Xlib.protocol import event
from Xlib.xobject.drawable import Window

from deskhand.agent.safety.windows import Area
from deskhand.agent.tools.host import HostError
from deskhand.app.x11.windows import Windows

NOBODY = "No other window has the keyboard: click into the field first."

_PATIENCE = 1.0
"""Seconds that a window manager, and then a program, has to pass the keyboard on."""
_LOOK = 0.02
"""Seconds between two looks whether it has."""
_SETTLED = 0.1
"""Seconds until a toolkit has noticed that it has the keyboard."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """The window that would get a click or a key.

    Attributes:
        number: of the application's window, or of the menu, tooltip or root window that is none.
        title: for the person; another program's text.
        area: in physical pixels of the virtual desktop, without the frame.
        ours: whether it, or what is in it at the place, is Deskhand's.
    """

    number: int
    title: str
    area: Area
    ours: bool = False


def at(windows: Windows, x: int, y: int) -> Recipient:
    """Whose a click at a place is; the root's where there is no window.

    The server itself is asked (TranslateCoordinates), which looks at what it looks at for a real click: order, shapes
    for input, windows without pixels.
    """
    chain: list[Window] = []
    inner = windows.root
    while isinstance(child := inner.translate_coords(windows.root, x, y).child, Window):
        chain.append(child)
        inner = child
    if not chain:
        return _described(windows, windows.root)
    top = windows.top(chain)
    return _described(windows, top, ours=any(windows.is_ours(each) for each in (*chain, top)))


def focused(windows: Windows) -> Recipient | None:
    """Whose a key is now; None where it would be lost."""
    top = focused_window(windows, windows.connection.get_input_focus().focus)
    return None if top is None else _described(windows, top, ours=windows.is_ours(top))


def focused_window(windows: Windows, focus: Window | int) -> Window | None:
    """The application's window for what GetInputFocus says.

    With the focus on the root, or following the pointer, keys go to the window under the pointer (X11 protocol,
    SetInputFocus). A window that can't be seen stands for another one of its program, or for none: window managers
    have one of those, too.
    """
    if focus == X.NONE:
        return None
    if not isinstance(focus, Window) or focus == windows.root:
        place = windows.root.query_pointer()
        under = windows.window(at(windows, place.root_x, place.root_y).number)
        return None if under == windows.root else under
    top = windows.top(windows.ancestry(focus))
    if windows.shown(top):
        return top
    ours = windows.is_ours(top)
    return next(
        (
            other
            for other in windows.stacked()
            if windows.program(other) == windows.program(top) and (ours or windows.takes_text(other))
        ),
        None,
    )


def writable(windows: Windows, last: int = 0) -> Recipient:
    """Whose text is that is typed: of the window that has the keyboard, or that gets it when ours gives it up.

    Args:
        windows: to look at.
        last: number of the window that had it last, as far as that is known; it comes before those in front of it.

    Raises:
        HostError: no window of another program can be typed into.
    """
    with contextlib.suppress(error.XError):
        top = focused_window(windows, windows.connection.get_input_focus().focus)
        if top is not None and not windows.is_ours(top) and windows.takes_text(top):
            return _described(windows, top)
    others = list(windows.writable())
    chosen = next((each for each in others if each.id == last), None) or next(iter(others), None)
    if chosen is None:
        raise HostError(NOBODY)
    return _described(windows, chosen)


def selecting(windows: Windows) -> Recipient | None:
    """The window of the program that owns the selection; None if nobody does, or none of its windows is shown.

    Most toolkits own it with a hidden window of their own, so that tells the program and not which of its windows.
    """
    owner = windows.connection.get_selection_owner(Xatom.PRIMARY)
    if not isinstance(owner, Window):
        return None
    with contextlib.suppress(error.XError):
        top = windows.top(windows.ancestry(owner))
        if windows.takes_text(top):
            return _described(windows, top, ours=windows.is_ours(top))
    for window in windows.stacked():
        with contextlib.suppress(error.XError):
            if windows.program(window) == windows.program(owner) and windows.takes_text(window):
                return _described(windows, window, ours=windows.is_ours(window))
    return None


def hand_over(windows: Windows, to: Recipient, cancel: threading.Event) -> None:
    """Give the keyboard to a window and bring it forward; nothing is done where it has it.

    Raises:
        HostError: it did not take it, or the turn was stopped.
    """
    if _has(windows, to):
        return
    window = windows.window(to.number)
    for ask in (_activate, _focus) if windows.manager else (_focus,):
        ask(windows, window)
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end and not cancel.wait(_LOOK):
            if _has(windows, to):
                cancel.wait(_SETTLED)
                return
        if cancel.is_set():
            raise HostError("The turn was stopped.")
    raise HostError(f"“{to.title[:60]}” does not take the keyboard: click into its field first.")


def settled(windows: Windows, clicked: Recipient, cancel: threading.Event) -> int:
    """The number of the window that is worked in after a click; 0 if that is none of others.

    A window manager passes the keyboard on some time after the click, and the program may then open another window.
    """
    with contextlib.suppress(error.XError):
        if not windows.takes_text(windows.window(clicked.number)):
            return 0  # a menu or a panel: the keyboard stays, or goes to what it opens
        end = time.monotonic() + _PATIENCE / 2
        while not _has(windows, clicked) and time.monotonic() < end and not cancel.wait(_LOOK):
            pass
        now = focused(windows)
        return clicked.number if now is None or now.ours else now.number
    return 0


def _has(windows: Windows, to: Recipient) -> bool:
    with contextlib.suppress(error.XError):
        top = focused_window(windows, windows.connection.get_input_focus().focus)
        return top is not None and top.id == to.number
    return False


def _activate(windows: Windows, window: Window) -> None:
    """Ask the window manager, as a pager does: it also brings the window back from wherever it is."""
    windows.request(window, "_NET_ACTIVE_WINDOW", [2, X.CurrentTime, 0, 0, 0])
    windows.connection.sync()


def _focus(windows: Windows, window: Window) -> None:
    """Do without a window manager (ICCCM 4.1.7)."""
    take, protocols = (windows.connection.intern_atom(name) for name in ("WM_TAKE_FOCUS", "WM_PROTOCOLS"))
    if take in (windows.property(window, "WM_PROTOCOLS") or ()):
        data = (32, [take, X.CurrentTime, 0, 0, 0])
        window.send_event(event.ClientMessage(window=window, client_type=protocols, data=data))
    ignored = error.CatchError(error.BadMatch, error.BadWindow)  # it is not on the screen any more
    window.set_input_focus(X.RevertToParent, X.CurrentTime, onerror=ignored)
    window.configure(stack_mode=X.Above, onerror=ignored)
    windows.connection.sync()


def _described(windows: Windows, top: Window, *, ours: bool = False) -> Recipient:
    area = windows.screen() if top == windows.root else windows.area(top)
    return Recipient(top.id, windows.title(top), area, ours)
