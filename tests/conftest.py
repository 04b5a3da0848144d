"""Fixtures of every room: real virtual devices, and folders of a test's own in place of the person's."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

import pydantic.fields  # noqa: F401 - before Qt, whose import hook breaks the circular imports of pydantic
import pytest
from hypothesis import HealthCheck, settings
from pytestqt.qtbot import QtBot

from deskhand.app import virtual
from deskhand.app.x11.connection import connected
from deskhand.app.x11.windows import Windows

# A busy machine makes no example wrong, and what CI tries is the same each time.
settings.register_profile(
    "deskhand",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("deskhand")


@pytest.fixture(scope="session")
def runtime_folder() -> Generator[str]:
    """A folder for the sockets of one run of the tests; its path is short, as a socket's has to be."""
    with tempfile.TemporaryDirectory(prefix="dh-") as folder:
        yield folder


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime_folder: str) -> Path:
    """Keep a test's data and settings away from the person's; the cache of models stays shared."""
    home = tmp_path / "home"
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", runtime_folder)
    return home


@pytest.fixture(scope="session", autouse=True)
def patience() -> Generator[None]:
    """Half a minute where a test says nothing else: what it waits for crosses threads, disks and an X server."""
    with pytest.MonkeyPatch.context() as patch:
        for wait in (QtBot.waitUntil, QtBot.waitSignal, QtBot.waitSignals, QtBot.waitActive, QtBot.waitExposed):
            patch.setitem(wait.__kwdefaults__, "timeout", 30_000)
        yield


@pytest.fixture(scope="session")
def x_display() -> Generator[str]:
    """A real X server of the test session's own; yields its ``DISPLAY``, sets nothing."""
    with virtual.display() as name:
        yield name


@pytest.fixture(scope="session")
def managed_display() -> Generator[str]:
    """A real X server with a window manager (openbox) and a panel (tint2), 1280×800; yields its ``DISPLAY``."""
    with virtual.display() as name:
        environment = {**os.environ, "DISPLAY": name}
        programs = [
            subprocess.Popen([each], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for each in ("openbox", "tint2")
        ]
        with connected(name) as connection:
            windows = Windows(connection)
            while not any(windows.class_name(each) == "Tint2" and windows.shown(each) for each in windows.stacked()):
                assert not any(each.poll() for each in programs), "openbox and tint2 come with .ci/setup"
                time.sleep(0.05)
                windows = Windows(connection)
        yield name
        for each in programs:
            each.terminate()
            each.wait()


@pytest.fixture(scope="session")
def microphone() -> Generator[dict[str, str]]:
    """A real PulseAudio daemon with a virtual microphone; yields the environment of its clients, sets nothing."""
    with virtual.microphone() as environment:
        yield environment
