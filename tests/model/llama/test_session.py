import random
import threading

import numpy as np
import pytest

from deskhand.model.errors import BundleError, PromptError
from deskhand.model.language.dialect import Control, Plain
from deskhand.model.llama.context import Context, DecodeError
from deskhand.model.llama.generation import Generation
from deskhand.model.llama.layout import Prompt
from deskhand.model.llama.reading import Read
from deskhand.model.llama.sampling import Sampler
from deskhand.model.llama.session import Session
from deskhand.model.llama.writing import Spelling, Written
from deskhand.model.tiny.bundle import TinySpec, cached_bundle
from deskhand.model.tiny.vocab import CONTROLS

HEAD, TAIL = Control("<bos><|turn>user\n"), Control("<turn|>\n<|turn>model\n")
LONG = Plain("please open the window and look at the screen " * 60)


@pytest.fixture
def session(open_session):
    return open_session()


@pytest.mark.parametrize("drafts", [False, True])
def test_a_second_turn_evaluates_exactly_what_is_new(open_session, kit, drafts):
    """What the model wrote is kept too, though the tokenizer would read most of it as other tokens."""
    session = open_session(drafter=cached_bundle(TinySpec()).drafter if drafts else None)
    first = [HEAD, kit.picture(), Plain("What is this?"), kit.clip(1), TAIL]
    answer = kit.run(session, first, max_tokens=30)
    held = session.cache.items
    new = [Control("<turn|>\n<|turn>user\n"), kit.picture(seed=1), Plain("And this?"), TAIL]
    usage = kit.run(session, [*first, Plain(answer.text), *new]).usage
    # The last token that was written has not been read yet.
    assert len(held) == len(session.prompt(first).items) + 29
    tail = session.prompt(new).items
    assert usage.evaluated_tokens == sum(getattr(item, "tokens", 1) for item in tail) + 1
    assert usage.prompt_tokens == usage.evaluated_tokens + usage.reused_tokens
    assert session.projector.encodes == 2 + 25  # pictures, and frames of the clip


def test_the_same_prompt_again_evaluates_one_token(session, kit):
    first = kit.run(session, [HEAD, LONG, TAIL])
    again = kit.run(session, [HEAD, LONG, TAIL])
    assert again.text == first.text
    assert again.usage.evaluated_tokens == 1


def test_progress_counts_tokens_from_what_is_kept_to_all(session, kit):
    outcome = kit.run(session, [HEAD, kit.picture(), LONG, TAIL])
    total = outcome.usage.prompt_tokens
    assert outcome.read[0] == Read(0, total)
    assert outcome.read[-1] == Read(total, total)
    done = [read.done for read in outcome.read]
    assert done == sorted(set(done))
    again = kit.run(session, [HEAD, kit.picture(), LONG, TAIL])
    assert again.read == [Read(total - 1, total), Read(total, total)]


def test_cancel_while_reading_keeps_what_was_read(session, kit):
    cancel = threading.Event()
    items = []
    for item in session.run([HEAD, LONG, TAIL], sampling=kit.GREEDY, cancel=cancel):
        items.append(item)
        if isinstance(item, Read) and item.done:
            cancel.set()
    assert items[-1].reason == "cancelled"
    assert not any(isinstance(item, Written) for item in items)
    read = items[-1].usage.evaluated_tokens
    assert 0 < read < items[-1].usage.prompt_tokens
    outcome = kit.run(session, [HEAD, LONG, TAIL])
    assert outcome.usage.reused_tokens == read
    assert outcome.text == kit.run(session, [HEAD, LONG, TAIL]).text


def test_cancel_stops_a_batch_that_is_being_evaluated(session, kit):
    """The event is set by llama.cpp's own look at it, in the middle of a picture's evaluation."""

    class Third:
        looks = 0

        def is_set(self):
            self.looks += 1
            return self.looks > 20

    pieces = [HEAD, kit.picture(1920, 1080, 1120), TAIL]
    expected = kit.run(session, pieces)
    session.cache.clear()
    *_, end = session.run(pieces, sampling=kit.GREEDY, cancel=Third())
    assert end.reason == "cancelled"
    assert end.usage.evaluated_tokens < 10
    assert session.context.newest() == session.cache.position - 1
    again = kit.run(session, pieces)
    assert again.text == expected.text
    assert again.usage.reused_tokens == end.usage.evaluated_tokens


