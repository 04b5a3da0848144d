"""Push-to-talk: hold and release, or tap and tap again. The microphone is opened and closed in a thread."""

from __future__ import annotations

import time
from functools import partial

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtGui import QInputEvent
from PySide6.QtWidgets import QAbstractButton

from deskhand.agent.percept import SoundPercept
from deskhand.app.microphone import Recorder, is_silent
from deskhand.app.window import background

_INPUT = {
    QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick, QEvent.Type.MouseButtonRelease,
    QEvent.Type.KeyPress, QEvent.Type.KeyRelease,
}  # fmt: skip

TAP_SECONDS = 0.35
"""A shorter press is a tap: the recording goes on until the next one."""

LEAST_SECONDS = 0.4
"""A shorter recording holds no word."""
TOO_SHORT = "Too short. Hold the key while you speak."
NOT_OPEN = "The microphone was still opening. Hold the key, and speak when you see “Listening”."


class Talk(QObject):
    """One recording at a time."""

    began = Signal()
    """The button was pressed; the microphone is being opened."""
    listening = Signal()
    """The microphone is open and heard."""
    toggled = Signal()
    """It was a tap: the next one ends the recording."""
    level = Signal(float, float)
    """Level in [0, 1] and seconds so far, of the recording that goes on; none before `listening`."""
    ended = Signal()
    """Nothing is recorded any more; `heard` or `failed` may follow."""
    heard = Signal(object, str)
    """A `SoundPercept`, and why it should not be sent without a look: it is silent, or ended by itself."""
    failed = Signal(str)
    """One sentence."""
    dropped = Signal(str)
    """Nothing was recorded that could be sent, and why: one sentence."""
    grew = Signal(object)
    """The recording so far, as a `SoundPercept` whose audio is growing; some five times a second."""
    _grows = Signal(object, object)
    """A `Recorder` and what it has, from its thread."""
    _loud = Signal(object, float, float)
    """A `Recorder`, its level and its seconds, from its thread."""
    _over = Signal(object)
    """The `Recorder` that ended by itself."""

    def __init__(self, recorder: type[Recorder] = Recorder) -> None:
        super().__init__()
        self._make = recorder
        self._recorder: Recorder | None = None
        self._open = False
        self._pressed = 0.0
        self._pressed_stamp = self._noted = 0
        self._tapped = False
        self._until = 0.0
        self._over.connect(self._ended_by_itself)
        self._grows.connect(self._grew)
        self._loud.connect(self._hears)

    @property
    def active(self) -> bool:
        """Whether a recording runs or is being opened."""
        return self._recorder is not None

    @property
    def listens(self) -> bool:
        """Whether the microphone is open by now."""
        return self._recorder is not None and self._open

    @property
    def tapped(self) -> bool:
        """Whether the recording goes on without a finger on the button."""
        return self._recorder is not None and self._tapped

    @staticmethod
    def stamp(event: QInputEvent) -> int:
        """Milliseconds at which the person did it, by the clock of the system's events; 0 where it does not say.

        An event is dealt with when the window has time for it: by that, a tap on a busy machine would be a hold.
        """
        return event.timestamp()

    def watch(self, button: QAbstractButton) -> None:
        """Note when a button goes down and up: its signals do not say."""
        button.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Keep the stamp of what a button is about to tell."""
        if isinstance(event, QInputEvent) and event.type() in _INPUT:
            self._noted = self.stamp(event)
        return super().eventFilter(watched, event)

    def press(self, stamp: int = 0) -> None:
        """The button or the keys went down, at `stamp`; of a button that is watched it is known."""
        stamp, self._noted = stamp or self._noted, 0
        if self._recorder is not None:
            if self._tapped:
                self._finish()
            return
        recorder = self._recorder = self._make()
        recorder.on_end = lambda: self._over.emit(recorder)
        recorder.on_sound = partial(self._grows.emit, recorder)
        self._open, self._tapped, self._until = False, False, 0.0
        self._pressed, self._pressed_stamp = time.monotonic(), stamp
        self.began.emit()
        background.run(
            lambda: recorder.start(lambda level: self._loud.emit(recorder, level, recorder.seconds)),
            lambda _: self._opened(recorder),
            lambda sentence: self._refused(recorder, sentence),
        )

    def release(self, stamp: int = 0, seen: float = 0.0) -> None:
        """The button or the keys went up; as of `press`.

        Args:
            stamp: when, by the clock of the system's events.
            seen: when it was noticed, by `time.monotonic`; now if 0. Counts where the stamp does not say.
        """
        stamp, self._noted = stamp or self._noted, 0
        if self._recorder is None or self._tapped:
            return
        held = (seen or time.monotonic()) - self._pressed
        if stamp and self._pressed_stamp:
            held = (stamp - self._pressed_stamp) % (1 << 32) / 1000  # X11 counts anew after 49 days
        if held < TAP_SECONDS:
            self._tapped = True
            self.toggled.emit()
        else:
            self._finish(self._pressed + held)

    def cancel(self) -> None:
        """Forget what was recorded."""
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            background.run(recorder.cancel, lambda _: None, self.failed.emit)
            self.ended.emit()

    def _opened(self, recorder: Recorder) -> None:
        if recorder is not self._recorder:
            background.run(recorder.cancel, lambda _: None, self.failed.emit)
            return
        self._open = True
        self.listening.emit()
        if self._until:
            self._finish(self._until)

    def _grew(self, recorder: Recorder, percept: SoundPercept) -> None:
        # One that was thrown away has nothing more to say.
        if recorder is self._recorder:
            self.grew.emit(percept)

    def _hears(self, recorder: Recorder, level: float, seconds: float) -> None:
        # The first blocks are there a moment before `start` returns: the meter must not move while "opening" is said.
        if recorder is self._recorder and self._open:
            self.level.emit(level, seconds)

    def _refused(self, recorder: Recorder, sentence: str) -> None:
        if recorder is self._recorder:
            self._recorder = None
            self.ended.emit()
            self.failed.emit(sentence)

    def _ended_by_itself(self, recorder: Recorder) -> None:
        if recorder is self._recorder:
            self._finish()

    def _finish(self, until: float = 0.0) -> None:
        """End the recording with what was said up to a moment of `time.monotonic`; now if 0."""
        recorder, until = self._recorder, until or time.monotonic()
        if recorder is None:
            return
        if not self._open:
            self._until = until
            return
        self._recorder = None
        self.ended.emit()
        early = bool(self._until)
        background.run(
            lambda: recorder.stop(until), lambda percept: self._give(recorder, percept, early=early), self.failed.emit
        )

    def _give(self, recorder: Recorder, percept: SoundPercept, *, early: bool) -> None:
        if recorder.held < LEAST_SECONDS and not recorder.note:
            self.dropped.emit(NOT_OPEN if early else TOO_SHORT)
            return
        doubt = recorder.note
        if is_silent(percept.audio):
            doubt = "Silent: is the microphone muted?"
        self.heard.emit(percept, doubt)
