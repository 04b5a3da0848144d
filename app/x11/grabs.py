"""Keys that an X server gives to one program wherever the keyboard is."""

from __future__ import annotations

from Xlib import X, display, error

_LOCKS = (0, X.LockMask, X.Mod2Mask, X.LockMask | X.Mod2Mask)
"""Caps Lock and Num Lock are modifiers, too: a key must work with and without them."""


def grab(connection: display.Display, code: int, modifiers: int = 0) -> bool:
    """Take a key with exactly these modifiers, whatever the locks are, for as long as the connection is open.

    One combination that another connection holds makes a grab with ``AnyModifier`` fail as a whole (X11 protocol,
    GrabKey), so the combinations are named one by one: keys of ours with other modifiers stay possible.

    Args:
        connection: that will get the events.
        code: of the key.
        modifiers: a mask without the locks.

    Returns:
        False if another connection holds one of the combinations; what was taken goes when this one is closed.
    """
    taken = error.CatchError(error.BadAccess)
    root = connection.screen().root
    for locks in _LOCKS:
        root.grab_key(code, modifiers | locks, False, X.GrabModeAsync, X.GrabModeAsync, onerror=taken)
    connection.sync()
    return taken.get_error() is None