def test_cancel_while_writing_takes_one_step(session, kit):
    """The event is set by the look that the engine takes at it after the fifth step of writing."""

    class Fifth:
        def is_set(self):
            return steps() >= 5

    before = kit.run(session, [HEAD, LONG, TAIL], max_tokens=0).usage.prompt_tokens

    def steps():
        return session.context.newest() + 1 - before

    *_, last = session.run([HEAD, LONG, TAIL], sampling=kit.GREEDY, cancel=Fifth(), max_tokens=1000)
    assert last.reason == "cancelled"
    assert last.usage.completion_tokens == 6
    assert steps() == 5


def test_what_was_written_so_far_is_shown_now_and_then(session, kit):
    outcome = kit.run(session, [HEAD, LONG, TAIL], max_tokens=200)
    assert outcome.usage.completion_tokens == 200
    assert 1 < len(outcome.written) <= 200
    first = outcome.written[0].text
    assert outcome.text.startswith(first)
    assert first == kit.run(session, [HEAD, LONG, TAIL], max_tokens=1).text


def test_leaving_early_leaves_the_session_usable(session, kit):
    expected = kit.run(session, [HEAD, LONG, TAIL]).text
    for stop_at in (Read, Written):
        stream = session.run([HEAD, LONG, Plain("!"), TAIL], sampling=kit.GREEDY)
        next(item for item in stream if isinstance(item, stop_at))
        stream.close()
        assert kit.run(session, [HEAD, LONG, TAIL]).text == expected


def test_limits_end_with_length(open_session, kit):
    session = open_session(context_length=256)
    assert kit.run(session, [HEAD, Plain("a"), TAIL], max_tokens=0).usage.completion_tokens == 0
    assert kit.run(session, [HEAD, Plain("a"), TAIL], max_tokens=3).usage.completion_tokens == 3
    full = kit.run(session, [HEAD, Plain("a"), TAIL], max_tokens=10_000)
    assert full.reason == "length"
    assert full.usage.prompt_tokens + full.usage.completion_tokens == session.context.length + 1
    assert kit.run(session, [HEAD, Plain("b"), TAIL]).text


def test_a_prompt_that_does_not_fit_is_refused_with_the_numbers(open_session, kit):
    session = open_session(context_length=256)
    with pytest.raises(PromptError, match=r"takes \d+ tokens and this engine holds 256"):
        kit.run(session, [HEAD, LONG, TAIL])
    with pytest.raises(PromptError, match="end with text"):
        kit.run(session, [])
    assert kit.run(session, [HEAD, Plain("a"), TAIL]).text


def test_a_picture_of_a_larger_budget_is_read_at_the_one_that_fits_a_batch(open_session, kit):
    session = open_session(image_budget=560)
    assert session.context.batch == 576
    assert kit.run(session, [HEAD, kit.picture(1920, 1080, 1120), TAIL]).usage.image_tokens == 527
    again = kit.run(session, [HEAD, kit.picture(1920, 1080, 560), TAIL])
    assert again.usage.image_tokens == 527
    assert again.usage.evaluated_tokens == 1, "it is the very same picture to the model"


def test_sound_longer_than_a_batch_is_read_in_parts(open_session, kit):
    """Sound is causal, so it may be split; the numbers are those of one batch."""
    pieces = [HEAD, kit.clip(28), TAIL]
    small, large = open_session(image_budget=560), open_session(image_budget=1120)
    one, other = kit.logits_after(small, pieces), kit.logits_after(large, pieces)
    assert small.context.batch < kit.run(small, pieces).usage.audio_tokens <= large.context.batch
    np.testing.assert_allclose(one, other, atol=2e-4)


def test_stops_at_what_ends_a_turn(open_session, kit):
    session = open_session(TinySpec(stops=(("<turn|>", 12),)))
    outcome = kit.run(session, [HEAD, Plain("What?"), TAIL], max_tokens=100)
    assert outcome.reason == "stop"
    assert outcome.usage.completion_tokens < 13
    assert "<turn|>" not in outcome.text


def test_text_comes_in_whole_characters(session):
    spelling = Spelling(session.model)
    wanted = "é🙂ü漢"
    pieces = [piece for byte in wanted.encode() for piece in spelling.spell(_byte(session, byte))]
    assert [piece.text for piece in pieces] == list(wanted)
    tokens = [token for byte in wanted.encode() + b"\xc3" for token in _byte(session, byte)]
    control = session.model.control("<|channel>")
    assert [*spelling.spell([*tokens, *control, *tokens])] == [
        Written(wanted + "�", special=False),
        Written("<|channel>", special=True),
        Written(wanted, special=False),
    ]
    assert [*spelling.finish()] == [Written("�", special=False)]
    assert [*spelling.finish()] == []


