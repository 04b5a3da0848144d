"""What is trained when: the mixture of turns and how hard they are, by the percentage of a run that is done."""

from __future__ import annotations

from functools import cache

from deskhand.model.pocket.encoding import Encoded, Encoder
from deskhand.model.pocket.world import samples
from deskhand.model.pocket.world.samples import Conditions
from deskhand.model.pocket.world.speech import speaker

_EARLY: dict[str, float] = {
    "command spoken": 28,
    "transcribe": 26,
    "command typed": 8,
    "read": 16,
    "say": 4,
    "title": 4,
    "buttons": 6,
    "box": 3,
    "press typed": 4,
    "unheard": 1,
    "unknown typed": 2,
    "foreign": 1,
}
"""First letters and words: much text for each picture and each sound."""

_LATE: dict[str, float] = {
    "command spoken": 26,
    "transcribe": 8,
    "command typed": 6,
    "read": 12,
    "say": 5,
    "title": 2,
    "buttons": 4,
    "box": 6,
    "press typed": 6,
    "press spoken": 12,
    "ask spoken": 3,
    "no button": 6,
    "press blind": 1,
    "unheard": 1,
    "unknown spoken": 4,
    "unknown typed": 2,
    "foreign": 2,
    "after": 1,
}
"""What Pocket is for, with everything that it has to refuse."""


def ramp(percent: float, begin: float, end: float, highest: float) -> float:
    """0 before ``begin`` per cent, rising evenly to ``highest`` at ``end`` and staying there."""
    return highest * min(1.0, max(0.0, (percent - begin) / (end - begin)))


def mixture(percent: float) -> dict[str, float]:
    """How often each kind of turn comes; the late mixture replaces the early one from 6 to 25 per cent."""
    late = ramp(percent, 6, 25, 1.0)
    return {kind: (1 - late) * _EARLY.get(kind, 0) + late * share for kind, share in _LATE.items()}


def conditions(percent: float) -> Conditions:
    """How hard the turns are: noise early, buttons anywhere later, windows off the grid and the second face seldom.

    The first full run showed a quarter of its windows off the grid and read none of them, so few are left.
    """
    return Conditions(
        shifted=ramp(percent, 60, 80, 0.06),
        second_face=ramp(percent, 65, 85, 0.03),
        moved=ramp(percent, 40, 45, 0.5),
        noisy=ramp(percent, 5, 25, 0.6),
        snr=(8.0, 35.0),
        pictured=ramp(percent, 25, 40, 0.06),
    )


@cache
def _encoder() -> Encoder:
    return Encoder()


def turns(seed: int, step: int, percent: float, count: int) -> list[Encoded]:
    """The turns of one training step; the same arguments give the same turns."""
    made = samples.draw(mixture(percent), count, [seed, step], conditions(percent), speaker())
    return [_encoder().sample(sample) for sample in made]


HELD_OUT: dict[str, tuple[dict[str, float], Conditions]] = {
    "commands": ({"command spoken": 1}, Conditions(held=True)),
    "commands, noise 20 dB": ({"command spoken": 1}, Conditions(held=True, noisy=1, snr=(20, 20))),
    "commands, noise 10 dB": ({"command spoken": 1}, Conditions(held=True, noisy=1, snr=(10, 10))),
    "typed commands": ({"command typed": 1}, Conditions(held=True)),
    "reading": ({"read": 1}, Conditions(held=True)),
    "reading, off the grid": ({"read": 1}, Conditions(held=True, shifted=1)),
    "reading, second face": ({"read": 1}, Conditions(held=True, second_face=1)),
    "what it says": ({"say": 1}, Conditions(held=True)),
    "boxes": ({"box": 1}, Conditions(held=True)),
    "press, typed": ({"press typed": 1}, Conditions(held=True)),
    "press, spoken": ({"press spoken": 1}, Conditions(held=True)),
    "press, spoken, noise 20 dB": ({"press spoken": 1}, Conditions(held=True, noisy=1, snr=(20, 20))),
    "no such button": ({"no button": 1}, Conditions(held=True)),
    "no speech": ({"unheard": 1}, Conditions(held=True)),
    "unknown commands": ({"unknown spoken": 1, "unknown typed": 1}, Conditions(held=True)),
    "other pictures": ({"foreign": 1}, Conditions(held=True)),
    "after a tool": ({"after": 1}, Conditions(held=True)),
    "titles": ({"title": 1}, Conditions(held=True)),
    "names of buttons": ({"buttons": 1}, Conditions(held=True)),
}
"""Suites of turns of which training sees no voice, sentence, layout, shift or noise."""

HELD_OUT_SEED = 1_000_003
"""Of the suites; training steps begin with another number."""


def held_out_samples(suite: str, count: int) -> list[samples.Sample]:
    """``count`` turns of a suite; another count draws other turns."""
    kinds, how = HELD_OUT[suite]
    index = list(HELD_OUT).index(suite)
    return samples.draw(kinds, count, [HELD_OUT_SEED, index, count], how, speaker())


def held_out_turns(suite: str, count: int) -> list[Encoded]:
    """The same, as the network takes them."""
    return [_encoder().sample(sample) for sample in held_out_samples(suite, count)]
