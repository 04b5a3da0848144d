"""Samples and their encoding: seeded, complete, and laid out as the engine reads them."""

from __future__ import annotations

import numpy as np
import pytest

from deskhand.model.config import LocalConfig
from deskhand.model.language.parser import GemmaParser
from deskhand.model.language.template import Gemma4Dialect
from deskhand.model.llama.cache import Span
from deskhand.model.llama.session import Session
from deskhand.model.pocket.encoding import Encoder
from deskhand.model.pocket.spec import SMALLEST
from deskhand.model.pocket.world import samples as drawing
from deskhand.model.pocket.world import speech
from deskhand.model.pocket.world.lexicon import BUTTONS
from deskhand.model.pocket.world.samples import ABSTENTIONS, KINDS, Conditions, Sample
from deskhand.model.pocket.writing import write_untrained
from deskhand.model.types import CallDelta, Message, TextDelta

HARD = Conditions(shifted=0.3, second_face=0.2, noisy=0.5, pictured=0.2)


@pytest.fixture(scope="module")
def speaker() -> speech.Speaker:
    return speech.speaker()


@pytest.fixture(scope="module")
def everything(speaker) -> list[Sample]:
    """Some of each kind."""
    made = [drawing.draw({kind: 1.0}, 4, [1, index], HARD, speaker) for index, kind in enumerate(KINDS)]
    return [sample for some in made for sample in some]


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    bundle = write_untrained(tmp_path_factory.mktemp("untrained"), SMALLEST)
    config = LocalConfig(main=bundle.main, mmproj=bundle.mmproj, context_length=512, threads=1)
    session = Session(config)
    yield session
    session.close()


def test_the_same_seed_draws_the_same_samples(speaker):
    mix = dict.fromkeys(KINDS, 1.0)
    one, other = (drawing.draw(mix, 24, [7, 1], HARD, speaker) for _ in range(2))
    assert [sample.request for sample in one] == [sample.request for sample in other]
    assert [sample.answer for sample in one] == [sample.answer for sample in other]
    third = drawing.draw(mix, 24, [7, 2], HARD, speaker)
    assert [sample.request for sample in one] != [sample.request for sample in third]


def test_every_prompt_is_the_tokens_that_the_engine_reads(everything, session):
    encoder = Encoder()
    image, audio = encoder.tokenizer.vocabulary.ids("<|image|>", "<|audio|>")
    for sample in everything:
        ours: list[int] = []
        for item in session.prompt(Gemma4Dialect().render(sample.request)).items:
            if isinstance(item, Span):
                ours += [image if item.kind == "image" else audio] * item.tokens
            else:
                ours.append(item)
        assert encoder.prompt(sample.request).ids.tolist() == ours, sample.kind


def test_every_answer_is_read_back_as_it_was_meant(everything):
    encoder = Encoder()
    vocab = encoder.tokenizer.vocabulary
    for sample in everything:
        *written, end = encoder.answer(sample.answer)
        assert vocab.tokens[end] in {"<turn|>", "<|tool_response>"}
        parser = GemmaParser(calls_allowed=True)
        deltas = [d for i in written for d in parser.feed(encoder.tokenizer.text([i]), special=i < 24)]
        deltas += parser.finish()
        text = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
        calls = [delta.call for delta in deltas if isinstance(delta, CallDelta)]
        assert text == sample.answer.text, sample.kind
        assert [(call.name, call.arguments) for call in calls] == [
            (call.name, call.arguments) for call in sample.answer.calls
        ]


def test_media_have_as_many_rows_as_placeholders(everything):
    encoder = Encoder()
    image, audio = encoder.tokenizer.vocabulary.ids("<|image|>", "<|audio|>")
    for sample in everything:
        made = encoder.sample(sample)
        assert made.ids.tolist().count(image) == len(made.patches) == len(made.places)
        assert made.ids.tolist().count(audio) == len(made.frames)
        assert 0 < made.start < len(made.ids) <= SMALLEST.window


def test_a_patch_holds_its_own_pixels(everything):
    (sample, *_) = (sample for sample in everything if sample.kind == "read")
    made = Encoder().sample(sample)
    assert sample.pixels is not None
    column, row = made.places[23]
    square = sample.pixels[row * 48 : row * 48 + 48, column * 48 : column * 48 + 48]
    np.testing.assert_array_equal(made.patches[23].reshape(3, 48, 48).transpose(1, 2, 0), square)


def test_what_is_asked_for_is_on_the_picture_and_what_is_not_there_is_not(everything):
    for sample in everything:
        labels = {button.label for button in sample.window.buttons} if sample.window else set()
        said = f"{sample.text.rstrip('.')} {sample.speech.text if sample.speech else ''}".split()
        asked = next((label for label in BUTTONS if label in said), "")
        if sample.kind in {"press typed", "press spoken"}:
            (call,) = sample.answer.calls
            assert call.name == "input_click"
            (button,) = (button for button in sample.window.buttons if button.label == asked)
            top, left, bottom, right = sample.window.box(button)
            assert left < call.arguments["x"] < right
            assert top < call.arguments["y"] < bottom
        if sample.kind == "no button":
            assert asked
            assert asked not in labels
            assert sample.answer.text in ABSTENTIONS


def test_a_sample_that_was_not_spoken_makes_no_prompt():
    sample = KINDS["command spoken"](np.random.default_rng(0), HARD)
    assert sample.sound is None
    with pytest.raises(ValueError, match="spoken"):
        _ = sample.request
    assert isinstance(sample.answer, Message)


def test_each_letter_of_an_answer_is_read_off_the_cell_that_holds_it(speaker):
    encoder = Encoder()
    names = encoder.tokenizer.vocabulary.tokens
    for kind in ("read", "say", "title", "buttons", "ask spoken"):
        for sample in drawing.draw({kind: 1.0}, 6, [2, 1], Conditions(), speaker):
            made = encoder.sample(sample)
            cells = sample.window.cells()
            answer = zip(made.ids[made.start :], made.found, strict=True)
            read = [(names[i], cells[row][column]) for i, (row, column) in answer if row >= 0]
            assert all(token.replace("\u2581", " ")[0] == letter for token, letter in read)
            assert len(read) > 0.6 * len(made.found)
    for sample in drawing.draw({"press typed": 1.0}, 4, [2, 1], Conditions(), speaker):
        made = encoder.sample(sample)
        assert {tuple(place) for place in made.found} == {(-1, -1), (sample.button.row, sample.button.column)}
    shifted = drawing.draw({"read": 1.0}, 2, [2, 1], Conditions(shifted=1), speaker)
    assert all((encoder.sample(sample).found == -1).all() for sample in shifted)
