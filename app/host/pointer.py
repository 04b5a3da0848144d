"""Mouse and keyboard on an X11 desktop, for skills: shown first, stopped by Escape, never on our own windows.

Places come as thousandths of the screen that was looked at (the unit in which Gemma grounds) and become physical pixels
here. Events are made with the X server's XTEST extension.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Generator, Sequence

from Xlib import XK, X, display, error
from Xlib.ext import xtest
from Xlib.xobject.drawable import Window

from deskhand.agent.safety.windows import Area, strikes
from deskhand.agent.tools.host import Asked, HostError, Told
from deskhand.app.capture import own
from deskhand.app.host.escape import POLL, EscapeKey
from deskhand.app.host.typist import KEY_PAUSE, Typist, keysym
from deskhand.app.host.way import Way

SHOWN = 0.7
"""Seconds in which a place is marked before anything happens there."""
_MARK, _BAR = 44, 4
"""Pixels of the mark's side, and of its bars."""
_RED = 0xE0243A
LONGEST_TEXT = 4_000
MOST_TURNS = 30

_BUTTONS = {"left": 1, "middle": 2, "right": 3}
_WHEEL = {"up": 4, "down": 5, "left": 6, "right": 7}
_NAMES = {
    "ctrl": "Control_L", "control": "Control_L", "shift": "Shift_L", "alt": "Alt_L", "super": "Super_L",
    "win": "Super_L", "meta": "Super_L", "enter": "Return", "return": "Return", "esc": "Escape", "escape": "Escape",
    "tab": "Tab", "space": "space", "backspace": "BackSpace", "delete": "Delete", "del": "Delete", "insert": "Insert",
    "home": "Home", "end": "End", "pageup": "Page_Up", "pagedown": "Page_Down", "up": "Up", "down": "Down",
    "left": "Left", "right": "Right", "plus": "plus", "minus": "minus", "menu": "Menu", "print": "Print",
}  # fmt: skip


class Pointer:
    """What skills may do with mouse and keyboard.

    Args:
        looked: the area of the screen that was looked at last, in physical pixels.
        way: keeps our windows away from a place of it.
    """

    def __init__(self, looked: Callable[[], Area], way: Way | None = None) -> None:
        self._looked = looked
        self._way = way or Way()

    def click(self, asked: Asked) -> Told:
        """Click once or twice at a place."""
        given = asked.arguments
        button = _BUTTONS[given.get("button") or "left"]
        with connected() as connection, self._aimed(connection, asked) as (x, y):
            _move(connection, x, y)
            for _ in range(2 if given.get("double") else 1):
                xtest.fake_input(connection, X.ButtonPress, button)
                xtest.fake_input(connection, X.ButtonRelease, button)
                connection.sync()
                time.sleep(KEY_PAUSE)
        return Told({"clicked": {"x": x, "y": y}, "in": "physical pixels"})

    def scroll(self, asked: Asked) -> Told:
        """Turn the wheel at a place."""
        given = asked.arguments
        wheel = _WHEEL[given.get("direction") or "down"]
        turns = max(1, min(MOST_TURNS, given.get("turns") or 3))
        with connected() as connection, self._aimed(connection, asked) as (x, y):
            _move(connection, x, y)
            for _ in range(turns):
                xtest.fake_input(connection, X.ButtonPress, wheel)
                xtest.fake_input(connection, X.ButtonRelease, wheel)
            connection.sync()
        return Told({"scrolled": turns, "at": {"x": x, "y": y}})

    def type_text(self, asked: Asked) -> Told:
        """Type into the field that has the keyboard."""
        text: str = asked.arguments["text"]
        if not text or len(text) > LONGEST_TEXT:
            raise HostError(f"Give a text of at most {LONGEST_TEXT} characters.")
        with connected() as connection:
            title = _leave_ours(connection)
            typed = Typist(connection).type(text, asked.cancel)
        return Told({"typed": typed, "of": len(text), "into": title})

    def press_keys(self, asked: Asked) -> Told:
        """Press one combination of keys, such as ctrl+s."""
        names = [name.strip() for name in asked.arguments["keys"].replace("++", "+plus").split("+") if name.strip()]
        if not 1 <= len(names) <= 5:
            raise HostError("Give one combination, such as ctrl+s or Enter.")
        with connected() as connection:
            typist = Typist(connection)
            codes = [typist.code(_keysym(name), name) for name in names]
            title = _leave_ours(connection)
            typist.press(codes)
        return Told({"pressed": "+".join(names), "in": title})

    @contextlib.contextmanager
    def _aimed(self, connection: display.Display, asked: Asked) -> Generator[tuple[int, int]]:
        """The physical place, free of ours, shown to the person, who did not object."""
        screen = self._looked()
        x, y = asked.arguments["x"], asked.arguments["y"]
        if not (0 <= x <= 1000 and 0 <= y <= 1000):
            raise HostError("A place is given in thousandths of the screen: x and y from 0 to 1000.")
        left = min(screen.right - 1, screen.left + round(screen.width * x / 1000))
        top = min(screen.bottom - 1, screen.top + round(screen.height * y / 1000))
        with self._way.clear(left, top, asked.cancel, acts=True):
            _refuse_ours(left, top)
            _show(connection, left, top, asked.cancel)
            _refuse_ours(left, top)  # one may have come up meanwhile
            yield left, top


def _refuse_ours(x: int, y: int) -> None:
    if strikes(x, y, own.areas()):
        raise HostError("That place is on one of Deskhand's own windows, which skills can't click.")


