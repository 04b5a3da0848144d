"""Which letter of a command each letter of its call repeats."""

import numpy as np
import pytest

from deskhand.model.pocket.copying import copied
from deskhand.model.pocket.encoding import Encoder


def traced(answer, source):
    tokens = Encoder().tokenizer
    texts = [tokens.vocabulary.tokens[index] for index in tokens.plain(answer)]
    found = copied(texts, source)
    return [(text, source[at]) for text, at in zip(texts, found, strict=True) if at >= 0], found


@pytest.mark.parametrize(
    ("answer", "source", "letters"),
    [
        ("call:open_address{url:mailto:emma@example.org", "write a mail to Emma", "Emma"),
        ("buy▁soap▁and▁paper".replace("▁", " "), "make a note buy soap and paper", "buy soap and paper"),
        ("minutes:7,seconds:50", "set a timer for seven minutes and fifty seconds", "nyy"),
        ("768", "write down the number seven six eight", "nxt"),
        ("meeting with Emma at 4", "note a meeting with Emma at 4", "meeting with Emma at 4"),
        ("30", "set a timer for half an hour", ""),
        ("220", "Write down the number 2 2 0", "220"),
        ("25", "timer twenty five minutes", "ee"),
    ],
)
def test_every_letter_is_found_where_it_was_said(answer, source, letters):
    pairs, _ = traced(answer, source)
    assert "".join(letter for _, letter in pairs) == letters


def test_a_word_is_no_part_of_another_and_repeats_in_order():
    _, found = traced("art and art", "start art and art")
    assert list(found) == [6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
    assert np.all(traced("zebra", "start art")[1] == -1)
