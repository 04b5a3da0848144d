"""The main job from end to end, for real: a screen, a voice, a model, a skill, an approval, an answer.

(a) Another program shows an error; a typed question with a screenshot is answered from what is on the screen.
(b) A sentence goes through the microphone; the model calls a skill; the approval is clicked; its effect is there.
(c) Over a picture of a practice window, "press the button that says …" is spoken: Pocket, the small trained model with
    its drafter, proposes the click, which is allowed if it is right, and a button of another program is pressed.

Pictures of each step and `transcript.json` are left in ``build/demo``. The exit code is 0 only if all of it happened.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

from deskhand.app.demo import stage
from deskhand.app.demo.report import Report
from deskhand.model.errors import ModelError

FOLDER = Path("build/demo")


def main() -> int:
    """Play the demonstration and return its exit code."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.png"):
        old.unlink()
    report = Report()
    problem = ""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="deskhand-demo-") as home:
        # The demonstration's conversations and notes are its own, not the person's.
        os.environ.update(
            XDG_DATA_HOME=f"{home}/data", XDG_CONFIG_HOME=f"{home}/config", XDG_STATE_HOME=f"{home}/state"
        )
        try:
            with stage.set_up() as devices:
                report.say(f"on          {devices}")
                from deskhand.app.demo.play import play  # noqa: PLC0415 - Qt must find the stage's display

                play(report, FOLDER, own_voice=devices.own_voice)
        except (RuntimeError, ModelError, OSError) as error:
            problem = str(error)
    transcript = FOLDER / "transcript.json"
    result = {
        "finished": not problem,
        "problem": problem,
        "seconds": round(time.monotonic() - started, 1),
        **report.steps,
    }
    transcript.write_text(json.dumps(result, ensure_ascii=False, indent=2), "utf-8")
    report.say(f"\n{'✗ ' + problem if problem else '✓ all of it happened'}   ({result['seconds']:.0f} s)")
    report.say(f"transcript  {transcript}\npictures    {', '.join(sorted(path.name for path in FOLDER.glob('*.png')))}")
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main())
