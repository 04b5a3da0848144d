"""Notifications over a real session bus: to a service of the test, from the window's own events."""

import json
import os
import shutil
import struct
import subprocess
import sys

import pytest
from PySide6.QtCore import Qt

from deskhand.agent.events import ApprovalRequest, ApprovalRequested, Notice
from deskhand.app import attention, notification, sessionbus, tone
from deskhand.app.attention import Attention
from deskhand.app.happenings import CameBack
from deskhand.app.sessionbus import BusError, SessionBus
from deskhand.app.window.window import Window
from deskhand.model.types import ToolCall
from tests.damage import damaged

SERVICE = """
import json, sys
from PySide6.QtCore import ClassInfo, QCoreApplication, QObject, Signal, Slot
from PySide6.QtDBus import QDBusConnection

@ClassInfo(**{"D-Bus Interface": "org.freedesktop.Notifications"})
class Notifications(QObject):
    ActionInvoked = Signal("uint", str)
    NotificationClosed = Signal("uint", "uint")
    number = 4294967290

    @Slot(str, "uint", str, str, str, "QStringList", "QVariantMap", int, result="uint")
    def Notify(self, name, replaces, icon, title, body, actions, hints, expires):
        Notifications.number += 1
        print(json.dumps([name, replaces, title, body, list(actions), sorted(hints)]), flush=True)
        if "click" in body:
            self.ActionInvoked.emit(1, "default")  # of another program
            self.ActionInvoked.emit(self.number, "default")
            self.NotificationClosed.emit(self.number, 2)
            self.ActionInvoked.emit(self.number, "default")  # no more
        return self.number

application = QCoreApplication([])
bus = QDBusConnection.sessionBus()
made = Notifications()
options = QDBusConnection.RegisterOption
assert bus.registerObject("/org/freedesktop/Notifications", made, options.ExportAllSlots | options.ExportAllSignals)
assert bus.registerService("org.freedesktop.Notifications")
print("ready", flush=True)
application.exec()
"""


@pytest.fixture
def bus(tmp_path, monkeypatch):
    """A session bus of the test's own; its clients find it."""
    if not shutil.which("dbus-daemon"):
        pytest.fail("dbus-daemon is missing: sudo apt-get install dbus-daemon")
    daemon = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--print-address", f"--address=unix:path={tmp_path}/bus"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", daemon.stdout.readline().strip())
    yield daemon
    daemon.terminate()
    daemon.communicate()


@pytest.fixture
def service(bus):
    """A notification service; prints what it is to show."""
    made = subprocess.Popen([sys.executable, "-c", SERVICE], stdout=subprocess.PIPE, text=True)
    assert made.stdout.readline() == "ready\n"
    yield made
    made.terminate()
    made.communicate()


class Desk:
    """What the window needs of a bridge; remembers what a click opens."""


@pytest.fixture
def noticed(qtbot, theme, desk):
    window = Window(desk, theme)
    qtbot.addWidget(window)
    window.show()
    desk.shown = []
    desk.show_timer = desk.shown.append
    sounds = []
    made = Attention(desk, window, lambda: sounds.append(1))
    made.sounds = sounds
    yield made
    made.close()
    window.close()


def told(service):
    return json.loads(service.stdout.readline())


def test_a_timer_is_noticed_though_the_window_is_minimised_and_a_click_opens_it(qtbot, service, noticed, desk):
    window = noticed._window
    window.showMinimized()
    desk.happened.emit(Notice("timer", "Timer “click <b>pasta</b> & salt” is up.", "t7"))
    name, replaces, title, body, actions, hints = told(service)
    assert (name, replaces, title) == ("Deskhand", 0, "Timer")
    assert body == "Timer “click &lt;b&gt;pasta&lt;/b&gt; &amp; salt” is up."
    assert actions == ["default", "Open"]
    assert "suppress-sound" in hints
    qtbot.waitUntil(lambda: desk.shown == ["t7"])
    qtbot.waitUntil(lambda: noticed.sounds == [1])
    assert not window.windowState() & Qt.WindowState.WindowMinimized
    assert window.composer.input.hasFocus() or not window.isActiveWindow()


def test_a_watch_and_a_reminder_show_no_more_than_their_label(qtbot, service, noticed, desk):
    desk.happened.emit(CameBack("watch", "click when it is done", 7))
    assert told(service)[2:4] == ["Watch", "Your watch “click when it is done” has something to show."]
    qtbot.waitUntil(lambda: "open 7" in desk.asked)
    desk.happened.emit(CameBack("later", "call mum", 7))
    assert told(service)[2:4] == ["Reminder", "It is time: “call mum”"]
    desk.happened.emit(CameBack("watch", "", 7))
    assert told(service)[3] == "The screen changed."
    # What the answer was stands in the window, and not on everybody's screen.
    desk.happened.emit(Notice("watch", "In the conversation “x”: the password is 1234", conversation=7))
    desk.happened.emit(Notice("engine", "The engine was restarted."))
    desk.happened.emit(Notice("watch", "The watch “b” has ended."))
    assert told(service)[3] == "The watch “b” has ended."
    qtbot.waitUntil(lambda: len(noticed.sounds) == 4)


