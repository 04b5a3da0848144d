"""Mouse and keyboard on an X11 desktop, for skills: shown first, stopped by Escape, never on our own windows.

Places come as thousandths of the screen that was looked at (the unit in which Gemma grounds) and become physical pixels
here. Events are made with the X server's XTEST extension. Which window gets them is asked of the server before each one
(``docs/adr/0036-the-server-says-who-gets-this.md``).
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Generator, Mapping

from Xlib import XK, X, display
from Xlib.ext import xtest

from deskhand.agent.safety.windows import Area
from deskhand.agent.tools.host import Asked, HostError, Told
from deskhand.app.host.mark import mark
from deskhand.app.host.target import CLICKED_ELSEWHERE, TYPED_ELSEWHERE, ShownTarget, Targets
from deskhand.app.host.typist import KEY_PAUSE, Typist, keysym
from deskhand.app.host.way import Way
from deskhand.app.x11 import recipient
from deskhand.app.x11.connection import FAILURES, connected
from deskhand.app.x11.keyboard import KeyboardFocus
from deskhand.app.x11.recipient import Recipient
from deskhand.app.x11.windows import Windows

SHOWN = 0.7
"""Seconds in which a place is marked before anything happens there."""
_MARK = 44
"""Pixels of the mark's side."""
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
        targets: what the person was shown before; the call acts there or not at all.
    """

    def __init__(self, looked: Callable[[], Area], way: Way | None = None, targets: Targets | None = None) -> None:
        self._looked = looked
        self._way = way or Way()
        self._targets = targets or Targets()

    def click(self, asked: Asked) -> Told:
        """Click once or twice at a place."""
        button = _BUTTONS[asked.arguments.get("button") or "left"]
        times = 2 if asked.arguments.get("double") else 1
        with usable() as windows, self._aimed(windows, asked) as aimed:
            done = aimed.press(button, times, KEY_PAUSE)
            if done < times:
                raise HostError("I clicked once and not twice: another window came up there.")
        return Told({"clicked": {"x": aimed.x, "y": aimed.y}, "in": aimed.to.title, "unit": "physical pixels"})

    def scroll(self, asked: Asked) -> Told:
        """Turn the wheel at a place."""
        wheel = _WHEEL[asked.arguments.get("direction") or "down"]
        turns = max(1, min(MOST_TURNS, asked.arguments.get("turns") or 3))
        with usable() as windows, self._aimed(windows, asked) as aimed:
            done = aimed.press(wheel, turns)
        return Told({"scrolled": done, "of": turns, "at": {"x": aimed.x, "y": aimed.y}, "in": aimed.to.title})

    def type_text(self, asked: Asked) -> Told:
        """Type into the field that has the keyboard."""
        with usable() as windows:
            target = self._targets.of(asked.call)
            to = recipient.writable(windows, target.window if target else self._targets.last)
            return self._type(windows, asked, to)

    def bind(self, asked: Asked) -> None:
        """Hold a call that types again and again to the window that has the keyboard now, if no question did.

        Raises:
            HostError: no window of another program can be typed into.
        """
        if self._targets.of(asked.call) is None:
            with usable() as windows:
                self._targets.show(asked.call, ShownTarget(recipient.writable(windows, self._targets.last).number))

    def type_into(self, asked: Asked, find: Callable[[Windows], Recipient]) -> Told:
        """Type into a window, which gets the keyboard.

        Args:
            asked: with the text.
            find: the window.
        """
        with usable() as windows:
            return self._type(windows, asked, find(windows))

    def press_keys(self, asked: Asked) -> Told:
        """Press one combination of keys, such as ctrl+s."""
        names = [name.strip() for name in asked.arguments["keys"].replace("++", "+plus").split("+") if name.strip()]
        if not 1 <= len(names) <= 5:
            raise HostError("Give one combination, such as ctrl+s or Enter.")
        with usable() as windows:
            codes = [_code(windows.connection, name) for name in names]
            target = self._targets.of(asked.call)
            to = recipient.writable(windows, target.window if target else self._targets.last)
            focus = self._given(windows, asked, to)
            if not focus.kept():
                raise HostError(TYPED_ELSEWHERE)
            Typist(windows.connection, focus).press(codes)
        return Told({"pressed": "+".join(names), "in": to.title})

    def _type(self, windows: Windows, asked: Asked, to: Recipient) -> Told:
        text: str = asked.arguments["text"]
        if not text or len(text) > LONGEST_TEXT:
            raise HostError(f"Give a text of at most {LONGEST_TEXT} characters.")
        focus = self._given(windows, asked, to)
        typed = Typist(windows.connection, focus).type(text, asked.cancel)
        return Told({"typed": typed, "of": len(text), "into": to.title})

    def _given(self, windows: Windows, asked: Asked, to: Recipient) -> KeyboardFocus:
        """The keyboard, given to the window if it is the one that the person was shown."""
        self._targets.check(asked.call, to, TYPED_ELSEWHERE)
        recipient.hand_over(windows, to, asked.cancel)
        self._targets.last = to.number
        return KeyboardFocus(windows, to)

    @contextlib.contextmanager
    def _aimed(self, windows: Windows, asked: Asked) -> Generator[_Aimed]:
        """The place, free of ours, shown to the person, who did not object, and whose window it is."""
        target = self._targets.of(asked.call)
        left, top = target.place if target and target.place else physical(self._looked(), asked.arguments)
        with self._way.clear(Area(left, top, 1, 1), asked.cancel, acts=True):
            self._checked(windows, asked, left, top)
            half = _MARK // 2
            mark(windows.connection, Area(left - half, top - half, _MARK, _MARK), asked.cancel, SHOWN)
            to = self._checked(windows, asked, left, top)  # one may have come up meanwhile
            yield _Aimed(windows, left, top, to)
            self._targets.last = recipient.settled(windows, to, asked.cancel) or self._targets.last

    def _checked(self, windows: Windows, asked: Asked, x: int, y: int) -> Recipient:
        found = recipient.at(windows, x, y)
        if found.ours:
            raise HostError("That place is on one of Deskhand's own windows, which skills can't click.")
        self._targets.check(asked.call, found, CLICKED_ELSEWHERE)
        return found


class _Aimed:
    """A place and the window there, to which every press is bound."""

    def __init__(self, windows: Windows, x: int, y: int, to: Recipient) -> None:
        self._windows = windows
        self.x = x
        self.y = y
        self.to = to

    def press(self, button: int, times: int, pause: float = 0.0) -> int:
        """Press and let go as often as the window is still there; returns how often, at least once.

        Raises:
            HostError: it was gone before the first time.
        """
        connection = self._windows.connection
        xtest.fake_input(connection, X.MotionNotify, x=self.x, y=self.y)
        connection.sync()
        for done in range(times):
            if recipient.at(self._windows, self.x, self.y).number != self.to.number:
                if done:
                    return done
                raise HostError(CLICKED_ELSEWHERE)
            xtest.fake_input(connection, X.ButtonPress, button)
            xtest.fake_input(connection, X.ButtonRelease, button)
            connection.sync()
            time.sleep(pause)
        return times


def physical(screen: Area, given: Mapping[str, int]) -> tuple[int, int]:
    """A place in physical pixels.

    Args:
        screen: that was looked at.
        given: ``x`` and ``y``, thousandths of it.

    Raises:
        HostError: they are none.
    """
    x, y = given["x"], given["y"]
    if not (0 <= x <= 1000 and 0 <= y <= 1000):
        raise HostError("A place is given in thousandths of the screen: x and y from 0 to 1000.")
    left = min(screen.right - 1, screen.left + round(screen.width * x / 1000))
    return left, min(screen.bottom - 1, screen.top + round(screen.height * y / 1000))


@contextlib.contextmanager
def usable() -> Generator[Windows]:
    """The windows of an X server that lets programs use mouse and keyboard.

    Raises:
        HostError: there is none, or it refused something within the block.
    """
    if os.environ.get("WAYLAND_DISPLAY"):
        raise HostError("Mouse and keyboard can be used under X11 only; this is a Wayland session.")
    try:
        with connected() as connection:
            if not connection.has_extension("XTEST"):
                raise HostError("This X server does not let programs use mouse and keyboard (XTEST is missing).")
            yield Windows(connection)
    except FAILURES as failure:
        raise HostError("The X server refused that; the window may be gone.") from failure


def _code(connection: display.Display, name: str) -> int:
    """The key with a name.

    Raises:
        HostError: there is none.
    """
    code = connection.keysym_to_keycode(_keysym(name))
    if not code:
        raise HostError(f"This keyboard has no key {name[:30]}.")
    return code


def _keysym(name: str) -> int:
    symbol = XK.string_to_keysym(_NAMES.get(name.lower(), name if len(name) > 1 else name.lower()))
    if not symbol and name.lower().startswith("f") and name[1:].isdigit():
        symbol = XK.string_to_keysym(name.upper())
    symbol = symbol or (keysym(name) if len(name) == 1 else 0)
    if not symbol:
        raise HostError(f"There is no key named {name[:30]}.")
    return symbol
