"""The ring on which a tiny model's tokens follow each other, as embeddings and output heads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deskhand.model.tiny.spec import TinySpec
from deskhand.model.tiny.vocab import Vocabulary

ONE, HEARD = 0, 1
"""Places in the rest of the hidden state: 1 for every token; 1 for tokens off the ring and -1 for tokens on it.

Attention weighs the former e² times as much as the latter, so that a prompt is not drowned by the answer to it.
"""

_GROUP = 4
"""Tokens of a group: what the context chooses between."""

_LOGIT = 20.0
"""What belonging to the next group adds to a logit, before the softcap of 30."""

_CHOICE = 0.2
"""Standard deviation of what the context adds, in parts of that.

Codes of 64 elements overlap by 0.125, so the best of some 300 other tokens stays near 0.75, and the best of a group
reaches about 1.2.
"""

_NOISE = 0.005
"""Weight of the rest in the head: every layer moves every logit a little, and hardly ever turns a choice."""

Array = NDArray[np.float32]


class Ring:
    """Which tokens follow which, and the vectors that realise it in target and drafter.

    Attributes:
        vocabulary: of both models.
        codes: groups × identity, each of unit length.
        embeddings: vocab × hidden, the residual stream of each token, elements of unit variance.
        output: vocab × hidden, the head.
        drafted: vocab × drafter_hidden, the drafter's head.
    """

    def __init__(self, spec: TinySpec, vocab: Vocabulary) -> None:
        rng = np.random.default_rng([spec.seed, 1])
        self.vocabulary = vocab
        groups = _groups(spec, vocab, rng)
        self.codes = _unit(rng.normal(size=(len(groups), spec.identity)))
        group_of = rng.integers(len(groups), size=spec.vocab)
        for index, group in enumerate(groups):
            if len(group) > 1:
                group_of[group] = index
        rest = rng.normal(size=(spec.vocab, spec.hidden - spec.identity - spec.context))
        rest[:, ONE], rest[:, HEARD] = 1.0, 1.0
        for group in groups:
            rest[group, HEARD] = -1.0
        self.embeddings = np.hstack(
            [self.codes[group_of] * np.sqrt(spec.identity), np.zeros((spec.vocab, spec.context)), rest]
        ).astype(np.float32)

        missed = rng.permutation(len(groups)) < round(len(groups) * (1 - spec.drafter_agreement))
        strays = _unit(rng.normal(size=self.codes.shape))
        choice = _unit(rng.normal(size=(spec.vocab, spec.context))) * np.sqrt(spec.context)
        identity = np.zeros((2, spec.vocab, spec.identity))
        weight = np.zeros((spec.vocab, 1))
        for index, group in enumerate(groups):
            before = index - 1
            identity[0, group] += self.codes[before]
            identity[1, group] += strays[before] if missed[before] else self.codes[before]
            weight[group] = 1.0
        scale = _LOGIT / np.sqrt(spec.identity)
        context = weight * choice * _CHOICE * _LOGIT / np.sqrt(spec.context)
        noise = rng.normal(size=rest.shape) * _NOISE * scale
        self.output = np.hstack([identity[0] * scale, context, noise]).astype(np.float32)
        spare = np.zeros((spec.vocab, spec.drafter_hidden - spec.identity - spec.context))
        self.drafted = np.hstack([identity[1] * scale, context, spare]).astype(np.float32)


def _groups(spec: TinySpec, vocab: Vocabulary, rng: np.random.Generator) -> list[list[int]]:
    """Half of the ordinary tokens in seeded order, in groups, and every so often a stop alone in its group."""
    words = rng.permutation(vocab.words)
    words = words[: len(words) // (2 * _GROUP) * _GROUP].reshape(-1, _GROUP).tolist()
    for text, every in spec.stops:
        (stop,) = vocab.ids(text)
        words = [group for i, word in enumerate(words, 1) for group in ([word, [stop]] if i % every == 0 else [word])]
    return words


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
