"""Sentences outside Pocket's world: many, none of them a command, and held-out ones that training never draws."""

from __future__ import annotations

import numpy as np

from deskhand.model.pocket.world import commands, outside


def _drawn(count: int, *, held: bool) -> set[str]:
    rng = np.random.default_rng(3)
    return {outside.sentence(rng, held=held) for _ in range(count)}


def test_there_are_many_and_none_is_a_command():
    made = _drawn(4000, held=False)
    assert len(made) > 2000
    rng = np.random.default_rng(4)
    said = [commands.draw(rng) for _ in range(8000)]
    assert not (made | _drawn(500, held=True)) & {sentence for each in said for sentence in (each.spoken, each.typed)}


def test_held_out_ones_are_not_drawn_for_training():
    assert not _drawn(8000, held=False) & _drawn(1000, held=True)
    assert set(outside.WRITTEN_HELD_OUT) < _drawn(1000, held=True)
