"""The Escape key on a real X server: beside the stop key, with locks, within a menu, and when another has it."""

from __future__ import annotations

from collections.abc import Callable, Generator

import pytest
from Xlib import XK, X, display
from Xlib.ext import xtest

from deskhand.agent.tools.host import HostError
from deskhand.app.host.escape import EscapeKey, KeyTakenError
from deskhand.app.hotkey import StopKey


@pytest.fixture
def person(x_display: str, monkeypatch: pytest.MonkeyPatch) -> Generator[display.Display]:
    """A connection for what the person and other programs do."""
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", x_display)
    connection = display.Display()
    yield connection
    connection.close()


@pytest.fixture
def down(person: display.Display) -> Callable[[str], None]:
    return lambda name: send(person, X.KeyPress, name)


@pytest.fixture
def up(person: display.Display) -> Callable[[str], None]:
    return lambda name: send(person, X.KeyRelease, name)


def send(connection: display.Display, kind: int, name: str) -> None:
    xtest.fake_input(connection, kind, connection.keysym_to_keycode(XK.string_to_keysym(name)))
    connection.sync()


@pytest.mark.parametrize("locks", [(), ("Caps_Lock",), ("Num_Lock",), ("Caps_Lock", "Num_Lock")])
def test_a_tap_is_noticed_beside_the_stop_key_whatever_is_locked(
    person: display.Display,
    down: Callable[[str], None],
    up: Callable[[str], None],
    locks: tuple[str, ...],
    capfd: pytest.CaptureFixture[str],
):
    stop = StopKey(lambda: None)
    for lock in locks:
        down(lock)
        up(lock)
    try:
        with EscapeKey() as escape:
            assert not escape.poll()
            down("a")
            up("a")
            assert not escape.poll()
            down("Escape")
            up("Escape")
            assert escape.poll()
            assert escape.poll()  # it stays so
    finally:
        for lock in locks:
            down(lock)
            up(lock)
        stop.close()
    assert capfd.readouterr() == ("", "")


def test_a_held_key_is_noticed_while_a_menu_has_the_keyboard(
    person: display.Display, down: Callable[[str], None], up: Callable[[str], None]
):
    person.screen().root.grab_keyboard(False, X.GrabModeAsync, X.GrabModeAsync, X.CurrentTime)
    person.sync()
    with EscapeKey() as escape:
        assert not escape.poll()
        down("Escape")
        try:
            assert escape.poll()
        finally:
            up("Escape")
            person.ungrab_keyboard(X.CurrentTime)
            person.sync()


def test_it_does_not_begin_while_another_has_the_key_and_begins_after(person: display.Display):
    with EscapeKey(), pytest.raises(KeyTakenError, match="Another program has the Escape key"), EscapeKey():
        pass
    with EscapeKey() as escape:
        assert not escape.poll()
    person.screen().root.grab_key(
        person.keysym_to_keycode(XK.XK_Escape), X.LockMask, False, X.GrabModeAsync, X.GrabModeAsync
    )
    person.sync()
    with pytest.raises(KeyTakenError), EscapeKey():
        pass


def test_where_there_is_no_x_server_it_is_a_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(HostError, match="no X11 display"), EscapeKey():
        pass
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    with pytest.raises(HostError, match="Wayland"), EscapeKey():
        pass
