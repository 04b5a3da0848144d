"""Who speaks: espeak-ng's voices and variants, split by name for training and measuring."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ACCENTS = ("en-us", "en", "en-gb-x-rp", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029", "en-us-nyc")

VARIANTS = (
    *("", "f1", "f2", "f3", "f4", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "klatt", "klatt2", "klatt4", "croak"),
    *("adam", "Alex", "Alicia", "Andrea", "Andy", "anika", "antonio", "belinda", "benjamin", "boris", "david"),
    *("Denis", "Diogo", "ed", "edward", "Gene", "grandpa", "Henrique", "Hugo", "iven", "iven2", "Jacky", "john"),
    *(
        "Lee",
        "marcelo",
        "max",
        "michel",
        "Mike",
        "pablo",
        "paul",
        "quincy",
        "rob",
        "sandro",
        "steph",
        "steph2",
        "travis",
    ),
)

HELD_OUT_VARIANTS = (
    "f5",
    "m8",
    "klatt3",
    "Annie",
    "edward2",
    "linda",
    "Marco",
    "Michael",
    "robert",
    "steph3",
    "victor",
)
"""Never heard in training."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One sentence as it is to be spoken.

    Attributes:
        text: the sentence.
        voice: espeak-ng's name of accent and variant.
        speed: words a minute.
        pitch: 0 to 99.
    """

    text: str
    voice: str
    speed: int
    pitch: int


def utterance(text: str, rng: np.random.Generator, *, held: bool = False) -> Utterance:
    """A sentence in a random voice; ``held`` takes one that training never hears, at speeds between its own.

    Training speaks at even numbers of words a minute and even pitches, held-out speech at odd ones.
    """
    variants = HELD_OUT_VARIANTS if held else VARIANTS
    accent, variant = (str(list_[int(rng.integers(len(list_)))]) for list_ in (ACCENTS, variants))
    speed, pitch = 2 * int(rng.integers(60, 101)) + held, 2 * int(rng.integers(12, 38)) + held
    return Utterance(text, f"{accent}+{variant}" if variant else accent, speed, pitch)
