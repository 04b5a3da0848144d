"""Dictation: what the person says is written down by the engine and typed, phrase by phrase, until they end it."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import TYPE_CHECKING

from deskhand.agent.hearing import DeafError, Hearing
from deskhand.agent.limits import Stop
from deskhand.agent.tools.host import Asked, HostError, Told
from deskhand.app.host.escape import POLL, EscapeKey
from deskhand.app.host.phrases import Phrases, listening
from deskhand.app.host.typist import FocusLostError
from deskhand.app.portaudio import MicrophoneError
from deskhand.model.errors import ModelError
from deskhand.model.types import Audio

if TYPE_CHECKING:
    from deskhand.app.host.gui import Gui  # Qt, which the command line does not load
    from deskhand.app.host.pointer import Pointer

MOST_MINUTES = 30
OPENING_SECONDS = 8.0
"""Until a microphone that gives no sound is given up."""
_TOLD = 2_000
"""Characters of the text that the model is told."""

_LINE = r"(?:new (?P<what>line|paragraph)|next line)"
_FIRST = re.compile(rf"^\W*{_LINE}\b[.,!;:]*\s*", re.IGNORECASE)
_LAST = re.compile(rf"(?:^|[\s,.;:!])\W*{_LINE}\W*$", re.IGNORECASE)
_STOP = re.compile(r"(?:^|(?<=[\s,.;:!]))(?:stop|end) dictation\W*$", re.IGNORECASE)


def spoken(text: str) -> tuple[str, bool]:
    """What a phrase asks to be typed, and whether it ends the dictation.

    “New line” and “new paragraph” are commands at the beginning or the end of a phrase, “stop dictation” at its end;
    in the middle of a sentence they are words.
    """
    words = " ".join(text.split())
    kept = _STOP.sub("", words).rstrip(" ,;:") if _STOP.search(words) else words
    ends = kept != words
    before = after = ""
    while match := _FIRST.match(kept):
        before += _break(match)
        kept = kept[match.end() :]
    while match := _LAST.search(kept):
        after = _break(match) + after
        kept = kept[: match.start() + (1 if kept[match.start()] in ".!" else 0)].rstrip(" ,;:")
    return f"{before}{kept}{after}", ends


def _break(match: re.Match[str]) -> str:
    return "\n\n" if (match.group("what") or "").lower() == "paragraph" else "\n"


class Dictation:
    """Takes dictation for skills.

    Args:
        hearing: writes a phrase down; None where nothing can.
        pointer: types into the field that has the keyboard.
        gui: of the window, which shows that the microphone is open; None where there is none.
    """

    def __init__(self, hearing: Hearing | None, pointer: Pointer, gui: Gui | None) -> None:
        self._hearing = hearing
        self._pointer = pointer
        self._gui = gui

    def dictate(self, asked: Asked) -> Told:
        """Type what is said until Esc, Stop, “stop dictation”, or the minutes are over."""
        minutes = asked.arguments.get("minutes", 10)
        if not 1 <= minutes <= MOST_MINUTES:
            raise HostError(f"Dictation goes on for 1 to {MOST_MINUTES} minutes.")
        if self._gui is None or self._hearing is None:
            raise HostError("Dictation works from Deskhand's window only: open it and ask there.")
        took = _Taking(asked, self._hearing, self._pointer.type_text, time.monotonic() + 60 * minutes)
        began = time.monotonic()
        try:
            self._hearing.check()
            self._pointer.bind(asked)
            with _shown(self._gui, asked.cancel) as say, EscapeKey() as escape, listening() as phrases:
                ended = took.follow(phrases, escape, say)
        except (MicrophoneError, DeafError, ModelError, HostError) as error:
            if not took.typed:
                raise HostError(str(error)) from error
            ended = str(error)
        finally:
            if isinstance(asked.cancel, Stop):
                asked.cancel.extend(time.monotonic() - began)  # the person spoke: that is not the turn's time
        return Told({"typed": took.typed[:_TOLD], "characters": len(took.typed), "ended": ended})


class _Taking:
    """One dictation."""

    def __init__(self, asked: Asked, hearing: Hearing, type_text: Callable[[Asked], Told], until: float) -> None:
        self._asked = asked
        self._hearing = hearing
        self._type = type_text
        self._until = until
        self._stop = threading.Event()
        self.typed = ""

    def follow(self, phrases: Phrases, escape: EscapeKey, say: Callable[[str], None]) -> str:
        """Type phrase after phrase; returns why it ended."""
        watch = threading.Thread(target=self._watch, args=(escape,), name="dictation", daemon=True)
        watch.start()
        opened = time.monotonic()
        try:
            while not self._stop.is_set():
                if time.monotonic() > self._until:
                    return "the time was up"
                if not phrases.heard.is_set() and time.monotonic() > opened + OPENING_SECONDS:
                    raise MicrophoneError("The microphone gives no sound. Plug it in anew, or choose another one.")
                say("hearing you" if phrases.speaking else "listening")
                phrase = phrases.next(0.1)
                if phrase is not None:
                    say("writing it down")
                    if self._take(phrase):
                        return "they said “stop dictation”"
        finally:
            self._stop.set()
            watch.join()
        return "they pressed Esc" if escape.pressed else "the turn was stopped"

    def _take(self, phrase: Audio) -> bool:
        text, ends = spoken(self._hearing.transcribe(phrase, self._stop))
        if self._stop.is_set():
            return False
        if text and self.typed and not self.typed.endswith("\n") and not text.startswith("\n"):
            text = f" {text}"
        if text:
            asked = replace(self._asked, name="type_text", arguments={"text": text}, cancel=self._stop)
            try:
                self._type(asked)
            except FocusLostError as lost:
                self.typed += text[: lost.typed]
                raise
            self.typed += text
        return ends

    def _watch(self, escape: EscapeKey) -> None:
        """Let Esc and Stop end what is being written down or typed, too."""
        try:
            while not self._stop.wait(POLL) and not self._asked.cancel.is_set() and not escape.poll():
                pass
        finally:
            self._stop.set()  # nothing goes on unwatched, whatever ended this


@contextlib.contextmanager
def _shown(gui: Gui, cancel: threading.Event) -> Generator[Callable[[str], None]]:
    """A sign on the screen for as long as the microphone is open."""
    from deskhand.app.window.sign import Sign  # noqa: PLC0415 - Qt, as above

    sign = gui.call(Sign, cancel)
    shown = ""

    def say(state: str) -> None:
        nonlocal shown
        if state != shown:
            shown = state
            gui.call(lambda: sign.say(f"Dictation: {state}", "Esc or “stop dictation” ends it"), threading.Event())

    try:
        yield say
    finally:
        gui.call(sign.end, threading.Event())
