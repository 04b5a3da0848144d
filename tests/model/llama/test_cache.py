import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.model.language.dialect import Control, Plain
from deskhand.model.llama.cache import PrefixCache, Span, adopt, positions, shared, tokens

PICTURE = Span("p", "image", 66, 66)


class Shelf:
    """A memory of a sliding window: it keeps the last ``size`` positions, as llama.cpp's does."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.held: list[int] = []

    def grow(self, position: int) -> None:
        self.held = [*self.held, position][-self.size :]

    def remove(self, position: int) -> bool:
        self.held = [held for held in self.held if held < position]
        return True

    def clear(self) -> None:
        self.held = []

    def oldest(self) -> int:
        return self.held[0] if self.held else -1

    def newest(self) -> int:
        return self.held[-1] if self.held else -1

    def state_size(self) -> int:
        return 10

    def save(self) -> np.ndarray:
        return np.array(self.held)

    def restore(self, data: np.ndarray) -> None:
        self.held = [int(position) for position in data]


def read(cache: PrefixCache, shelf: Shelf, items, mark_at=()) -> int:
    kept = cache.reuse(items)
    for index in range(kept, len(items)):
        if index in mark_at:
            cache.mark()
        start = cache.position
        cache.extend(items[index : index + 1])
        for position in range(start, cache.position):
            shelf.grow(position)
    return kept


def test_counts_media_whole():
    items = (1, 2, PICTURE, 3)
    assert positions(items) == tokens(items) == 69
    assert shared(items, (1, 2, PICTURE, 4)) == 3
    assert shared(items, (1, 2, Span("q", "image", 66, 66), 3)) == 2


def test_the_last_item_is_always_evaluated():
    shelf = Shelf(1000)
    cache = PrefixCache(shelf, 8)
    assert read(cache, shelf, [1, 2, 3]) == 0
    assert read(cache, shelf, [1, 2, 3]) == 2
    assert read(cache, shelf, [1]) == 0
    assert read(cache, shelf, [1, 2, PICTURE, 4]) == 1
    assert read(cache, shelf, [1, 2, PICTURE, 4, 5]) == 4
    assert shelf.held == list(range(70))


def test_what_is_only_read_needs_no_last_item_again():
    shelf = Shelf(20)
    cache = PrefixCache(shelf, 8)
    read(cache, shelf, list(range(40)))
    assert cache.reuse(range(40), logits=False) == 40
    assert cache.reuse(range(35), logits=False) == 35
    assert shelf.newest() == 34
    # Too far back for the window: all that is wanted is there, so nothing is given up.
    assert cache.reuse(range(10), logits=False) == 10
    assert len(cache.items) == 35
    assert cache.reuse([*range(10), 99], logits=False) == 0


SPELLING = {1: b"w", 2: b"i", 3: b"wi", 4: b"nd", 5: b"n", 6: b"d", 7: b"ind", 8: None, 9: b"x"}


@pytest.mark.parametrize(
    ("held", "wanted", "expected"),
    [
        ([8, 1, 7, 8], [8, 3, 4, 8, 9], [8, 1, 7, 8, 9]),  # w-ind for wi-nd
        ([8, 3, 5, 6, 3, 4], [8, 3, 4, 1, 2, 4, 8], [8, 3, 5, 6, 3, 4, 8]),  # twice
        ([8, 1, 2], [8, 3, 4], [8, 1, 2, 4]),  # up to where the cache ends
        ([8, 1, 7], [8, 3], [8, 3]),  # no common place
        ([1, 7], [3, 9], [3, 9]),  # other bytes
        ([1, 8], [3, 8], [3, 8]),  # special tokens spell nothing
        ([PICTURE, 1, 2], [PICTURE, 3, PICTURE], [PICTURE, 1, 2, PICTURE]),
        ([], [3], [3]),
    ],
)
def test_tokens_that_spell_the_same_are_kept(held, wanted, expected):
    assert adopt(held, wanted, SPELLING.get) == tuple(expected)


@given(*[st.lists(st.sampled_from([*SPELLING, PICTURE]))] * 2)
def test_adopting_changes_no_byte(held, wanted):
    def spelt(items):
        return b"".join(SPELLING.get(item) or str(item).encode() for item in items)

    adopted = adopt(held, wanted, SPELLING.get)
    assert spelt(adopted) == spelt(wanted)
    assert shared(held, adopted) >= shared(held, wanted)
    assert adopt(held, adopted, SPELLING.get) == adopted


def test_a_rollback_within_reach_of_the_window_is_taken():
    shelf = Shelf(20)
    cache = PrefixCache(shelf, 8)
    read(cache, shelf, list(range(40)))
    assert shelf.oldest() == 20
    assert read(cache, shelf, [*range(30), 99]) == 30


def test_a_rollback_beyond_it_starts_again():
    shelf = Shelf(20)
    cache = PrefixCache(shelf, 8)
    read(cache, shelf, list(range(40)))
    assert read(cache, shelf, [*range(28), 99]) == 0
    assert cache.items == (*range(28), 99)


def test_or_from_the_last_checkpoint_before_it():
    shelf = Shelf(20)
    cache = PrefixCache(shelf, 8)
    read(cache, shelf, list(range(100)), mark_at=(30, 50, 80))
    assert read(cache, shelf, [*range(60), 99]) == 50
    assert shelf.newest() == 60
    assert [checkpoint.count for checkpoint in cache.checkpoints] == [30, 50]
    assert read(cache, shelf, [*range(45), 98]) == 30


def test_checkpoints_stay_within_their_number_and_bytes():
    shelf = Shelf(20)
    cache = PrefixCache(shelf, 8, keep=3)
    read(cache, shelf, list(range(100)), mark_at=(10, 20, 30, 40))
    assert [checkpoint.count for checkpoint in cache.checkpoints] == [20, 30, 40]
    cache.mark(apart=61)
    assert len(cache.checkpoints) == 3
    cache.mark(apart=60)
    assert cache.checkpoints[-1].count == 100
    small = PrefixCache(Shelf(20), 8, limit=9)
    small.extend([1])
    small.mark()
    assert small.checkpoints == ()


def prompt(*words: str):
    return [Control("<bos>"), *(Plain(word) for word in words)]


def words(count: int, seed: int) -> str:
    vocabulary = ["window", "error", "disk", "milk", "note", "timer", "screen", "please", "open", "what"]
    return " ".join(np.random.default_rng(seed).choice(vocabulary, count))


@pytest.mark.parametrize("kind", ["text", "image", "sound"])
def test_warm_and_cold_logits_are_equal_far_beyond_the_window(open_session, kit, kind):
    """An earlier message is edited after 3,000 tokens: window 64, of which llama.cpp keeps 64 + 1152."""
    medium = {"text": Plain(words(70, 5)), "image": kit.picture(budget=140), "sound": kit.clip(4)}[kind]
    begin = [Control("<bos><|turn>user\n"), Plain(words(200, 0)), medium, Plain(words(250, 1))]
    first = [*begin, Plain(words(2000, 2)), Control("<turn|>\n")]
    edited = [*begin, Plain(words(300, 3)), Control("<turn|>\n")]
    warm = open_session()
    kit.logits_after(warm, first)
    assert warm.context.oldest() > 1000
    outcome = kit.run(warm, edited, max_tokens=0)
    got = warm.context.logits(-1).copy()
    reused = outcome.usage.reused_tokens
    cold = open_session()
    np.testing.assert_allclose(got, kit.logits_after(cold, edited), atol=2e-4)
    # Only a medium has left a checkpoint so far back.
    assert (reused == 0) == (kind == "text")


@pytest.mark.parametrize("back", [1, 40, 300])
def test_a_shorter_way_back_reuses_all_that_is_shared(open_session, kit, back):
    text = words(700, 0).split()
    warm, cold = open_session(), open_session()
    kit.run(warm, prompt(" ".join(text)), max_tokens=30)
    changed = prompt(" ".join(text[:-back]) + " and then something else")
    outcome = kit.run(warm, changed, max_tokens=0)
    items = warm.prompt(changed).items
    assert outcome.usage.evaluated_tokens == len(items) - shared(items, warm.prompt(prompt(" ".join(text))).items)
    np.testing.assert_allclose(warm.context.logits(-1), kit.logits_after(cold, changed), atol=2e-4)


def test_equal_splits_give_equal_bits(open_session, kit):
    """What the warm session had kept is read by the cold one in one go, the rest by both in the same slices."""
    shared_part = [Control("<bos>"), Plain(words(127, 0)), kit.picture(), kit.clip(1), Plain(words(100, 9))]
    warm, cold = open_session(), open_session()
    kit.run(warm, [*shared_part, Plain(" one")], max_tokens=20)
    kit.run(cold, [*shared_part, Plain(" one")], max_tokens=0)
    second = [*shared_part, Plain(" two " + words(300, 4))]
    warmed, cooled = kit.logits_after(warm, second), kit.logits_after(cold, second)
    np.testing.assert_array_equal(warmed, cooled)


def test_a_restored_checkpoint_gives_the_bits_of_a_session_that_stopped_there(open_session, kit):
    """The picture is exchanged 1,800 tokens later; both sessions read the rest in the same slices."""
    begin = [Control("<bos>"), Plain(words(400, 0))]
    warm, cold = open_session(), open_session()
    kit.run(warm, [*begin, kit.picture(), Plain(words(1800, 1))], max_tokens=5)
    assert warm.context.oldest() > 600
    exchanged = [*begin, kit.picture(seed=2), Plain(words(150, 3))]
    before = len(warm.prompt([*begin, Control("<|image>")]).items)
    assert kit.run(warm, exchanged, max_tokens=0).usage.reused_tokens == before
    kit.run(cold, [*begin, kit.picture(), Plain("x")], max_tokens=0)
    assert kit.run(cold, exchanged, max_tokens=0).usage.reused_tokens == before
    np.testing.assert_array_equal(warm.context.logits(-1), cold.context.logits(-1))
