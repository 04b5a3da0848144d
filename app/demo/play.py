"""The three steps of the demonstration, played in the real window."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deskhand.app import practice, virtual, wiring
from deskhand.app.demo import stage
from deskhand.app.demo.driver import DemoError, Driver
from deskhand.app.demo.report import Report
from deskhand.app.desktop import application, open_window
from deskhand.app.settings import Settings, data_folder
from deskhand.app.window.theme import Theme
from deskhand.model.types import ToolCall

QUESTION = "Which disk is full, and how many MB are missing?"
SENTENCE = "Take a note: call the doctor on Monday."
"""Whisper tiny understood it from both espeak voices at every offset tried, 24 of 24; most others it did not."""
SPEAKING_SECONDS = 6
"""How long a person is given for it."""
DIALOG = "03.png"
"""Of the practice windows: one with three buttons, all of which are understood in the first of these voices."""
POCKET_VOICES = ("en-us+Annie", "en-us+linda", "en+Marco", "en+robert")
"""Of those that Pocket's training never heard: who says it, one after the other, until it is understood."""
HEARD = ("call", "doctor", "monday")


def _see(report: Report, driver: Driver, log: Path) -> None:
    report.say(f"(a) “{QUESTION}” about a screenshot")
    with stage.foreign_window(log):
        before = driver.picture("a1-the-error-on-the-screen")
        driver.click("screenshot")
        driver.until("the screenshot is attached", lambda: bool(driver.window.composer.percepts))
        driver.type(QUESTION)
        asked = driver.picture("a2-question-and-screenshot")
        driver.click("send")
        outcome = driver.outcome()
        answered = driver.picture("a3-the-answer")
    report.step("a", "screen", outcome, [before, asked, answered], question=QUESTION)
    missing = [word for word in ("archive", "312") if word not in outcome.answer.lower()]
    if outcome.finish != "stop" or missing:
        raise DemoError(f"(a) the answer does not say {' and '.join(missing) or 'how it ended'}: {outcome.answer}")


def _say(driver: Driver, sentence: str, picture: str, *, own_voice: bool, voice: str = "en-us") -> Path:
    """Hold the button and speak, or let a person speak; returns a picture of it."""
    levels: list[float] = []
    pictures: list[Path] = []

    def measure(level: float, _seconds: float) -> None:
        levels.append(level)

    def talk() -> None:
        driver.until("the microphone is open", lambda: bool(levels))
        with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as speaker:
            wave = virtual.speak(sentence, Path(folder, "sentence.wav"), voice, words_per_minute=140)
            spoken = speaker.submit(time.sleep, SPEAKING_SECONDS) if own_voice else speaker.submit(virtual.play, wave)
            driver.until("the microphone hears the voice", lambda: max(levels) > 0.1)
            driver.until("it has been speaking for a while", _after(1.5))
            pictures.append(driver.picture(picture))
            driver.until("the sentence has been spoken", spoken.done)
            driver.until("the last of it has been recorded", _after(0.4))

    driver.window.talk.level.connect(measure)
    driver.hold("talk", talk)
    return pictures[0]


def _hear(report: Report, driver: Driver, *, own_voice: bool) -> None:
    report.say(f"(b) {'please say' if own_voice else 'spoken into the microphone'}: “{SENTENCE}”")
    driver.click("new")
    pictures = [_say(driver, SENTENCE, "b1-listening", own_voice=own_voice)]
    driver.button("approve-once")
    pictures.append(driver.picture("b2-the-approval"))
    driver.click("approve-once")
    outcome = driver.outcome()
    pictures.append(driver.picture("b3-the-note-is-written"))
    notes = "\n".join(path.read_text("utf-8") for path in (data_folder() / "notes").rglob("*.*") if path.is_file())
    report.step("b", "voice", outcome, pictures, spoken=SENTENCE, notes=notes)
    called = [record for record in outcome.calls if record.call.name == "notes_append" and not record.error]
    missing = [word for word in HEARD if word not in notes.lower()]
    if outcome.finish != "stop" or not called or missing:
        raise DemoError(
            f"(b) the note lacks {', '.join(missing) or 'nothing, but was not written by a call'}: {notes!r}"
        )


