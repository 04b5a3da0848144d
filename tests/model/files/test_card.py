"""The plan of cards, whose sizes are made up: properties of the arithmetic, and of a bundle's own sizes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.model.config import LocalConfig
from deskhand.model.errors import BundleError
from deskhand.model.files.card import MARGIN, NOTHING, Card, Sizes, cards_apart, offload, told
from deskhand.model.files.header import read_header
from deskhand.model.files.language import Language
from deskhand.model.files.memory import LEAST, fitted, largest_context, on_cards, plan, sizes
from deskhand.model.language.dialect import Plain
from deskhand.model.llama.native import Model, devices
from deskhand.model.llama.session import SLICE, SLICE_OFFLOADED, Session
from deskhand.model.tiny.bundle import TinySpec, cached_bundle

MIB = 1 << 20
LARGE = 1 << 50
SPEC = TinySpec(window=300, context_length=65_536)
BUNDLE = cached_bundle(SPEC)

amounts = st.integers(0, 1000)
made_up = st.builds(Sizes, st.lists(amounts, min_size=1, max_size=12).map(tuple), amounts, amounts, amounts, amounts)
free = st.lists(st.integers(0, 15_000), max_size=3)


def config(**changes) -> LocalConfig:
    settings = {"main": BUNDLE.main, "mmproj": BUNDLE.mmproj, "drafter": BUNDLE.drafter, "threads": 1}
    return LocalConfig(**{**settings, **changes})


def graphics(*rooms: int) -> list[Card]:
    return [Card(f"card {index}", room) for index, room in enumerate(rooms)]


def weighed(sizes: Sizes, split: tuple[int, ...]) -> list[int]:
    """Bytes by card of layers that are dealt out as llama.cpp does it (`llama-model.cpp`, get_layer_buft_list)."""
    layers = [*sizes.blocks, sizes.output][-sum(split) :] if sum(split) else []
    found, rest = [], iter(layers)
    found += [sum(next(rest) for _ in range(count)) for count in split]
    return found


@given(made_up, free, st.integers(0, 500))
def test_no_card_ever_holds_more_than_it_has(sizes, rooms, margin):
    found = offload(sizes, graphics(*rooms), margin=margin)
    if found is NOTHING:
        return
    held = weighed(sizes, found.split)
    held = [bytes_ + sizes.compute * (count > 0) for bytes_, count in zip(held, found.split, strict=True)]
    held[found.last] += sizes.drafter * found.drafter
    held[0] += sizes.projector * found.projector
    assert held == list(found.taken)
    for taken, room in zip(found.taken, rooms, strict=True):
        assert taken == 0 or taken <= room - margin


@given(made_up, free, st.data())
def test_more_room_never_means_fewer_layers(sizes, rooms, data):
    more = [room + data.draw(st.integers(0, 5000)) for room in rooms]
    less, found = offload(sizes, graphics(*rooms), margin=0), offload(sizes, graphics(*more), margin=0)
    assert found.layers >= less.layers
    assert found.drafter >= less.drafter


@given(made_up, st.integers(0, 15_000), st.integers(0, 5000))
def test_with_more_room_on_the_only_card_the_projector_stays_there(sizes, room, more):
    less, found = (offload(sizes, graphics(free), margin=0) for free in (room, room + more))
    assert found.projector >= less.projector


@given(made_up, free, st.integers(0, 14))
def test_no_more_layers_than_are_asked_for_and_no_fewer_than_fit(sizes, rooms, most):
    everything, found = (offload(sizes, graphics(*rooms), wanted, margin=0) for wanted in (None, most))
    assert found.layers == (min(most, everything.layers) if min(most, everything.layers) > 1 else 0)


@given(made_up, st.integers(0, 15_000))
def test_one_more_layer_would_not_have_fitted(sizes, room):
    found = offload(sizes, graphics(room), margin=0)
    layers = [sizes.output, *reversed(sizes.blocks)]
    if found.layers < len(layers):
        beside = sizes.compute + sizes.drafter
        assert beside + sum(layers[: max(2, found.layers + 1)]) > room


@given(made_up)
def test_all_goes_to_a_card_that_is_large_enough_and_nothing_to_none(sizes):
    found = offload(sizes, graphics(LARGE))
    assert found.layers == len(sizes.blocks) + 1
    assert found.blocks == len(sizes.blocks)
    assert found.projector is (sizes.projector > 0)
    assert offload(sizes, []) is NOTHING
    assert sum(offload(sizes, graphics(MARGIN)).taken) == 0


def test_a_card_that_is_too_small_for_a_layer_is_passed_over():
    sizes = Sizes((100, 100, 100), output=50, compute=10, drafter=20, projector=30)
    found = offload(sizes, graphics(60, 1000, 40), margin=0)
    assert (found.split, found.last, found.drafter) == ((0, 4, 0), 1, True)
    assert (found.projector, found.taken) == (True, (30, 380, 0))  # it lies on the first card
    assert not offload(sizes, graphics(29, 1000, 40), margin=0).projector


def test_the_layers_of_several_cards_follow_each_other():
    sizes = Sizes((100, 100, 100), output=50, compute=10, drafter=20)
    found = offload(sizes, graphics(230, 170), margin=0)
    assert (found.split, found.taken, found.last) == ((2, 1), (210, 80), 1)


def test_the_sizes_are_those_of_the_file_and_of_the_cache():
    wanted = config(context_length=4096, kv_type="f16")
    found, whole = sizes(wanted), plan(wanted)
    language = Language(read_header(BUNDLE.main))
    assert sum(found.blocks) - sum(language.blocks) == whole.full + whole.sliding
    assert sum(language.blocks) < whole.weights
    names = {tensor.name: tensor.size for tensor in read_header(BUNDLE.main).tensors}
    assert sum(language.blocks) == sum(size for name, size in names.items() if name.startswith("blk."))
    assert found.output == names.get("output.weight", names["token_embd.weight"]) + names["output_norm.weight"]


def test_what_lies_on_a_card_is_not_in_the_memory():
    wanted = config(context_length=4096, kv_type="f16")
    whole, found = plan(wanted), on_cards(wanted, graphics(LARGE))
    rest = plan(wanted, found)
    assert rest.full == rest.sliding == rest.drafter == rest.projector == 0
    language = Language(read_header(BUNDLE.main))
    assert rest.weights == whole.weights - sum(language.blocks) - language.moves
    assert rest.checkpoint == whole.checkpoint  # copies lie in the memory wherever the original is
    assert (rest.process, rest.compute) == (whole.process, whole.compute)


def test_without_a_card_the_plan_is_what_it_was():
    wanted = config(context_length=50_000)
    assert plan(wanted, on_cards(wanted, [])) == plan(wanted)
    fit = fitted(wanted, LARGE, cards=[])
    assert fit.offload is NOTHING
    assert fit == fitted(wanted, LARGE)
    assert not any(note.startswith("card:") for note in fit.notes)


def test_a_card_that_is_to_be_left_alone_is_left_alone():
    fit = fitted(config(gpu_layers=0), LARGE, cards=graphics(LARGE))
    assert fit.offload is NOTHING
    assert any(note.startswith("card: not used") for note in fit.notes)


def some(layers: int, length: int) -> int:
    """Bytes that a card must have for exactly so many layers of the bundle at a context length."""
    found = sizes(config(context_length=length, kv_type="f16"))
    parts = [found.output, *reversed(found.blocks)][:layers]
    return MARGIN + found.compute + found.drafter + sum(parts)


def test_as_many_layers_as_were_asked_for_or_it_is_said_that_fewer_fit():
    room = some(3, 8192)
    fit = fitted(config(gpu_layers=5), LARGE, cards=graphics(room))
    assert fit.offload.layers == 3
    assert "gpu_layers: 3 instead of 5: more do not fit the card" in fit.notes
    assert fitted(config(gpu_layers=2), LARGE, cards=graphics(room)).offload.layers == 2
    note = next(note for note in fit.notes if note.startswith("card: "))
    blocks = len(Language(read_header(BUNDLE.main)).blocks)
    assert note.startswith(f"card: 2 of {blocks} layers, the drafter, pictures and sound stay with the processor; 0.")
    assert note.endswith("GiB on card 0")


@pytest.mark.parametrize("room", [0, some(2, 8192), some(4, 8192), LARGE])
def test_a_card_makes_room_for_a_longer_context(room):
    wanted = config(context_length=60_000, kv_type="f16")
    small = plan(config(context_length=10_000, kv_type="f16"))
    available = small.loaded + small.checkpoint
    alone, beside = (largest_context(wanted, available, 0, cards) for cards in ([], graphics(room)))
    assert beside >= alone
    if room == LARGE:
        assert beside == SPEC.context_length
    fit = fitted(wanted, available, 0, graphics(room))
    assert plan(fit.config, fit.offload).loaded + small.checkpoint <= available
    assert sum(fit.offload.taken) <= max(0, room - MARGIN)
    assert LEAST <= fit.config.context_length <= 60_000


def test_q8_0_is_not_needed_where_a_card_holds_the_cache():
    wanted = config(context_length=60_000)
    free = plan(config(context_length=10_000, kv_type="f16")).loaded
    assert fitted(wanted, free, 0).config.kv_type == "q8_0"
    fit = fitted(wanted, free, 0, graphics(LARGE))
    assert (fit.config.kv_type, fit.config.context_length) == ("f16", 60_000)


def test_what_fits_neither_is_refused_with_all_amounts():
    beside = r"\(besides 0\.0 GiB of the 0\.1 GiB free on the card\)"
    with pytest.raises(BundleError, match=rf"needs 0\.\d GiB of memory {beside} and 0\.0 GiB are free\. "):
        fitted(config(), 10 * MIB, margin=100 * MIB, cards=graphics(100 * MIB))


def test_words_for_several_cards_and_for_none():
    sizes = Sizes((1 << 30, 1 << 30), output=1 << 29, compute=0)
    cards = graphics(3 << 30, 4 << 30)
    assert told(offload(sizes, cards, margin=0), sizes, cards) == "card: 2 of 2 layers; 2.5 of 4.0 GiB on card 1"
    assert told(NOTHING, sizes, cards) == "card: not used; 3.0 GiB free on card 0, 4.0 GiB free on card 1"
    assert told(NOTHING, sizes, []) == ""


def test_the_machines_cards_are_the_same_from_outside():
    assert [card.name for card in cards_apart()] == [device.name for device in devices()]


def test_where_llama_cpp_can_not_be_asked_there_is_no_card(monkeypatch):
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    assert cards_apart() == ()


def test_a_session_does_what_the_plan_says_and_answers(kit, monkeypatch):
    """llama.cpp is built for the processor where this runs: it takes the layers' numbers and has no card for them."""
    asked: list[tuple[str, int, tuple[int, ...]]] = []
    loaded = Model.__init__

    def load(self, path, gpu_layers=0, split=(), loading=None) -> None:
        asked.append((path.name, gpu_layers, tuple(split)))
        loaded(self, path, gpu_layers, split, loading)

    monkeypatch.setattr(Model, "__init__", load)
    session = Session(config(context_length=4096), graphics=graphics(0, LARGE))
    layers = len(Language(read_header(BUNDLE.main)).blocks) + 1
    assert asked == [(BUNDLE.main.name, layers, (0, layers)), (BUNDLE.drafter.name, -1, (0, 1))]
    assert session._slice == SLICE_OFFLOADED
    assert any(note.startswith(f"card: {layers - 1} of {layers - 1} layers, the drafter") for note in session.notes)
    assert kit.run(session, [Plain("What is this? "), kit.picture(), Plain("Say it.")], max_tokens=4).text
    session.close()
    asked.clear()
    session = Session(config(context_length=4096, gpu_layers=0), graphics=graphics(LARGE))
    assert asked == [(BUNDLE.main.name, 0, ()), (BUNDLE.drafter.name, 0, ())]
    assert session._slice == SLICE
    session.close()
