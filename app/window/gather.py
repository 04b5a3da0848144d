"""Getting what goes along with a message: screenshots and files, in threads, without our own window in the picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from deskhand.agent.percept import Percept, ScreenPercept, SoundPercept
from deskhand.app import capture
from deskhand.app.host.way import leave
from deskhand.app.pictures import SUFFIXES, read_image
from deskhand.app.window import background
from deskhand.model.sound import read_audio
from deskhand.model.types import Audio, Image, Part, Text

HIDE_MS = 250
"""From hiding our window until what was below it has been drawn and can be captured."""

LONGEST_SECONDS = 600.0
"""Sound files up to ten minutes are taken; the engine cuts them into pieces that it understands."""


class Gatherer(QObject):
    """Takes screenshots and reads files for a window.

    Args:
        window: hidden while the screen is captured, if wanted.
        budget: image tokens of a screenshot.
    """

    got = Signal(object)
    """A `Percept`."""
    failed = Signal(str)
    """One sentence."""
    listed = Signal(object)
    """A tuple of `capture.Screen`: screens, then windows of other programs."""

    def __init__(self, window: QWidget, budget: int) -> None:
        super().__init__(window)
        self._window = window
        self.budget = budget
        self._busy = False
        self._back: Callable[[bool], None] = lambda _quietly: None

    def list_screens(self) -> None:
        """Find out which screens and windows there are."""
        background.run(
            lambda: (*capture.screens(), *capture.clients()), self.listed.emit, lambda _: self.listed.emit(())
        )

    def screenshot(self, screen: capture.Screen | None, *, hide: bool) -> None:
        """Capture one screen; the one that is in use when None."""
        if self._busy:
            return
        self._busy = True
        if hide:
            self._back = leave(self._window)
        QTimer.singleShot(HIDE_MS if hide else 0, self, lambda: self._grab(screen, hide))

    def files(self, paths: Sequence[Path]) -> None:
        """Read pictures and sound files."""
        for path in paths:
            background.run(lambda path=path: read(path), self.got.emit, self.failed.emit)

    def _grab(self, screen: capture.Screen | None, hidden: bool) -> None:
        background.run(
            lambda: capture.grab(screen, budget=self.budget),
            lambda percept: self._done(hidden, percept, ""),
            lambda sentence: self._done(hidden, None, sentence),
        )

    def _done(self, hidden: bool, percept: ScreenPercept | None, sentence: str) -> None:
        self._busy = False
        if hidden:
            self._back(False)
        if percept is not None:
            self.got.emit(percept)
        else:
            self.failed.emit(sentence)


def read(path: Path) -> Percept:
    """A picture or a sound file as a percept.

    Raises:
        PictureError: or `deskhand.model.errors.PromptError`, each with a sentence.
    """
    if path.suffix.lower() in SUFFIXES:
        return ScreenPercept(read_image(path), source=path.name)
    return SoundPercept(read_audio(path, LONGEST_SECONDS), source=path.name)


def parts_of(text: str, percepts: Sequence[Percept]) -> tuple[Part, ...]:
    """The parts of the person's message, as the transcript shows them: pictures, text, sound."""
    media = [p.image if isinstance(p, ScreenPercept) else p.audio for p in percepts]
    images: list[Part] = [part for part in media if isinstance(part, Image)]
    sounds: list[Part] = [part for part in media if isinstance(part, Audio)]
    return (*images, *((Text(text),) if text else ()), *sounds)


def question_of(parts: Sequence[Part]) -> tuple[str, tuple[Percept, ...]]:
    """A message of the transcript as it is sent once more. Its recordings no longer count as spoken just now."""
    text = "\n".join(part.text for part in parts if isinstance(part, Text))
    percepts: list[Percept] = []
    for part in parts:
        if isinstance(part, Image):
            percepts.append(ScreenPercept(part, source="an earlier question"))
        elif isinstance(part, Audio):
            percepts.append(SoundPercept(part, source="an earlier question"))
    return text, tuple(percepts)
