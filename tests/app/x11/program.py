"""The program of `Other`: runs lines of Python from its input, with the functions here at hand."""

from __future__ import annotations

import json
import select
import sys
import time
from collections.abc import Callable
from typing import Any

from Xlib import X, Xatom, Xutil, display
from Xlib.ext import shape
from Xlib.protocol import event

MADE: dict[int, Any] = {}
NAMES: dict[int, str] = {}
d = display.Display()
root = d.screen().root
state: dict[str, Any] = {"keys": 0, "pressed": 0, "then": None}


def say(*what: Any) -> None:
    """A line for the test."""
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


def atom(name: str) -> int:
    """Of a name."""
    return d.intern_atom(name)


def window(name: str, left: int, top: int, wide: int, high: int, **how: Any) -> Any:
    """Make a window and wait until it is shown.

    ``loose``: the window manager leaves it alone; ``kind``: of ``_NET_WM_WINDOW_TYPE``; ``state``: of
    ``_NET_WM_STATE``; ``input``: of WM_HINTS; ``takes``: WM_TAKE_FOCUS; ``depth``: 0 for one without pixels.
    """
    bare = how.get("depth") == 0
    look = {} if bare else {"background_pixel": 0x3366CC}
    made = root.create_window(
        left, top, wide, high, 0, 0 if bare else X.CopyFromParent, X.InputOnly if bare else X.InputOutput,
        X.CopyFromParent, override_redirect=how.get("loose", False),
        event_mask=X.KeyPressMask | X.ButtonPressMask, **look,
    )  # fmt: skip
    made.change_property(atom("_NET_WM_NAME"), atom("UTF8_STRING"), 8, how.get("title", name).encode())
    made.set_wm_class(sys.argv[1], sys.argv[1].capitalize())
    made.set_wm_normal_hints(flags=Xutil.USPosition | Xutil.USSize, x=left, y=top, width=wide, height=high)
    made.set_wm_hints(flags=Xutil.InputHint, input=how.get("input", 1))
    if how.get("takes"):
        made.set_wm_protocols([atom("WM_TAKE_FOCUS")])
    for key, prefix in (("kind", "_NET_WM_WINDOW_TYPE"), ("state", "_NET_WM_STATE")):
        if how.get(key):
            made.change_property(atom(prefix), Xatom.ATOM, 32, [atom(f"{prefix}_{how[key]}")])
    MADE[made.id], NAMES[made.id] = made, name
    made.map()
    while made.get_attributes().map_state != X.IsViewable:
        time.sleep(0.02)
    return made


def of(name: str) -> Any:
    """A window that was made."""
    return MADE[next(number for number, each in NAMES.items() if each == name)]


def click_through(made: Any) -> None:
    """Take no clicks."""
    made.shape_rectangles(shape.SO.Set, shape.SK.Input, X.Unsorted, 0, 0, [])


def focus(made: Any) -> None:
    """Take the keyboard without asking anybody."""
    made.set_input_focus(X.RevertToParent, X.CurrentTime)
    d.sync()


def message(made: Any, name: str, *data: int) -> None:
    """Ask the window manager."""
    told = event.ClientMessage(window=made, client_type=atom(name), data=(32, [*data, 0, 0, 0, 0, 0][:5]))
    root.send_event(told, event_mask=X.SubstructureRedirectMask | X.SubstructureNotifyMask)


def activate(made: Any) -> None:
    """As a taskbar does; waits until it has the keyboard."""
    message(made, "_NET_ACTIVE_WINDOW", 2)
    d.sync()
    while d.get_input_focus().focus != made:
        time.sleep(0.02)


def at(keys: int, then: Callable[[], object]) -> None:
    """Do something once so many keys have been pressed."""
    state.update(keys=keys, then=then)


def read() -> None:
    """Tell what has reached the windows."""
    while d.pending_events():
        got = d.next_event()
        name = NAMES.get(got.window.id, "") if hasattr(got, "window") else ""
        if got.type == X.KeyPress:
            _pressed(name, got)
        elif got.type == X.ButtonPress:
            say("button", name, got.detail)
        elif got.type == X.ClientMessage and got.data[1][0] == atom("WM_TAKE_FOCUS"):
            focus(got.window)


def _pressed(name: str, got: Any) -> None:
    text = d.lookup_string(d.keycode_to_keysym(got.detail, 1 if got.state & X.ShiftMask else 0)) or ""
    say("key", name, text)
    state["pressed"] += bool(text)
    if state["then"] and state["pressed"] >= state["keys"]:
        then, state["then"] = state["then"], None
        then()
        d.sync()


def main() -> None:
    """Do what is asked until the input ends."""
    while True:
        ready, _, _ = select.select([sys.stdin, d.fileno()], [], [])
        read()
        if sys.stdin in ready:
            line = sys.stdin.readline()
            if not line:
                return
            exec(line, globals())
            d.sync()
            say("done")


if __name__ == "__main__":
    main()
