"""The three steps of the demonstration, played in the real window."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

from deskhand.agent.events import Event, Outcome
from deskhand.agent.loop import Agent
from deskhand.agent.percept import Percept, SoundPercept
from deskhand.agent.skills.skill import SkillSet
from deskhand.agent.task import Settled, Woken
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.app import virtual, wiring
from deskhand.app.bridge import Bridge, Ready
from deskhand.app.demo import stage
from deskhand.app.demo.driver import DemoError, Driver
from deskhand.app.demo.report import Report
from deskhand.app.desktop import application, open_window
from deskhand.app.host import AppHost
from deskhand.app.settings import BUNDLED_SKILLS, Settings, data_folder
from deskhand.app.window.theme import Theme
from deskhand.app.window.window import Window
from deskhand.model.types import Sampling, ToolChoice

QUESTION = "Which disk is full, and how many MB are missing?"
SENTENCE = "Take a note: call the doctor on Monday."
"""Whisper tiny understood it from both espeak voices at every offset tried, 24 of 24; most others it did not."""
SPEAKING_SECONDS = 6
"""How long a person is given for it."""
HEARD = ("call", "doctor", "monday")


def _see(report: Report, driver: Driver, log: Path) -> tuple[Percept, ...]:
    report.say(f"(a) “{QUESTION}” about a screenshot")
    with stage.foreign_window(log):
        before = driver.picture("a1-the-error-on-the-screen")
        driver.click("screenshot")
        driver.until("the screenshot is attached", lambda: bool(driver.window.composer.percepts))
        driver.type(QUESTION)
        percepts = tuple(driver.window.composer.percepts)
        asked = driver.picture("a2-question-and-screenshot")
        driver.click("send")
        outcome = driver.outcome()
        answered = driver.picture("a3-the-answer")
    report.step("a", "screen", outcome, [before, asked, answered], question=QUESTION)
    missing = [word for word in ("archive", "312") if word not in outcome.answer.lower()]
    if outcome.finish != "stop" or missing:
        raise DemoError(f"(a) the answer does not say {' and '.join(missing) or 'how it ended'}: {outcome.answer}")
    return percepts


def _hear(report: Report, driver: Driver, *, own_voice: bool) -> tuple[Percept, ...]:
    report.say(f"(b) {'please say' if own_voice else 'spoken into the microphone'}: “{SENTENCE}”")
    window = driver.window
    heard: list[Percept] = []
    levels: list[float] = []
    pictures: list[Path] = []

    def hear(percept: SoundPercept, _doubt: str) -> None:
        heard.append(percept)

    def measure(level: float, _seconds: float) -> None:
        levels.append(level)

    window.talk.heard.connect(hear)
    window.talk.level.connect(measure)

    def talk() -> None:
        driver.until("the microphone is open", lambda: bool(levels))
        with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as voice:
            wave = virtual.speak(SENTENCE, Path(folder, "sentence.wav"), words_per_minute=140)
            spoken = voice.submit(time.sleep, SPEAKING_SECONDS) if own_voice else voice.submit(virtual.play, wave)
            driver.until("the microphone hears the voice", lambda: max(levels) > 0.1)
            driver.until("it has been speaking for a while", _after(1.5))
            pictures.append(driver.picture("b1-listening"))
            driver.until("the sentence has been spoken", spoken.done)
            driver.until("the last of it has been recorded", _after(0.4))

    driver.click("new")
    driver.hold("talk", talk)
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
    return tuple(heard)


def _after(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


class _Forced:
    """The agent, made to begin with a call and to say little: random weights would talk until their context is full."""

    def __init__(self, agent: Agent, most_tokens: int) -> None:
        self._agent = agent
        self._most_tokens = most_tokens

    def prepare(
        self,
        conversation: int | None,
        percepts: Sequence[Percept],
        emit: Callable[[Event], None],
        cancel: threading.Event,
    ) -> None:
        self._agent.prepare(conversation, percepts, emit, cancel)

    def wake(self, woken: Woken, emit: Callable[[Event], None], patience: threading.Event) -> Settled:
        return self._agent.wake(woken, emit, patience)

    def turn(
        self,
        conversation: int,
        text: str,
        percepts: Sequence[Percept],
        emit: Callable[[Event], None],
        cancel: threading.Event,
        *,
        tool_choice: ToolChoice = "auto",
    ) -> Outcome:
        del tool_choice
        greedy = Sampling(temperature=0)
        return self._agent.turn(
            conversation, text, percepts, emit, cancel,
            tool_choice="required", max_tokens=self._most_tokens, sampling=greedy,
        )  # fmt: skip


def _encoder_free(report: Report, driver: Driver, percepts: Sequence[Percept]) -> None:
    report.say("(c) the same picture and sentence through the encoder-free path (tiny bundle, random weights)")
    driver.window.submit("", tuple(percepts))
    outcome = driver.outcome()
    picture = driver.picture("c1-the-encoder-free-path")
    report.step("c", "encoder-free", outcome, [picture])
    usage = outcome.usage
    for name, value in asdict(usage).items():
        report.say(f"    {name:<18}{value:>10.0f}")
    called = [record.call.name for record in outcome.calls]
    wanted = {
        "an image": usage.image_tokens,
        "sound": usage.audio_tokens,
        "drafted tokens": usage.drafted,
        "accepted tokens": usage.accepted,
        "reused tokens": usage.reused_tokens,
        "a call": len(called),
    }
    lacking = [what for what, count in wanted.items() if not count]
    if lacking or outcome.finish == "error":
        raise DemoError(f"(c) there was no {', no '.join(lacking)}. {outcome.error}")


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
        percepts = (*_see(report, driver, folder / "foreign.log"), *_hear(report, driver, own_voice=own_voice))
    finally:
        driver.close()

    tiny = Settings(engine="tiny")

    def load(say: Callable[[str], None]) -> Ready:
        say("Loading the tiny bundle")
        desk = wiring.build(tiny, wiring.open_history(), lambda _notice: None, ask=False)
        # One tool that only reads: what random weights ask for must not touch anything.
        clock = tuple(
            replace(skill, tools=tuple(tool for tool in skill.tools if tool.name == "clock_time"))
            for skill in desk.skills.skills
            if skill.folder == BUNDLED_SKILLS / "clock"
        )
        toolbox = Toolbox(SkillSet(clock, ()), data_folder(), AppHost(tiny.image_budget))
        agent = Agent(desk.engine, desk.store, toolbox, desk.permissions)
        return Ready(_Forced(agent, most_tokens=64), desk.engine.info, close=desk.close)

    bridge = Bridge(load, wiring.open_history())
    driver = Driver(Window(bridge, theme), bridge, folder)
    driver.window.setGeometry(640, 60, 900, 720)
    try:
        ready = driver.open()
        report.say(f"engine      {ready.info.model}")
        _encoder_free(report, driver, percepts)
    finally:
        driver.close()
