import threading
from pathlib import Path

from deskhand.agent.limits import Limits
from deskhand.agent.percept import ScreenPercept
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.tools.host import HostError, picture
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.app.host import AppHost
from deskhand.model.types import Image, ToolCall

ROOT = Path(__file__).parents[2] / "skills"
IMAGE = Image(bytes(range(240)) * 5, 20, 20)


class Eyes:
    def __init__(self, problem=""):
        self.problem = problem

    def ask(self, asked):
        if self.problem:
            raise HostError(self.problem)
        return picture(ScreenPercept(IMAGE, left=100, source="screen 2 (X11)"))


def look(tmp_path, host):
    box = Toolbox(load_skills([(ROOT, "bundled")]), tmp_path, host)
    return box.run(ToolCall("c", "screen_look"), threading.Event(), Limits())


def test_the_picture_goes_to_the_model_and_its_source_is_told(tmp_path):
    result = look(tmp_path, Eyes())
    assert result.images == (IMAGE,)
    assert result.value == {"screenshot": "20×20 pixels, it follows", "source": "screen 2 (X11)"}


def test_no_display_is_one_sentence(tmp_path):
    result = look(tmp_path, Eyes("There is no display here: attach a picture instead."))
    assert result.error == "There is no display here: attach a picture instead."
    assert result.images == ()


def test_a_real_screen_is_seen(tmp_path, monkeypatch, x_display):
    monkeypatch.setenv("DISPLAY", x_display)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("XDG_SESSION_TYPE", "x11")
    result = look(tmp_path, AppHost(560))
    assert result.error == ""
    (image,) = result.images
    assert (image.width, image.height, image.budget) == (1280, 800, 560)
    assert "1280×800" in result.value["screenshot"]


def test_a_screen_that_can_not_be_captured_is_one_sentence(tmp_path, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    result = look(tmp_path, AppHost(560))
    assert result.images == ()
    assert result.error