@contextlib.contextmanager
def connected() -> Generator[display.Display]:
    """A connection to an X server that lets programs use mouse and keyboard.

    Raises:
        HostError: there is none, or it refused something within the block.
    """
    if os.environ.get("WAYLAND_DISPLAY"):
        raise HostError("Mouse and keyboard can be used under X11 only; this is a Wayland session.")
    try:
        connection = display.Display()
    except (error.DisplayError, OSError, KeyError) as failure:
        raise HostError("There is no X11 display here, so mouse and keyboard can't be used.") from failure
    try:
        if not connection.has_extension("XTEST"):
            raise HostError("This X server does not let programs use mouse and keyboard (XTEST is missing).")
        yield connection
    except (error.XError, error.ConnectionClosedError) as failure:
        raise HostError("The X server refused that; the window may be gone.") from failure
    finally:
        with contextlib.suppress(error.ConnectionClosedError):
            connection.close()


def _move(connection: display.Display, x: int, y: int) -> None:
    xtest.fake_input(connection, X.MotionNotify, x=x, y=y)
    connection.sync()


def _show(connection: display.Display, x: int, y: int, cancel: threading.Event) -> None:
    """Mark a place until time is up; see `mark`."""
    half = _MARK // 2
    mark(connection, Area(x - half, y - half, _MARK, _MARK), cancel, SHOWN)


def mark(connection: display.Display, place: Area, cancel: threading.Event, seconds: float) -> None:
    """Mark a place with four bars around it, which cover nothing of it, until time is up.

    Raises:
        KeyTakenError: another program has the Escape key; nothing was marked.
        HostError: the person pressed Escape or stopped the turn.
    """
    with EscapeKey() as escape, _marked(connection, place):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if cancel.wait(POLL):
                raise HostError("The turn was stopped.")
            if escape.poll():
                raise HostError("The person pressed Escape: nothing was done.")


@contextlib.contextmanager
def _marked(connection: display.Display, place: Area) -> Generator[None]:
    screen = connection.screen()
    bar = _BAR
    left, top, wide, high = place.left, place.top, place.width, place.height
    bars = [
        (left, top, wide, bar),
        (left, top + high - bar, wide, bar),
        (left, top, bar, high),
        (left + wide - bar, top, bar, high),
    ]
    marks = [
        screen.root.create_window(
            *each, 0, screen.root_depth, X.InputOutput, X.CopyFromParent, background_pixel=_RED, override_redirect=True
        )
        for each in bars
    ]
    for each in marks:
        each.set_wm_class("deskhand", "Deskhand")
        each.map()
    connection.sync()
    try:
        yield
    finally:
        for each in marks:
            each.destroy()
        connection.sync()


def keyboard_window() -> tuple[Area, str]:
    """Place, in physical pixels, and title of the window that would get what is typed; nothing is changed.

    Raises:
        HostError: there is none, or no X server.
    """
    with connected() as connection:
        focus = connection.get_input_focus().focus
        root = connection.screen().root
        window = focus if isinstance(focus, Window) and focus != root and not is_ours(focus) else None
        for other in reversed(clients(connection)) if window is None else ():
            if not is_ours(other) and other.get_attributes().map_state == X.IsViewable:
                window = other
                break
        if window is None:
            raise HostError("No other window has the keyboard: click into the field first.")
        size, origin = window.get_geometry(), root.translate_coords(window.id, 0, 0)
        return Area(origin.x, origin.y, size.width, size.height), _title(window)


def _leave_ours(connection: display.Display) -> str:
    """Give the keyboard to another's window if one of ours has it, and say whose it is.

    Raises:
        HostError: there is none.
    """
    focus = connection.get_input_focus().focus
    if isinstance(focus, Window) and focus != connection.screen().root and not is_ours(focus):
        return _title(focus)
    for window in reversed(clients(connection)):
        if not is_ours(window) and window.get_attributes().map_state == X.IsViewable:
            bring(connection, window)
            return _title(window)
    raise HostError("No other window has the keyboard: click into the field first.")


def bring(connection: display.Display, window: Window) -> None:
    """Give the keyboard to a window and bring it forward."""
    window.set_input_focus(X.RevertToParent, X.CurrentTime)
    window.configure(stack_mode=X.Above)
    connection.sync()
    time.sleep(0.1)  # until its toolkit has noticed


def clients(connection: display.Display) -> Sequence[Window]:
    """Windows of applications, the lowest first: as the window manager says, else all."""
    root = connection.screen().root
    said = root.get_full_property(connection.intern_atom("_NET_CLIENT_LIST_STACKING"), X.AnyPropertyType)
    if said is not None and len(said.value):
        return [connection.create_resource_object("window", number) for number in said.value]
    return list(root.query_tree().children)


def is_ours(window: Window) -> bool:
    """Whether a window, or one it is in, is Deskhand's."""
    place: Window | int | None = window
    for _ in range(6):
        if not isinstance(place, Window):
            return False
        if any(own.CLASS in str(name).lower() for name in place.get_wm_class() or ()):
            return True
        place = place.query_tree().parent
    return False


def _title(window: Window) -> str:
    with contextlib.suppress(error.XError):
        return str(window.get_wm_name() or "")[:200]
    return ""


def _keysym(name: str) -> int:
    symbol = XK.string_to_keysym(_NAMES.get(name.lower(), name if len(name) > 1 else name.lower()))
    if not symbol and name.lower().startswith("f") and name[1:].isdigit():
        symbol = XK.string_to_keysym(name.upper())
    symbol = symbol or (keysym(name) if len(name) == 1 else 0)
    if not symbol:
        raise HostError(f"There is no key named {name[:30]}.")
    return symbol
