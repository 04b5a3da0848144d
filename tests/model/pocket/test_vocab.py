"""Pocket's tokenizer against llama.cpp's, on a file that holds it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.model.llama.native import Model
from deskhand.model.pocket.spec import SMALLEST
from deskhand.model.pocket.vocab import SIZE, Tokenizer, vocabulary
from deskhand.model.pocket.writing import write_untrained
from deskhand.model.tiny.vocab import CONTROLS


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    bundle = write_untrained(tmp_path_factory.mktemp("untrained"), SMALLEST)
    model = Model(bundle.main)
    yield model
    model.close()


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer()


def test_control_tokens_stand_where_gemma_has_them():
    vocab = vocabulary()
    assert len(vocab.tokens) == SIZE == SMALLEST.vocab
    assert list(zip(vocab.tokens, vocab.types, strict=True))[: len(CONTROLS)] == list(CONTROLS)


def test_words_on_a_screen_stay_spelt_in_letters(tokenizer):
    assert len(tokenizer.plain("The printer was not found")) == len("The printer was not found")


def test_what_surrounds_a_slot_is_one_piece(tokenizer):
    assert len(tokenizer.plain("call:clock_set_timer{minutes:")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "call:clock_set_timer{minutes:10}",
        '```json\n[{"box_2d":[619,50,738,150],"label":"OK"}]\n```',
        "two\n\nlines\n\n\n\n\n\n\n\n\n\nand more",
        "Grüße an 東京 ▁ und 🙂",
        "  spaces   and\ttabs ",
    ],
)
def test_text_becomes_the_tokens_that_llama_cpp_makes(tokenizer, model, text):
    assert tokenizer.plain(text) == model.plain(text)


@given(st.text(st.sampled_from('abcall:tmesnuth{}_/?="[].,0123 \n▁é'), max_size=60))
def test_any_text_becomes_the_tokens_that_llama_cpp_makes(tokenizer, model, text):
    assert tokenizer.plain(text) == model.plain(text)


def test_control_text_becomes_control_tokens(tokenizer, model):
    text = '<bos><|turn>user\nopen it<turn|>\n<|turn>model\n<|channel>thought\n<channel|><|tool_call>call:x{a:<|"|>b'
    assert tokenizer.control(text) == model.control(text)
    assert tokenizer.text(tokenizer.control(text)) == text
