"""Sound that is read while it is being spoken: nothing is read twice, and nothing comes out differently."""

import threading

import numpy as np
import pytest

from deskhand.model.errors import PromptError
from deskhand.model.language.dialect import Control, Growing, Plain
from deskhand.model.llama.cache import Span
from deskhand.model.types import Audio

HEAD, TAIL = Control("<bos><|turn>user\n"), Control("<turn|>\n<|turn>model\n")
FRAME = 640 * 4


def grown(clip: Audio, samples: int) -> Growing:
    """The recording after so many samples."""
    return Growing(Audio(clip.samples[: 4 * samples], growing=True))


def listen(session, kit, clip, step=3200, before=()):
    """Read a recording as it grows by ``step`` samples; the usage of each reading."""
    return [
        kit.run(session, [HEAD, *before, grown(clip, end)], max_tokens=0, unfinished=True).usage
        for end in range(step, len(clip.samples) // 4 + 1, step)
    ]


@pytest.mark.parametrize("kv_type", ["f32", "f16"])
def test_in_pieces_of_200_ms_it_is_to_the_bit_what_it_is_afterwards(open_session, kit, kv_type):
    """Both evaluate five frames at a time; one does while they come, the other when all are there."""
    clip, begin = kit.clip(10.1), [kit.picture(), Plain("Listen.")]
    streamed, batch = open_session(kv_type=kv_type), open_session(kv_type=kv_type)
    for session in (streamed, batch):
        session._slice = 5
    usages = listen(streamed, kit, clip, before=begin)
    # The first has text and a picture to read besides; after that each reads what has come.
    assert [usage.evaluated_tokens for usage in usages[1:]] == [5] * 49
    whole = [HEAD, *begin, clip, TAIL]
    after = kit.logits_after(streamed, whole)
    np.testing.assert_array_equal(after, kit.logits_after(batch, whole))
    assert streamed.cache.items == batch.cache.items
    last = kit.run(batch, [HEAD, *begin, clip, TAIL], max_tokens=40)
    assert kit.run(streamed, [HEAD, *begin, clip, TAIL], max_tokens=40).text == last.text


def test_at_the_end_of_speech_only_the_rest_is_left(open_session, kit):
    clip = kit.clip(10.02)
    session, batch = open_session(), open_session()
    begin = [kit.picture(1920, 1080, 280), Plain("Listen.")]
    listen(session, kit, clip, before=begin)
    outcome = kit.run(session, [HEAD, *begin, clip, TAIL], max_tokens=30)
    # One frame that was not full, its end, and the turn's.
    ending = session.prompt([Control("<audio|>"), TAIL]).items
    assert outcome.usage.evaluated_tokens == 1 + len(ending)
    assert outcome.usage.audio_tokens == 251
    assert outcome.usage.prompt_tokens > 500
    at_once = kit.run(batch, [HEAD, *begin, clip, TAIL], max_tokens=30)
    assert at_once.usage.reused_tokens == 0
    assert outcome.text == at_once.text
    after = kit.logits_after(session, [HEAD, *begin, clip, TAIL])
    np.testing.assert_allclose(after, kit.logits_after(batch, [HEAD, *begin, clip, TAIL]), atol=2e-4)


def test_frames_are_projected_once_and_evaluated_in_batches(open_session, kit, monkeypatch):
    clip, session = kit.clip(4), open_session()
    real, batches = type(session.projector).decode, []

    def counting(self, context, media, position):
        batches.append(len(media))
        real(self, context, media, position)

    monkeypatch.setattr(type(session.projector), "decode", counting)
    kit.run(session, [HEAD, clip, TAIL], max_tokens=1)
    assert batches == [100]
    assert session.projector.encodes == 100
    session.cache.clear()
    batches.clear()
    listen(session, kit, clip, step=16_000)
    assert batches == [25] * 4
    assert session.projector.encodes == 100
    kit.run(session, [HEAD, Audio(clip.samples[: 40 * FRAME]), Plain("and"), clip, TAIL], max_tokens=1)
    assert session.projector.encodes == 100


def test_a_frame_that_is_not_full_waits(open_session, kit):
    clip, session = kit.clip(1), open_session()
    assert kit.run(session, [HEAD, grown(clip, 639)], max_tokens=0, unfinished=True).usage.audio_tokens == 0
    assert kit.run(session, [HEAD, grown(clip, 1279)], max_tokens=0, unfinished=True).usage.audio_tokens == 1
    assert kit.run(session, [HEAD, grown(clip, 1280)], max_tokens=0, unfinished=True).usage.evaluated_tokens == 1
    assert kit.run(session, [HEAD, grown(clip, 1300)], max_tokens=0, unfinished=True).usage.evaluated_tokens == 0


def test_what_was_thrown_away_leaves_no_trace(open_session, kit):
    """An abandoned recording is rolled back: to the bit, what follows is what it would have been without."""
    begin = [HEAD, kit.picture(), Plain("Well then. " * 30)]
    session, other = open_session(), open_session()
    for each in (session, other):
        kit.run(each, begin, max_tokens=0, unfinished=True)
    held = session.cache.items
    for end in range(3200, 16_000 * 8, 3200):
        kit.run(session, [*begin, grown(kit.clip(8), end)], max_tokens=0, unfinished=True)
    outcome = kit.run(session, begin, max_tokens=0, unfinished=True)
    assert outcome.usage.evaluated_tokens == 0
    assert session.cache.items == held
    assert session.context.newest() == session.cache.position - 1
    after = [*begin, Plain("no sound"), kit.clip(1, seed=9), TAIL]
    first = kit.run(session, after, max_tokens=0).usage
    assert first.reused_tokens == sum(getattr(item, "tokens", 1) for item in held)
    np.testing.assert_allclose(session.context.logits(-1), kit.logits_after(other, after), atol=2e-4)


def test_thirty_seconds_stay_in_one_piece_and_longer_ones_lose_little(open_session, kit):
    session = open_session(context_length=8192)
    clip = kit.clip(34)
    usages = listen(session, kit, clip, step=16_000)
    assert [usage.evaluated_tokens for usage in usages[1:30]] == [25] * 29
    finished = kit.run(session, [HEAD, clip, TAIL], max_tokens=0).usage
    assert finished.audio_tokens == 850
    # It is cut within the last ten seconds of thirty once it is longer, and what comes after the cut is read again.
    assert sum(usage.evaluated_tokens for usage in usages) < 850 + 250 + 20
    assert finished.evaluated_tokens < 10


@pytest.mark.parametrize("picture", [False, True])
def test_an_unfinished_prompt_may_end_with_a_picture_and_waits_for_nothing(open_session, kit, picture):
    session = open_session()
    medium = kit.picture() if picture else Plain("What is")
    read = kit.run(session, [HEAD, medium], max_tokens=0, unfinished=True)
    assert read.reason == "length"
    assert read.usage.evaluated_tokens == read.usage.prompt_tokens
    # Nothing has to be evaluated again for its logits.
    assert kit.run(session, [HEAD, medium], max_tokens=0, unfinished=True).usage.evaluated_tokens == 0
    usage = kit.run(session, [HEAD, medium, Plain(" this?"), TAIL], max_tokens=1).usage
    assert usage.reused_tokens == read.usage.prompt_tokens
    with pytest.raises(PromptError, match="end with text"):
        kit.run(session, [HEAD, grown(kit.clip(1), 640)], max_tokens=0)


def test_a_memory_that_cant_go_back_is_left_alone(open_session, kit):
    """The prompt is all there, 2,000 tokens ago, and no checkpoint is: reading it anew would gain nothing."""
    session = open_session()
    begin, long = [HEAD, Plain("note this down please")], Plain("the error on my screen " * 500)
    kit.run(session, [*begin, long, TAIL], max_tokens=0)
    held = session.cache.items
    assert kit.run(session, begin, max_tokens=0, unfinished=True).usage.evaluated_tokens == 0
    assert session.cache.items == held


def test_cancelled_in_the_middle_of_a_recording_keeps_what_was_read(open_session, kit):
    class Later:
        looks = 0

        def is_set(self):
            self.looks += 1
            return self.looks > 60

    clip, session = kit.clip(20), open_session()
    expected = kit.run(session, [HEAD, clip, TAIL]).text
    session.cache.clear()
    *_, end = session.run([HEAD, grown(clip, 320_000)], max_tokens=0, unfinished=True, cancel=Later())
    assert end.reason == "cancelled"
    assert session.context.newest() == session.cache.position - 1
    again = kit.run(session, [HEAD, clip, TAIL])
    assert again.text == expected
    assert again.usage.reused_tokens == end.usage.evaluated_tokens
    cancel = threading.Event()
    cancel.set()
    *_, end = session.run([HEAD, grown(clip, 1280)], max_tokens=0, unfinished=True, cancel=cancel)
    assert (end.reason, end.usage.evaluated_tokens) == ("cancelled", 0)


def test_a_recording_leaves_one_checkpoint_at_its_beginning(open_session, kit):
    session = open_session()
    listen(session, kit, kit.clip(6), before=[Plain("hm " * 40)])
    (checkpoint,) = session.cache.checkpoints
    assert not isinstance(session.cache.items[checkpoint.count - 1], Span)
    assert isinstance(session.cache.items[checkpoint.count], Span)