def test_a_question_nobody_sees_is_noticed(service, noticed, desk, monkeypatch):
    monkeypatch.setattr(noticed._window, "isActiveWindow", lambda: False)
    request = ApprovalRequest(ToolCall("c", "notes_append", {"text": "secret"}), "notes", "Write.", ())
    desk.happened.emit(ApprovalRequested(request))
    assert told(service)[2:4] == ["Deskhand", "Deskhand needs your answer."]
    assert noticed.sounds == []


def test_without_a_service_the_window_asks_for_attention_and_the_sound_comes(qtbot, bus, noticed, desk, monkeypatch):
    alerts = []
    monkeypatch.setattr(attention.QApplication, "alert", alerts.append)
    desk.happened.emit(Notice("timer", "Your timer is up.", "t"))
    qtbot.waitUntil(lambda: noticed.sounds == [1])
    assert noticed._window in alerts
    works, detail = notification.status()
    assert not works
    assert "org.freedesktop.Notifications" in detail


def test_the_doctor_is_told_what_shows_them(service):
    works, detail = notification.status()
    assert not works  # the service of the test does not say its name
    assert detail


def test_without_a_bus_that_is_said(monkeypatch, tmp_path):
    for address in (
        "",
        "unix:path=/nowhere",
        "tcp:host=x",
        f"unix:path={tmp_path}",
        "nonsense;;unix:abstract=deskhand-no",
    ):
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        with pytest.raises(BusError, match="no session bus"):
            SessionBus(lambda _signal: None)


def test_a_bus_that_ends_is_found_again(bus, service, tmp_path, monkeypatch):
    notifier = notification.Notifier(lambda _key: None)
    notifier.show("a", "b", "c")
    told(service)
    notifier._bus.close()
    notifier.show("a", "again", "c")
    assert told(service)[3] == "again"
    notifier.close()


def test_texts_are_short_plain_and_visible():
    assert notification.escaped("a\n b") == "a b"
    assert notification.escaped("<img src=x>") == "&lt;img src=x&gt;"
    assert "\u202e" not in notification.escaped("\u202egnp.exe")
    assert len(notification.escaped("x" * 5000)) == notification.LONGEST


def test_whatever_a_bus_sends_is_a_message_or_no_message():
    """Fuzz of the edge: messages of the bus."""
    head = {6: ("s", ":1.7"), 3: ("s", "ActionInvoked"), 2: ("s", "org.freedesktop.Notifications")}
    values = [7, "default", [("k", ("u", 3)), ("n", ("as", ["x"]))], (1, 2.5)]
    good = sessionbus._encoded(9, head, "usa{sv}(id)", values)
    message = sessionbus.parsed(good[:16], good[16:])
    assert message.values[:2] == (7, "default")
    assert message.values[2] == [("k", 3), ("n", ["x"])]
    understood = 0
    for data in damaged(good, 3, 1500):
        try:
            sessionbus.parsed(data[:16].ljust(16, b"\0"), data[16:])
            understood += 1
        except (ValueError, LookupError, TypeError, struct.error, RecursionError):
            continue
    assert 0 < understood < 1500


def test_the_sound_is_short_soft_and_does_not_click():
    sound = tone.samples()
    assert 0.3 < len(sound) / tone.RATE < 1
    assert 0.05 < abs(sound).max() < 0.5
    assert abs(sound[[0, -1]]).max() < 0.001


def test_the_sound_is_heard(microphone, tmp_path):
    """Played into a real sound server, whose monitor hears it."""
    script = "from deskhand.app import tone\nimport deskhand.app.portaudio as p\np.play(tone.samples(), tone.RATE)\n"
    environment = {**os.environ, **microphone}
    recorder = subprocess.Popen(
        ["parecord", "--raw", "--rate=16000", "--channels=1", "--format=s16le", "--device=speaker.monitor"],
        env=environment,
        stdout=subprocess.PIPE,
    )
    try:
        recorder.stdout.read(3200)  # it listens
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        data = recorder.stdout.read(16000 * 2 * 2)
    finally:
        recorder.terminate()
        recorder.communicate()
    loudest = max(abs(value) for (value,) in struct.iter_unpack("<h", data))
    assert loudest > 1000
