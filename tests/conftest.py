"""Fixtures of every room: real virtual devices, and folders of a test's own in place of the person's."""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from pathlib import Path

import pydantic.fields  # noqa: F401 - before Qt, whose import hook breaks the circular imports of pydantic
import pytest
from pytestqt.qtbot import QtBot

from deskhand.app import virtual


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
def microphone() -> Generator[dict[str, str]]:
    """A real PulseAudio daemon with a virtual microphone; yields the environment of its clients, sets nothing."""
    with virtual.microphone() as environment:
        yield environment
