"""Training and held-out samples: what the person gives, and what Pocket should answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from deskhand.model.pocket.world import commands, outside, windows
from deskhand.model.pocket.world.acoustics import HELD_OUT_NOISE, NOISES, Noise, Samples, no_speech, recorded, varied
from deskhand.model.pocket.world.glyphs import Face
from deskhand.model.pocket.world.lexicon import BUTTONS, NAMES
from deskhand.model.pocket.world.speech import Speaker
from deskhand.model.pocket.world.voices import Utterance, utterance
from deskhand.model.pocket.world.windows import Pixels, Window, picture
from deskhand.model.types import Audio, Image, Message, Request, Text, ToolCall

UNHEARD = "I heard no command."
UNKNOWN = "I can't do that."
UNSEEN = "I can't read this picture."
NO_BUTTON = "There is no such button."
DONE = "Done."
FAILED = "That did not work."

ABSTENTIONS = frozenset((UNHEARD, UNKNOWN, UNSEEN, NO_BUTTON))
"""Answers that act on nothing and claim nothing."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """How hard samples are, and whether they are of what training never sees.

    Attributes:
        held: voices, speeds, sentences, texts, layouts, shifts and noises that are kept to measure.
        shifted: share of windows that are off the grid.
        second_face: share of windows in the second face.
        moved: share of windows whose buttons stand anywhere in their row.
        noisy: share of speech with noise.
        snr: from which to which ratio of speech to noise, dB.
        pictured: share of plain commands that come with a picture of a window.
    """

    held: bool = False
    shifted: float = 0.0
    second_face: float = 0.0
    moved: float = 0.0
    noisy: float = 0.0
    snr: tuple[float, float] = (10.0, 40.0)
    pictured: float = 0.0


@dataclass(frozen=True)
class Sample:
    """One turn.

    Attributes:
        kind: which of `KINDS`.
        answer: what Pocket should say or call.
        text: typed by the person.
        pixels: of an attached picture, shape (height, width, 3).
        speech: to be spoken by espeak-ng; `spoken` makes it ``sound``.
        sound: of an attached recording.
        window: what is on the picture, for scoring.
        button: of it that is boxed or pressed.
        before: the answer's call and what it gave, if the answer to that is asked for.
    """

    kind: str
    answer: Message
    text: str = ""
    pixels: Pixels | None = field(default=None, repr=False)
    speech: Utterance | None = None
    sound: Samples | None = field(default=None, repr=False)
    window: Window | None = None
    button: windows.Button | None = None
    before: tuple[Message, ...] = ()

    @property
    def label(self) -> str:
        """What the button says that is asked for, whether it is there or not; empty if none is."""
        if self.button is not None:
            return self.button.label
        asked = (self.speech.text if self.speech else self.text).lower().rstrip("?.")
        ends = [label for label in BUTTONS if asked.endswith(f" {label.lower()}")] if self.kind == "no button" else []
        return max(ends, key=len, default="")

    @property
    def request(self) -> Request:
        """The prompt; speech must have been spoken.

        Raises:
            ValueError: it has not.
        """
        if self.speech is not None and self.sound is None:
            raise ValueError("this sample has not been spoken yet")
        parts: list[Text | Image | Audio] = []
        if self.pixels is not None:
            parts.append(picture(self.pixels))
        if self.text:
            parts.append(Text(self.text))
        if self.sound is not None:
            parts.append(Audio(self.sound.astype("<f4").tobytes()))
        return Request((Message("user", tuple(parts)), *self.before))


_VARIED = 0.6
"""Of the sentences of training that are made to sound of another mouth and microphone than espeak-ng's."""

T = TypeVar("T")
Rng = np.random.Generator
Made = Callable[[Rng, Conditions], Sample]


def _says(text: str) -> Message:
    return Message("assistant", (Text(text),))


def _calls(call: ToolCall) -> Message:
    return Message("assistant", calls=(call,))


def _one(rng: Rng, choices: Sequence[T]) -> T:
    return choices[int(rng.integers(len(choices)))]


def _window(rng: Rng, how: Conditions) -> Window:
    face: Face = "sans" if rng.random() < how.second_face else "mono"
    shifted, moved = rng.random() < how.shifted, how.moved > 0 and rng.random() < how.moved
    return windows.draw(rng, shifted=shifted, face=face, moved=moved, held=how.held)


def _typed(rng: Rng, text: str) -> str:
    """As a person may type it: with or without a capital and a full stop."""
    if rng.random() < 0.5:
        text = text[0].upper() + text[1:]
    return text + ("." if rng.random() < 0.3 else "")


