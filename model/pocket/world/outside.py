"""Sentences that are no command of Pocket's: written ones, and thousands put together from words.

A list of some dozen would be learnt by heart, and everything else taken for a command. Held out are written sentences
that are never trained on, and ones put together from nouns that training never sees.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

_WRITTEN = (
    *("play some music", "turn off the light", "order a pizza", "tell me a joke", "sing a song", "call a taxi"),
    *("translate this into french", "how tall is the mountain", "who wrote this book", "buy a new computer"),
    *("make it warmer", "feed the fish", "what is the meaning of life", "book a flight", "paint the wall"),
    *("who won the game", "multiply seven by eight", "lock the front door", "start the car", "read me a story"),
    *("how old are you", "write a poem", "what is for dinner", "delete everything", "shut down the computer"),
    *("turn up the volume", "good morning", "thank you very much", "never mind", "I am hungry", "where are my keys"),
    *("the quick brown fox jumps over the lazy dog", "is it going to be a nice day", "my sister lives far away"),
    *("these shoes are too small", "could you repeat that please", "the train was late again"),
)

WRITTEN_HELD_OUT = (
    *("dance with me", "how far is the moon", "boil the water", "change the channel", "which team is better"),
    *("the garden looks beautiful", "add three and nine", "we are leaving tomorrow", "clean the kitchen floor"),
)

_PATTERNS = (
    *("{verb} the {noun}", "{verb} my {noun}", "please {verb} the {noun}", "can you {verb} the {noun}"),
    *("how {quality} is the {noun}", "why is the {noun} so {quality}", "is the {noun} {quality}"),
    *(
        "who will {verb} the {noun}",
        "the {noun} is {quality}",
        "I want to {verb} a {noun}",
        "my {noun} looks {quality}",
    ),
    *("when do we {verb} the {noun}", "{verb} the {noun} and the {noun2}", "we saw the {noun} yesterday"),
    *("set a timer for the {noun}", "open the {noun}", "start the {noun}", "write to the {noun}", "find my {noun}"),
    *(
        "what is the {noun}",
        "where did you {verb} the {noun}",
        "show the {noun}",
        "cancel the {noun}",
        "read the {noun}",
    ),
    *("remind the {noun}", "look at the {noun}", "tell me about the {noun}", "search the {noun}", "list the {noun}"),
)
_VERBS = (
    *(
        "paint",
        "wash",
        "sell",
        "buy",
        "carry",
        "repair",
        "cook",
        "eat",
        "clean",
        "hide",
        "lift",
        "throw",
        "break",
        "draw",
    ),
    *("sing", "close", "stop", "turn off", "switch on", "order", "pick up", "lock", "move", "count", "bring", "play"),
    *("watch", "follow", "change", "mix", "cut", "fold", "fill", "push", "visit", "call", "book", "rent", "build"),
    *("burn", "catch", "describe", "compare", "translate", "delete", "forget", "weigh", "colour", "polish", "borrow"),
)
_NOUNS = (
    *("wall", "river", "table", "kitchen", "neighbour", "bicycle", "lamp", "radio", "soup", "movie", "mountain"),
    *("doctor", "piano", "sofa", "shirt", "ladder", "hammer", "bridge", "tree", "horse", "boat", "taxi", "pillow"),
    *("fridge", "song", "chair", "roof", "candle", "basket", "mirror", "carpet", "fence", "hotel", "flight", "salad"),
    *("planet", "sister", "teacher", "garage", "island", "jacket", "window frame", "bathroom", "village", "elephant"),
    *("newspaper", "sandwich", "umbrella", "football", "computer", "telephone", "blanket", "cloud", "dragon", "answer"),
)
NOUNS_HELD_OUT = (
    "garden",
    "moon",
    "door",
    "game",
    "engine",
    "dinner",
    "team",
    "violin",
    "forest",
    "bottle",
    "sandcastle",
)
_QUALITIES = (
    *("big", "old", "cold", "heavy", "expensive", "green", "beautiful", "dirty", "quiet", "broken", "tall", "far away"),
    *("empty", "dangerous", "famous", "slow", "wet", "strange", "small", "dark"),
)


def sentence(rng: np.random.Generator, *, held: bool = False) -> str:
    """A sentence outside Pocket's world, as it is spoken; ``held`` takes those that training never sees."""

    def one(choices: Sequence[str]) -> str:
        return choices[int(rng.integers(len(choices)))]

    if rng.random() < (0.5 if held else 0.15):
        return one(WRITTEN_HELD_OUT if held else _WRITTEN)
    words = {"verb": _VERBS, "noun": NOUNS_HELD_OUT if held else _NOUNS, "quality": _QUALITIES}
    words["noun2"] = words["noun"]
    return re.sub(r"\{(\w+)\}", lambda slot: one(words[slot[1]]), one(_PATTERNS))
