"""The portal's protocol over a real session bus, with a service that answers as a desktop's does."""

import os
import shutil
import subprocess
import sys

import pytest

SERVICE = """
import sys
from PySide6.QtCore import ClassInfo, QCoreApplication, QObject, QTimer, Signal, Slot
from PySide6.QtDBus import QDBusConnection, QDBusMessage

uri, code = sys.argv[1], int(sys.argv[2])

@ClassInfo(**{"D-Bus Interface": "org.freedesktop.portal.Request"})
class Request(QObject):
    Response = Signal("uint", "QVariantMap")

@ClassInfo(**{"D-Bus Interface": "org.freedesktop.portal.Screenshot"})
class Portal(QObject):
    @Slot(str, "QVariantMap", QDBusMessage, result=str)
    def Screenshot(self, parent, options, message):
        sender = message.service().removeprefix(":").replace(".", "_")
        handle = f"/org/freedesktop/portal/desktop/request/{sender}/{options['handle_token']}"
        self.request = Request()
        assert bus.registerObject(handle, self.request, QDBusConnection.RegisterOption.ExportAllSignals)
        QTimer.singleShot(200, lambda: self.request.Response.emit(code, {"uri": uri}))
        return handle

application = QCoreApplication([])
bus = QDBusConnection.sessionBus()
portal = Portal()
slots = QDBusConnection.RegisterOption.ExportAllSlots
assert bus.registerObject("/org/freedesktop/portal/desktop", portal, slots)
assert bus.registerService("org.freedesktop.portal.Desktop")
print("ready", flush=True)
application.exec()
"""

GRAB = """
from deskhand.app import capture
from deskhand.app.capture import CaptureError
try:
    percept = capture.grab()
    print(percept.image.width, percept.image.height, list(percept.image.pixels), percept.source)
except CaptureError as error:
    print(error)
"""


@pytest.fixture
def bus(tmp_path):
    """A session bus of the test's own; yields the environment of its clients."""
    if not shutil.which("dbus-daemon"):
        pytest.fail("dbus-daemon is missing: sudo apt-get install dbus-daemon")
    daemon = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--print-address", f"--address=unix:path={tmp_path}/bus"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    address = daemon.stdout.readline().strip()
    environment = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": address, "WAYLAND_DISPLAY": "wayland-7"}
    # No grim: the portal is what is left.
    environment["PATH"] = str(tmp_path)
    yield environment
    daemon.terminate()
    daemon.communicate()


def grab(environment):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", GRAB], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def serve(environment, uri, code):
    service = subprocess.Popen(
        [sys.executable, "-c", SERVICE, uri, str(code)], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert service.stdout.readline() == "ready\n"
    return service


def end(service):
    service.terminate()
    service.communicate()


def test_a_screenshot_comes_through_the_portal_and_leaves_no_file(bus, tmp_path):
    picture = tmp_path / "shot one.ppm"
    picture.write_bytes(b"P6 2 1 255\n" + bytes((255, 0, 0, 0, 0, 255)))
    service = serve(bus, picture.as_uri(), 0)
    try:
        assert grab(bus) == "2 1 [255, 0, 0, 0, 0, 255] Whole desktop (portal)"
    finally:
        end(service)
    assert not picture.exists()


def test_a_person_who_says_no_is_understood(bus):
    service = serve(bus, "", 1)
    try:
        assert grab(bus) == "You did not allow the screenshot."
    finally:
        end(service)


def test_a_desktop_without_a_portal_says_what_to_install(bus):
    assert "no screenshot portal" in grab(bus)