def _backdrop(rng: Rng, how: Conditions) -> Pixels | None:
    return _window(rng, how).render() if rng.random() < how.pictured else None


def _command_spoken(rng: Rng, how: Conditions) -> Sample:
    command = commands.draw(rng)
    speech = utterance(command.spoken, rng, held=how.held)
    return Sample("command spoken", _calls(command.call), speech=speech, pixels=_backdrop(rng, how))


def _command_typed(rng: Rng, how: Conditions) -> Sample:
    command = commands.draw(rng, held=how.held)
    text = _typed(rng, command.typed if rng.random() < 0.6 else command.spoken)
    return Sample("command typed", _calls(command.call), text, pixels=_backdrop(rng, how))


def _transcribe(rng: Rng, how: Conditions) -> Sample:
    which = rng.random()
    if which < 0.5:
        text = commands.draw(rng).spoken
    elif which < 0.8:
        text = f"press the button that says {_one(rng, BUTTONS).lower()}"
    else:
        text = _unknown(rng, how)
    return Sample("transcribe", _says(text), TRANSCRIBE, speech=utterance(text, rng, held=how.held))


def _unknown(rng: Rng, how: Conditions) -> str:
    return outside.sentence(rng, held=how.held)


def _looking(kind: str, questions: Sequence[str], answer: Callable[[Window], str]) -> Made:
    def make(rng: Rng, how: Conditions) -> Sample:
        window = _window(rng, how)
        return Sample(kind, _says(answer(window)), _one(rng, questions), window.render(), window=window)

    return make


READ = ("Read the window.", "Read everything.")
SAY = ("What does the dialog say?", "What does it say?")
TITLE = ("What is the title?",)
LIST = ("Which buttons are there?",)
BOX = ("Which button is {button}?", "Where is the button {button}?")
PRESS = ("press the button that says {button}", "press {button}", "click {button}", "click the button {button}")
TRANSCRIBE = "Transcribe."

_read = _looking("read", READ, lambda window: window.text)
_say = _looking("say", SAY, lambda window: " ".join(window.message))
_title = _looking("title", TITLE, lambda window: window.title)
_buttons = _looking("buttons", LIST, lambda window: ", ".join(b.label for b in window.buttons))


def boxed(window: Window, button: windows.Button) -> str:
    """A box as Gemma writes it when asked to detect something."""
    top, left, bottom, right = window.box(button)
    return f'```json\n[{{"box_2d":[{top},{left},{bottom},{right}],"label":"{button.label}"}}]\n```'


def _target(rng: Rng, how: Conditions) -> tuple[Window, windows.Button]:
    while not (window := _window(rng, how)).buttons:
        pass
    return window, _one(rng, window.buttons)


def _box(rng: Rng, how: Conditions) -> Sample:
    window, button = _target(rng, how)
    question = _one(rng, BOX).format(button=button.label)
    return Sample("box", _says(boxed(window, button)), question, window.render(), window=window, button=button)


def _press(rng: Rng, label: str) -> str:
    return _one(rng, PRESS).format(button=label)


def _press_typed(rng: Rng, how: Conditions) -> Sample:
    window, button = _target(rng, how)
    text = _typed(rng, _press(rng, button.label))
    call = commands.click(*window.middle(button))
    return Sample("press typed", _calls(call), text, window.render(), window=window, button=button)


def _press_spoken(rng: Rng, how: Conditions) -> Sample:
    window, button = _target(rng, how)
    speech = utterance(_press(rng, button.label), rng, held=how.held)
    call = commands.click(*window.middle(button))
    return Sample("press spoken", _calls(call), pixels=window.render(), speech=speech, window=window, button=button)


def _ask_spoken(rng: Rng, how: Conditions) -> Sample:
    window = _window(rng, how)
    reads = rng.random() < 0.3
    question = "read the window" if reads else "what does the dialog say"
    answer = window.text if reads else " ".join(window.message)
    speech = utterance(question, rng, held=how.held)
    return Sample("ask spoken", _says(answer), pixels=window.render(), speech=speech, window=window)


def _no_button(rng: Rng, how: Conditions) -> Sample:
    window = _window(rng, how)
    absent = [label for label in BUTTONS if label not in {button.label for button in window.buttons}]
    asked = _press(rng, _one(rng, absent))
    spoken = rng.random() < 0.5
    return Sample(
        "no button",
        _says(NO_BUTTON),
        "" if spoken else _typed(rng, asked),
        window.render(),
        utterance(asked, rng, held=how.held) if spoken else None,
        window=window,
    )


