"""A desktop with a window manager and a panel, other programs on it, and one that passes for another Deskhand."""

from __future__ import annotations

from collections.abc import Callable, Generator

import pytest

from deskhand.app.x11.connection import connected
from deskhand.app.x11.windows import Windows
from tests.app.x11.other import Other


@pytest.fixture
def desktop(managed_display: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", managed_display)
    return managed_display


@pytest.fixture
def other(desktop: str) -> Generator[Callable[..., Other]]:
    """``other(name)`` starts a program of that name."""
    made: list[Other] = []

    def start(name: str = "other") -> Other:
        made.append(Other(name))
        return made[-1]

    yield start
    for each in made:
        each.end()


@pytest.fixture
def windows(desktop: str) -> Generator[Windows]:
    with connected() as connection:
        yield Windows(connection)
