"""Types text on an X11 keyboard; characters that it lacks are lent a free key each, for longer than anybody is behind.

A program asks what a key means when it reads the key's event, and by then may be seconds behind (the protocol's
``MappingNotify`` says only that the meaning has changed). So no key changes its meaning while an event of it may still
be unread: the person would find another letter in their document.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence

from Xlib import XK, X, Xatom, display
from Xlib.ext import xtest

from deskhand.agent.tools.host import HostError
from deskhand.app.x11.connection import FAILURES, NoServerError, connected
from deskhand.app.x11.keyboard import KeyboardFocus

KEY_PAUSE = 0.008
"""Seconds between two keys: toolkits lose keys that come faster."""
NOTICED = 0.1
"""Seconds until programs that look at their leisure have read a new map."""
BEHIND = 3.0
"""Seconds for which a program may be behind when one text needs more characters than there are free keys."""
KEPT = 30.0
"""Seconds after a text for which its characters keep their keys."""

MOST_LENT = 100
"""Keys that are lent at a time; a keyboard of 105 keys leaves about that many."""

_typing = threading.Lock()
_returning: threading.Timer | None = None
"""Gives back what was lent; held by `_typing`, as one keyboard is, whoever types on it."""


class FocusLostError(HostError):
    """Another window has the keyboard, so nothing more was typed; the message is a sentence.

    Attributes:
        typed: how many characters were, before that.
    """

    def __init__(self, typed: int, of: int) -> None:
        super().__init__(f"I stopped after {typed} of {of} characters: another window took the keyboard.")
        self.typed = typed


class Typist:
    """Presses keys, each only if it reaches the window that is meant.

    Args:
        connection: to press them on.
        focus: of that window.
    """

    def __init__(self, connection: display.Display, focus: KeyboardFocus) -> None:
        self._connection = connection
        self._focus = focus
        self._shift = connection.keysym_to_keycode(XK.XK_Shift_L)

    def type(self, text: str, cancel: threading.Event) -> int:
        """Type until the end or Stop; returns how many characters.

        Raises:
            FocusLostError: another window took the keyboard in between.
            HostError: there is no free key for characters that the keyboard lacks.
        """
        plain = text.replace("\r\n", "\n").replace("\r", "\n")
        typed = 0
        with _typing:
            keyboard = Keyboard(self._connection)
            try:
                for part, symbols in _split(plain, keyboard):
                    lent = keyboard.lend(symbols, cancel)
                    for character in part:
                        if cancel.is_set():
                            return typed
                        if not self._focus.kept():
                            raise FocusLostError(typed, len(plain))
                        if printed(character):
                            self._one(keysym(character), keyboard, lent)
                        typed += 1
                        time.sleep(KEY_PAUSE)
            finally:
                if keyboard.lent:
                    _give_back_later(self._connection.get_display_name())
        return typed

    def press(self, codes: Sequence[int]) -> None:
        """Hold keys in their order and let them go in reverse, in one go: none is left down whoever gets the rest."""
        for code in codes:
            xtest.fake_input(self._connection, X.KeyPress, code)
        for code in reversed(codes):
            xtest.fake_input(self._connection, X.KeyRelease, code)
        self._connection.sync()

    def _one(self, symbol: int, keyboard: Keyboard, lent: dict[int, int]) -> None:
        if symbol in lent:
            self.press([lent[symbol]])
            return
        code, shifted = keyboard.own[symbol]
        self.press([self._shift, code] if shifted else [code])


class Keyboard:
    """The keys as they are now.

    Attributes:
        own: key of each symbol that is on one without our doing, and whether Shift has to be held.
        lent: symbol of each key that was lent and still has it: another layout may have been loaded since.
        spare: keys that can be lent, those that are not yet first.
    """

    def __init__(self, connection: display.Display) -> None:
        self._connection = connection
        self._root = connection.screen().root
        self._property = connection.intern_atom("_DESKHAND_KEYS")
        first, last = connection.display.info.min_keycode, connection.display.info.max_keycode
        table = dict(enumerate(connection.get_keyboard_mapping(first, last - first + 1), first))
        found = self._root.get_full_property(self._property, Xatom.CARDINAL)
        noted = list(found.value) if found is not None else []
        pairs = zip(noted[::2], noted[1::2], strict=False)
        self.lent = {code: symbol for code, symbol in pairs if symbol in table.get(code, ())}
        self.own: dict[int, tuple[int, bool]] = {}
        for shifted in (False, True):
            for code, symbols in table.items():
                if code not in self.lent and len(symbols) > shifted and symbols[shifted]:
                    self.own.setdefault(symbols[shifted], (code, shifted))
        empty = [code for code, symbols in table.items() if not any(symbols)]
        self.spare = [*empty[:MOST_LENT], *self.lent]

    def lend(self, symbols: Sequence[int], cancel: threading.Event) -> dict[int, int]:
        """Give each symbol a key before the first is pressed; a symbol that has one keeps it.

        A key that has to change its meaning does so only once its last press has been read; Stop ends the waiting.
        """
        keys = {symbol: code for code, symbol in self.lent.items() if symbol in symbols}
        rest = iter([code for code in self.spare if code not in keys.values()])
        new = {next(rest): symbol for symbol in symbols if symbol not in keys}
        if not new.keys().isdisjoint(self.lent) and cancel.wait(BEHIND):
            return {}
        if new:
            self.lent |= new
            # Written first: keys that are lent and not written would be lost if we ended here.
            numbers = [number for pair in self.lent.items() for number in pair]
            self._root.change_property(self._property, Xatom.CARDINAL, 32, numbers)
            for code, symbol in new.items():
                self._connection.change_keyboard_mapping(code, [(symbol, symbol)])
            self._connection.sync()
            time.sleep(NOTICED)
        return keys | {symbol: code for code, symbol in new.items()}

    def give_back(self) -> None:
        """Take the symbols off all keys that were lent."""
        for code in self.lent:
            self._connection.change_keyboard_mapping(code, [(0, 0)])
        self._root.delete_property(self._property)
        self._connection.sync()


def keysym(character: str) -> int:
    """The keysym of a character (X11 protocol, appendix A: Latin-1 as it is, others above 0x01000000)."""
    special = {"\n": XK.XK_Return, "\t": XK.XK_Tab}
    point = ord(character)
    if character in special:
        return special[character]
    return point if 0x20 <= point <= 0x7E or 0xA0 <= point <= 0xFF else 0x01000000 | point


def printed(character: str) -> bool:
    """Whether a character is typed; others are passed over."""
    return character in "\n\t" or character.isprintable()


def _split(text: str, keyboard: Keyboard) -> Iterator[tuple[str, list[int]]]:
    """Parts for whose characters the spare keys suffice, and the symbols of each part that are on no other key.

    Raises:
        HostError: there is no spare key.
    """
    start, symbols = 0, list[int]()
    for at, character in enumerate(text):
        symbol = keysym(character)
        if not printed(character) or symbol in keyboard.own or symbol in symbols:
            continue
        if not keyboard.spare:
            raise HostError("This keyboard has no free key for characters that it lacks.")
        if len(symbols) == len(keyboard.spare):
            yield text[start:at], symbols
            start, symbols = at, []
        symbols.append(symbol)
    yield text[start:], symbols


def _give_back_later(name: str) -> None:
    """Once nobody can be behind any more, unless another text is typed until then."""
    global _returning  # noqa: PLW0603 - one keyboard
    if _returning is not None:
        _returning.cancel()
    _returning = threading.Timer(KEPT, _give_back, (name,))
    _returning.daemon = True  # what is still lent when we end is written down, and given back by the next of us
    _returning.start()


def _give_back(name: str) -> None:
    with _typing, contextlib.suppress(NoServerError, *FAILURES):
        if threading.current_thread() is not _returning:
            return  # another text was typed while this waited
        with connected(name) as connection:
            Keyboard(connection).give_back()