def _press_blind(rng: Rng, how: Conditions) -> Sample:
    asked = _press(rng, _one(rng, BUTTONS))
    spoken = rng.random() < 0.5
    speech = utterance(asked, rng, held=how.held) if spoken else None
    return Sample("press blind", _calls(LOOK), "" if spoken else _typed(rng, asked), speech=speech)


LOOK = ToolCall("", "screen_look", {})
"""What to do when something is to be pressed and no picture was given."""


def _unheard(rng: Rng, how: Conditions) -> Sample:
    return Sample("unheard", _says(UNHEARD), sound=no_speech(rng, held=how.held))


def _unknown_spoken(rng: Rng, how: Conditions) -> Sample:
    return Sample("unknown spoken", _says(UNKNOWN), speech=utterance(_unknown(rng, how), rng, held=how.held))


def _unknown_typed(rng: Rng, how: Conditions) -> Sample:
    return Sample("unknown typed", _says(UNKNOWN), _typed(rng, _unknown(rng, how)))


def _foreign(rng: Rng, how: Conditions) -> Sample:
    asked = _one(rng, (*READ, *SAY, *TITLE, _typed(rng, _press(rng, _one(rng, BUTTONS)))))
    spoken = rng.random() < 0.3
    return Sample(
        "foreign",
        _says(UNSEEN),
        "" if spoken else asked,
        windows.foreign(rng, held=how.held),
        utterance(asked.rstrip("?.").lower(), rng, held=how.held) if spoken else None,
    )


def _after(rng: Rng, how: Conditions) -> Sample:
    """The answer to a tool's result: whatever it holds, Pocket only says whether it worked."""
    command = commands.draw(rng, held=how.held)
    failed = rng.random() < 0.3
    values = {
        "saved": f"buy {rng.integers(1, 99)} {_one(rng, NAMES)}",
        "total": str(int(rng.integers(0, 50))),
        "when": f"2026-{rng.integers(1, 13):02}-{rng.integers(1, 29):02} {rng.integers(0, 24):02}:15",
        "started": _one(rng, NAMES).lower(),
    }
    key = _one(rng, tuple(values))
    text = '{"error": "%s is not there."}' % _one(rng, NAMES) if failed else '{"%s": "%s"}' % (key, values[key])  # noqa: UP031 - braces
    call = replace(command.call, id="1")
    before = (_calls(call), Message("tool", (Text(text),), call_id="1", name=call.name))
    return Sample("after", _says(FAILED if failed else DONE), command.typed, before=before)


KINDS: Mapping[str, Made] = {
    "command spoken": _command_spoken,
    "command typed": _command_typed,
    "transcribe": _transcribe,
    "read": _read,
    "say": _say,
    "title": _title,
    "buttons": _buttons,
    "box": _box,
    "press typed": _press_typed,
    "press spoken": _press_spoken,
    "ask spoken": _ask_spoken,
    "no button": _no_button,
    "press blind": _press_blind,
    "unheard": _unheard,
    "unknown spoken": _unknown_spoken,
    "unknown typed": _unknown_typed,
    "foreign": _foreign,
    "after": _after,
}
"""Every kind of turn, by name."""


def spoken(samples: Sequence[Sample], speaker: Speaker, rng: Rng, how: Conditions) -> list[Sample]:
    """The samples with their speech as sound.

    Args:
        samples: any.
        speaker: says all of it in one go.
        rng: decides rooms, gains and noise.
        how: how much noise of which kind.
    """
    waves = iter(speaker.say([sample.speech for sample in samples if sample.speech]))
    found: list[Sample] = []
    for sample in samples:
        if sample.speech is None:
            found.append(sample)
            continue
        wave = next(waves)
        if not how.held and rng.random() < _VARIED:
            wave = varied(wave, rng)
        kind: Noise = HELD_OUT_NOISE if how.held else _one(rng, NOISES)
        snr = float(rng.uniform(*how.snr)) if rng.random() < how.noisy else None
        found.append(replace(sample, sound=recorded(wave, rng, snr=snr, kind=kind, room=rng.random() < 0.3)))
    return found


def draw(
    kinds: Mapping[str, float], count: int, seed: Sequence[int], how: Conditions, speaker: Speaker
) -> list[Sample]:
    """``count`` random samples.

    Args:
        kinds: how often each kind comes, in any unit.
        count: of samples.
        seed: decides everything; the same seed gives the same samples.
        how: how hard they are.
        speaker: for those that are spoken.
    """
    rng = np.random.default_rng(seed)
    names = list(kinds)
    weights = np.array([kinds[name] for name in names])
    chosen = rng.choice(len(names), count, p=weights / weights.sum())
    return spoken([KINDS[names[i]](rng, how) for i in chosen], speaker, rng, how)
