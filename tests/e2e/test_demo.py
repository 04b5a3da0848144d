"""The main job from end to end: what `make demo` plays, checked by what it left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from PIL import Image as Picture

from tests.e2e.conftest import HIDDEN


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Play the demonstration once, without a display or a microphone of the person's; its transcript and folder."""
    folder = tmp_path_factory.mktemp("demo")
    environment = {key: value for key, value in os.environ.items() if key not in HIDDEN}
    done = subprocess.run(
        [sys.executable, "-m", "deskhand.app.demo"],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    transcript = json.loads((folder / "build/demo/transcript.json").read_text())
    return {**transcript, "folder": folder, "out": done.stdout, "err": done.stderr}


def test_the_error_on_the_screen_is_read(played: dict[str, Any]):
    step = played["a"]
    assert step["finish"] == "stop"
    assert "archive" in step["answer"].lower()
    assert "312" in step["answer"]


def test_the_spoken_command_is_carried_out_after_asking(played: dict[str, Any]):
    step = played["b"]
    call = next(call for call in step["tool_calls"] if call["name"] == "notes_append")
    assert call["decision"] == "approved"
    assert call["error"] == ""
    assert {"call", "doctor", "monday"} <= set(step["notes"].lower().replace(".", " ").replace(":", " ").split())


def test_a_button_of_another_program_is_pressed_by_voice_through_the_encoder_free_path(played: dict[str, Any]):
    step = played["c"]
    usage = step["usage"]
    (call,) = step["tool_calls"]
    assert (call["name"], call["decision"], call["error"]) == ("input_click", "approved", "")
    assert step["spoken"] == f"press the button that says {step['pressed'].lower()}"
    assert usage["image_tokens"] == 70
    assert usage["audio_tokens"] > 25
    assert usage["drafted"] >= usage["accepted"] > 0
    assert "accepted" in played["out"]


def test_every_step_left_pictures_of_the_screen(played: dict[str, Any]):
    for step in ("a", "b", "c"):
        assert played[step]["pictures"]
        for name in played[step]["pictures"]:
            with Picture.open(played["folder"] / name) as picture:
                assert picture.size == (1600, 960)
                colours = picture.convert("RGB").getcolors(maxcolors=1 << 24)
                assert colours is not None
                assert len(colours) > 50, f"{name} shows no window"