def _after(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


def _press(report: Report, driver: Driver) -> None:
    """A button of another program is pressed by voice: pixels and sound in, a click out, nothing forced.

    Pocket does not always hear or read rightly (assets/pocket/README.md says how often). So the person in this play
    does what a person would: says no to a wrong place, and says it again, in another voice.
    """
    opened = practice.start(first=DIALOG)
    told: list[dict[str, Any]] = []

    def listen() -> None:
        for line in opened.stdout or ():
            told.append(json.loads(line))  # noqa: PERF401 - a line at a time, as they come

    threading.Thread(target=listen, daemon=True).start()
    try:
        driver.until("the practice window is shown", lambda: bool(told))
        label = str(told[0]["buttons"][-1])
        sentence = f"press the button that says {label.lower()}"
        report.say(f"(c) Pocket, encoder-free: spoken over a picture of the practice window: “{sentence}”")
        for voice in POCKET_VOICES:
            pictures, proposed = _point(driver, sentence, voice)
            if proposed is not None and label == practice.pressed_at(told[0]["shown"], proposed.arguments):
                break
            report.say(
                f"    {voice} was not understood; proposed: {dict(proposed.arguments) if proposed else 'nothing'}"
            )
            if proposed is not None:
                driver.click("approve-no")
            driver.outcome()
            driver.click("new")
        else:
            raise DemoError(f"(c) “{sentence}” was understood from none of {', '.join(POCKET_VOICES)}")
        driver.click("approve-once")
        driver.until("a button of the practice window is pressed", lambda: len(told) > 1)
        pictures.append(driver.picture("c3-the-button-is-pressed"))
        outcome = driver.outcome()
    finally:
        opened.terminate()
        opened.wait()
    pressed = str(told[1]["pressed"])
    report.step("c", "encoder-free", outcome, pictures, spoken=sentence, voice=voice, pressed=pressed)
    usage = outcome.usage
    for name, value in asdict(usage).items():
        report.say(f"    {name:<18}{value:>10.0f}")
    wanted = {"image": usage.image_tokens, "sound": usage.audio_tokens, "drafted tokens": usage.drafted}
    lacking = [what for what, count in wanted.items() if not count]
    if lacking or outcome.finish != "stop" or pressed != label:
        raise DemoError(f"(c) {label} was to be pressed, and {pressed} was; missing: {lacking}. {outcome.answer}")


def _point(driver: Driver, sentence: str, voice: str) -> tuple[list[Path], ToolCall | None]:
    """Say a sentence over a picture of the screen; pictures, and the call that is asked about, if one is."""
    driver.click("screenshot")
    driver.until("the window is attached", lambda: bool(driver.window.composer.percepts))
    pictures = [_say(driver, sentence, "c1-the-practice-window", own_voice=False, voice=voice)]
    driver.until("it answers", lambda: driver.ended or driver.window.sheets.approval is not None)
    sheet = driver.window.sheets.approval
    if sheet is None:
        return pictures, None
    driver.button("approve-once")
    pictures.append(driver.picture("c2-the-approval"))
    return pictures, sheet.request.call


def play(report: Report, folder: Path, *, own_voice: bool) -> None:
    """Play (a), (b) and (c) in turn.

    Args:
        report: is told every step.
        folder: for the pictures.
        own_voice: the person speaks.

    Raises:
        DemoError: a step did not do what it should.
    """
    theme = Theme(application())
    chosen = Settings(engine="cascade")
    driver = Driver(*open_window(chosen, wiring.open_history(), theme), folder)
    driver.window.setGeometry(640, 60, 900, 720)
    try:
        ready = driver.open()
        report.say(f"engine      {ready.info.model}")
        _see(report, driver, folder / "foreign.log")
        _hear(report, driver, own_voice=own_voice)
    finally:
        driver.close()
    driver = Driver(*open_window(Settings(engine="pocket"), wiring.open_history(), theme), folder)
    driver.window.setGeometry(640, 60, 900, 720)
    try:
        ready = driver.open()
        report.say(f"engine      {ready.info.model}")
        _press(report, driver)
    finally:
        driver.close()
