"""The skill system: a real sound server, a real X server whose window manager the test plays, and what is missing."""

import os
import subprocess

import pytest
from Xlib import X, Xatom, display

from deskhand.app.host import AppHost, system


@pytest.fixture
def call(bundled):
    return bundled(AppHost(560))


def test_the_volume_is_told_and_set(call, microphone, monkeypatch):
    for name, value in microphone.items():
        monkeypatch.setenv(name, value)
    assert call("system_volume", percent=40).value == {"percent": 40, "muted": False}
    assert call("system_volume", muted=True).value == {"percent": 40, "muted": True}
    assert call("system_volume").value == {"percent": 40, "muted": True}
    said = subprocess.run(["pactl", "get-sink-volume", "@DEFAULT_SINK@"], capture_output=True, text=True, check=True)
    assert "40%" in said.stdout
    assert call("system_volume", percent=400).error == "Give a number from 0 to 100."
    call("system_volume", percent=100, muted=False)


@pytest.fixture
def manager(x_display, monkeypatch):
    """The window manager's side: it lists two windows and one of ours, and hears what is asked of it."""
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", x_display)
    connection = display.Display()
    root = connection.screen().root
    made = []
    for title, name in (("Letter to Anna – Editor", "editor"), ("Anna – Mail", "mail"), ("Allow?", "deskhand")):
        window = root.create_window(0, 0, 10, 10, 0, X.CopyFromParent)
        utf8 = connection.intern_atom("UTF8_STRING")
        window.change_property(connection.intern_atom("_NET_WM_NAME"), utf8, 8, title.encode())
        window.set_wm_class(name, name.capitalize())
        made.append(window)
    for atom, values in (
        ("_NET_CLIENT_LIST_STACKING", [w.id for w in made]),
        ("_NET_SUPPORTING_WM_CHECK", [made[0].id]),
    ):
        root.change_property(connection.intern_atom(atom), Xatom.WINDOW, 32, values)
    root.change_attributes(event_mask=X.SubstructureNotifyMask)
    connection.sync()

    def heard():
        connection.sync()
        events = [connection.next_event() for _ in range(connection.pending_events())]
        messages = [event for event in events if event.type == X.ClientMessage]
        return [(connection.get_atom_name(each.client_type), made.index(each.window)) for each in messages]

    yield heard
    for atom in ("_NET_CLIENT_LIST_STACKING", "_NET_SUPPORTING_WM_CHECK"):
        root.delete_property(connection.intern_atom(atom))
    for window in made:
        window.destroy()
    connection.sync()
    connection.close()


def test_windows_are_listed_brought_forward_and_closed_but_never_ours(call, manager):
    assert call("system_windows").value["windows"] == [
        {"title": "Anna – Mail", "program": "Mail"},
        {"title": "Letter to Anna – Editor", "program": "Editor"},
    ]
    assert call("system_focus", title="letter").value == {"in_front": "Letter to Anna – Editor"}
    assert manager() == [("_NET_ACTIVE_WINDOW", 0)]
    assert call("system_close", title="mail").value == {"asked_to_close": "Anna – Mail"}
    assert manager() == [("_NET_CLOSE_WINDOW", 1)]
    assert "Several windows" in call("system_focus", title="anna").error
    assert "No window is called Allow?" in call("system_close", title="Allow?").error
    assert manager() == []


def test_what_the_desktop_does_not_offer_is_a_sentence(call, x_display, monkeypatch, tmp_path):
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", x_display)
    assert "no window manager here" in call("system_windows").error
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "apt-get install pulseaudio-utils" in call("system_volume").error
    assert "apt-get install brightnessctl" in call("system_brightness", percent=50).error
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert "Under Wayland" in call("system_windows").error


def test_brightness_goes_through_the_program_for_it(call, tmp_path, monkeypatch):
    program = tmp_path / "brightnessctl"
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/said\necho "intel_backlight,backlight,50,12%,400"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert call("system_brightness", percent=1).value == {"percent": 12}
    assert (tmp_path / "said").read_text().splitlines()[0] == "--class=backlight set 5%"


def test_the_battery_is_told(call, monkeypatch):
    import psutil

    found = call("system_battery")
    if psutil.sensors_battery() is None:
        assert found.error == "This machine has no battery, or does not tell about it."
    full = type(
        "Battery", (), {"percent": 71.6, "secsleft": 3601, "power_plugged": False}
    )  # the kernel of a machine without one can't be asked
    monkeypatch.setattr(system.psutil, "sensors_battery", lambda: full)
    assert call("system_battery").value == {"percent": 72, "plugged_in": False, "minutes_left": 60}