def _byte(session, byte):
    """The token that stands for one byte."""
    return [next(token for token in range(session.model.vocab_size) if session.model.piece(token) == bytes([byte]))]


def test_hostile_text_stays_text(session, kit):
    hostile = "".join(text for text, _ in CONTROLS) * 3
    items = session.prompt([HEAD, Plain(hostile), TAIL]).items
    ours = session.prompt([HEAD, TAIL]).items
    special = [item for item in items if session.model.is_special(item)]
    assert special == [item for item in ours if session.model.is_special(item)]
    assert kit.run(session, [HEAD, Plain(hostile), TAIL]).text


@pytest.mark.parametrize(("step", "fails"), [("decode", 1), ("step", 1), ("step", 3)])
def test_after_a_failed_step_nothing_is_kept_and_all_works(session, kit, monkeypatch, step, fails):
    expected = kit.run(session, [HEAD, LONG, TAIL]).text
    real = getattr(Context, step)
    calls = 0

    def failing(self, *arguments, **options):
        nonlocal calls
        calls += 1
        if calls == fails:
            raise DecodeError("The graphics card was unplugged.")
        return real(self, *arguments, **options)

    monkeypatch.setattr(Context, step, failing)
    with pytest.raises(DecodeError):
        kit.run(session, [HEAD, Plain("other"), TAIL])
    assert session.cache.items == ()
    assert session.context.newest() == -1
    outcome = kit.run(session, [HEAD, LONG, TAIL])
    assert (outcome.text, outcome.usage.reused_tokens) == (expected, 0)


def test_missing_and_broken_files_are_refused_in_words(kit, tmp_path):
    bundle = cached_bundle(TinySpec())
    for role in ("main", "mmproj", "drafter"):
        missing = tmp_path / "none.gguf"
        with pytest.raises(BundleError, match=r"none\.gguf"):
            Session(kit.tiny_config(**{role: missing}))
        broken = tmp_path / f"{role}.gguf"
        whole = getattr(bundle, role).read_bytes()
        broken.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(BundleError, match=rf"{role}\.gguf"):
            Session(kit.tiny_config(**{role: broken}))
        broken.write_bytes(b"PK\3\4" + whole[4:])
        with pytest.raises(BundleError, match=rf"{role}\.gguf"):
            Session(kit.tiny_config(**{role: broken}))


def test_closing_twice_is_closing(kit):
    session = Session(kit.tiny_config(drafter=cached_bundle(TinySpec()).drafter))
    session.close()
    session.close()


@pytest.mark.parametrize("seed", [0, 1])
def test_no_history_of_turns_makes_the_cache_wrong(open_session, kit, seed):
    """Turns are added, edited and taken back at random; after each the logits are those of an empty session."""
    chance = random.Random(seed)
    drafter = cached_bundle(TinySpec()).drafter if seed else None
    warm, cold = open_session(drafter=drafter), open_session()
    turns = [HEAD]
    reused = 0
    for _ in range(12):
        kept = turns[: chance.choice([len(turns), len(turns), chance.randrange(1, len(turns) + 1)])]
        part = chance.choice(
            [
                kit.picture(seed=chance.randrange(3)),
                kit.clip(2, seed=chance.randrange(3)),
                Plain("the error on my screen " * chance.choice([2, 30, 90])),
            ]
        )
        turns = [*kept, part, TAIL]
        outcome = kit.run(warm, turns, max_tokens=0)
        reused += outcome.usage.reused_tokens
        prompt = Prompt(warm.cache.items, warm.prompt(turns).media)
        cold.cache.clear()
        sampler = Sampler(cold.model, kit.GREEDY)
        generation = Generation(
            cold.context,
            cold.cache,
            projector=cold.projector,
            drafter=None,
            sampler=sampler,
            cancel=threading.Event(),
            began=0,
        )
        assert [*generation.run(prompt, 0, 128)][-1].reason == "length"
        sampler.close()
        np.testing.assert_allclose(warm.context.logits(-1), cold.context.logits(-1), atol=2e-4)
        turns = [*turns, Plain(kit.run(warm, turns, max_tokens=chance.choice([4, 200])).text), Control("<turn|>\n")]
    assert reused > 1000
