"""The place of a click on a real screen, as it is shown before it is allowed."""

import threading

import pytest

from deskhand.agent.safety.painting import Painter
from deskhand.agent.tool import Tool
from deskhand.app.host.eyes import Eyes
from deskhand.app.host.sight import AROUND, CROP, Sight
from deskhand.model.cascade.ocr import Line, Reader
from deskhand.model.types import ToolCall

STOP = threading.Event()
TYPE = Tool("input_type", "input", "", {}, ("input",), bundled=True)


def aim(sight, place):
    given = {"x": place[0], "y": place[1]} if place else {"text": "x"}
    return sight.aim(TYPE, ToolCall("c", TYPE.name, given), STOP)


class Seer(Reader):
    """Reads a password from the upper left corner on, or fails."""

    problem: Exception | None = None

    def lines(self, image, least=0.0, cancel=None, progress=lambda _done, _total: None):
        if self.problem:
            raise self.problem
        self.size = (image.width, image.height)
        text = "password: hunter2"
        return [Line(text, 0, 0, 340, 20, tuple(20.0 * at + 10 for at in range(len(text))))]


@pytest.fixture
def screen(x_display, monkeypatch):
    monkeypatch.setenv("DISPLAY", x_display)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)


@pytest.mark.parametrize(
    ("place", "at"),
    [((500, 500), (280, 150)), ((0, 0), (0, 0)), ((1000, 1000), (559, 299)), ((100, 900), (128, 220))],
)
def test_the_place_is_in_the_piece_that_is_shown(screen, place, at):
    seen = aim(Sight(Eyes(70)), place)
    assert (seen.image.width, seen.image.height) == CROP
    assert seen.at == at
    assert seen.note == ""


def test_secrets_around_it_are_painted_over(screen):
    reader = Seer()
    bare = aim(Sight(Eyes(70)), (100, 100))
    covered = aim(Sight(Eyes(70), Painter("pixels", reader)), (100, 100))
    assert covered.image.pixels != bare.image.pixels
    assert covered.at == bare.at
    assert reader.size == (1280, 800) <= AROUND


def test_what_can_not_be_looked_through_is_not_shown(screen):
    reader = Seer()
    reader.problem = OSError("no model")
    seen = aim(Sight(Eyes(70), Painter("pixels", reader)), (100, 100))
    assert seen.image is None
    assert "no model" in seen.note


def test_without_a_window_that_has_the_keyboard_it_says_so(screen):
    seen = aim(Sight(Eyes(70)), None)
    assert seen.image is None
    assert "click into the field first" in seen.note


def test_without_a_screen_it_says_so(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert "no screen" in aim(Sight(Eyes(70)), (1, 1)).note
