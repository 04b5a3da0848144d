"""The skill system: a real sound server, a real X server with a window manager, and what is missing."""

import os
import subprocess
import sys
import time

import pytest

from deskhand.app.host import AppHost, system


def told(result):
    """What the model reads, and the rest."""
    value = dict(result.value)
    return value.pop("say"), value


@pytest.fixture
def call(bundled):
    return bundled(AppHost(560))


def test_the_volume_is_told_and_set(call, microphone, monkeypatch):
    for name, value in microphone.items():
        monkeypatch.setenv(name, value)
    assert told(call("system_volume", percent=40)) == ("The volume is at 40 percent.", {"percent": 40, "muted": False})
    assert told(call("system_volume", muted=True)) == (
        "The volume is at 40 percent, and muted.",
        {"percent": 40, "muted": True},
    )
    assert call("system_volume").value["muted"] is True
    said = subprocess.run(["pactl", "get-sink-volume", "@DEFAULT_SINK@"], capture_output=True, text=True, check=True)
    assert "40%" in said.stdout
    assert call("system_volume", percent=400).error == "Give a number from 0 to 100."
    call("system_volume", percent=100, muted=False)


PROGRAM = """
import sys
from Xlib import X, Xutil, display
connection = display.Display()
utf8 = connection.intern_atom("UTF8_STRING")
delete = connection.intern_atom("WM_DELETE_WINDOW")
made = {}
for title, name in zip(sys.argv[1::2], sys.argv[2::2]):
    window = connection.screen().root.create_window(
        40, 40, 300, 200, 0, X.CopyFromParent, background_pixel=0xFFFFFF, event_mask=X.ExposureMask
    )
    window.change_property(connection.intern_atom("_NET_WM_NAME"), utf8, 8, title.encode())
    window.set_wm_class(name, name.capitalize())
    window.set_wm_protocols([delete])
    window.map()
    while connection.next_event().type != X.Expose:
        pass
    made[window.id] = title
print("shown", flush=True)
while True:
    event = connection.next_event()
    if event.type == X.ClientMessage and event.data[1][0] == delete:
        print(made[event.window.id], flush=True)
        event.window.destroy()
"""


@pytest.fixture
def programs(managed_display, monkeypatch):
    """Two windows of others and one of another Deskhand; says which was asked to close."""
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", managed_display)
    named = ["Letter to Anna – Editor", "editor", "Anna – Mail", "mail", "Allow?", "deskhand"]
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, *named], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "shown\n"
    yield process.stdout.readline
    process.kill()
    process.communicate()


def test_windows_are_listed_brought_forward_and_closed_but_never_ours(call, programs):
    mail, editor = (
        {"title": "Anna – Mail", "program": "Mail"},
        {"title": "Letter to Anna – Editor", "program": "Editor"},
    )
    listed = call("system_windows").value["windows"]
    assert listed == [mail, editor]  # and no panel
    assert told(call("system_focus", title="letter")) == (
        "“Letter to Anna – Editor” is in front.",
        {"in_front": "Letter to Anna – Editor"},
    )
    deadline = time.monotonic() + 30
    while listed != [editor, mail] and time.monotonic() < deadline:
        listed = call("system_windows").value["windows"]
    assert listed == [editor, mail]
    assert "Several windows" in call("system_focus", title="anna").error
    assert "No window is called Allow?" in call("system_close", title="Allow?").error
    assert call("system_close", title="mail").value["asked_to_close"] == "Anna – Mail"
    assert programs() == "Anna – Mail\n"


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
    assert told(call("system_brightness", percent=1)) == ("The brightness is at 12 percent.", {"percent": 12})
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
    assert told(call("system_battery")) == (
        "The battery is 72 percent full and not plugged in. It lasts for about 1 h 0 min.",
        {"percent": 72, "plugged_in": False, "minutes_left": 60},
    )
