"""Which button is meant, and where its label begins: what training is told of turns about buttons."""

from __future__ import annotations

import numpy as np
import pytest

from deskhand.model.pocket.encoding import LABELS, NOWHERE, Encoder, labels_of, letters_of
from deskhand.model.pocket.world import samples
from deskhand.model.pocket.world.samples import Conditions
from deskhand.model.pocket.world.speech import speaker

ENCODER = Encoder()


def drawn(kind, count=12):
    return samples.draw({kind: 1}, count, [5, 1], Conditions(), speaker())


@pytest.mark.parametrize("kind", ["press typed", "press spoken", "box"])
def test_the_numbers_of_an_answer_depend_on_the_label_and_its_place(kind):
    for sample in drawn(kind):
        turn = ENCODER.sample(sample)
        texts = [ENCODER.tokenizer.vocabulary.tokens[index] for index in turn.ids[turn.start :]]
        digits = np.array([text.isdigit() for text in texts])
        assert {LABELS[index] for index in turn.meant[digits]} == {sample.button.label}
        assert np.all(turn.found[digits] == (sample.button.row, sample.button.column))
        assert LABELS[turn.meant[0]] == sample.button.label
        assert tuple(turn.found[0]) == (sample.button.row, sample.button.column)
        assert not turn.meant[1:][~digits[1:]].any()


def test_of_a_button_that_is_not_there_only_the_first_token_knows():
    for sample in drawn("no button"):
        turn = ENCODER.sample(sample)
        asked = (sample.speech.text if sample.speech else sample.text).lower()
        assert LABELS[turn.meant[0]].lower() in asked
        assert LABELS[turn.meant[0]] not in {button.label for button in sample.window.buttons}
        assert not turn.meant[1:].any()
        assert tuple(turn.found[0]) == (NOWHERE, NOWHERE)
        assert np.all(turn.found[1:] == -1)


def test_a_label_begins_on_the_patch_that_holds_its_first_letter():
    for sample in drawn("read"):
        begun, letters = labels_of(sample.window), letters_of(sample.window.cells())
        assert sorted(LABELS[index] for index in begun if index) == sorted(b.label for b in sample.window.buttons)
        for patch in np.flatnonzero(begun):
            assert ord(LABELS[begun[patch]][0]) - 31 in letters[patch]


def test_other_turns_mean_no_button():
    for kind in ("command typed", "read", "foreign"):
        assert not any(ENCODER.sample(sample).meant.any() for sample in drawn(kind, 4))
