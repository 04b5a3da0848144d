import numpy as np
import pytest

from deskhand.model.errors import BundleError, PromptError
from deskhand.model.language.dialect import Control, Plain
from deskhand.model.llama.cache import Span
from deskhand.model.llama.media import Projector
from deskhand.model.llama.native import Model
from deskhand.model.llama.session import Session
from deskhand.model.tiny.bundle import TinySpec, cached_bundle
from deskhand.model.types import BUDGETS, Audio, Image

HEAD, TAIL = Control("<bos><|turn>user\n"), Control("<turn|>\n<|turn>model\n")


@pytest.fixture
def session(open_session):
    return open_session()


def spans(session, *media):
    return [item for item in session.prompt([HEAD, *media, TAIL]).items if isinstance(item, Span)]


@pytest.mark.parametrize("budget", BUDGETS)
def test_a_screenshot_takes_the_references_tokens_at_every_budget(session, kit, budget):
    (span,) = spans(session, kit.picture(1920, 1080, budget))
    expected = dict(zip(BUDGETS, (66, 120, 264, 527, 1100), strict=True))[budget]
    assert span.tokens == span.positions == expected
    usage = kit.run(session, [HEAD, kit.picture(1920, 1080, budget), TAIL], max_tokens=1).usage
    assert usage.image_tokens == expected
    assert usage.evaluated_tokens == usage.prompt_tokens > expected + 2


def test_media_stand_between_their_own_markers(session, kit):
    items = session.prompt([HEAD, kit.picture(), kit.clip(1), TAIL]).items
    model = session.model
    for kind in ("image", "audio"):
        at = [index for index, item in enumerate(items) if isinstance(item, Span) and item.kind == kind]
        assert at == list(range(at[0], at[0] + (1 if kind == "image" else 25)))
        assert model.piece(items[at[0] - 1]) == f"<|{kind}>".encode()
        assert model.piece(items[at[-1] + 1]) == f"<{kind}|>".encode()


@pytest.mark.parametrize(
    "medium",
    [
        Image(bytes(3), 1, 1, 70),
        Image(bytes(3 * 5000), 5000, 1, 70),
        Audio(b""),
        Audio(np.float32(0.5).tobytes()),
        Audio(np.full(16_000, np.nan, "<f4").tobytes()),
    ],
    ids=["one pixel", "one line", "no sample", "one sample", "NaN"],
)
def test_the_smallest_media_are_read(session, kit, medium):
    outcome = kit.run(session, [HEAD, medium, Plain("?"), TAIL])
    assert outcome.text
    assert np.isfinite(session.context.logits(-1)).all()


def test_a_200_megapixel_picture_is_read(session, kit):
    image = Image(bytes([90]) * (20_000 * 10_000 * 3), 20_000, 10_000, 70)
    outcome = kit.run(session, [HEAD, image, TAIL])
    assert 0 < outcome.usage.image_tokens <= 70
    assert outcome.text


def test_ten_minutes_of_sound_are_cut_and_counted_and_do_not_fit(session, open_session, kit):
    long = kit.clip(600)
    with pytest.raises(PromptError, match=r"takes 15\d\d\d tokens and this engine holds 4096"):
        kit.run(session, [HEAD, long, TAIL])
    assert kit.run(session, [HEAD, kit.clip(1), TAIL]).text
    large = open_session(context_length=16_384)
    assert sum(span.tokens for span in spans(large, long)) == 15_000
    assert all(span.tokens <= 750 for span in spans(large, long))


def test_logits_depend_on_every_medium(session, kit):
    def after(image, audio):
        return kit.logits_after(session, [HEAD, image, Plain("and"), audio, TAIL])

    base = after(kit.picture(seed=1), kit.clip(2, seed=1))
    assert np.abs(after(kit.picture(seed=2), kit.clip(2, seed=1)) - base).max() > 1e-3
    assert np.abs(after(kit.picture(seed=1), kit.clip(2, seed=2)) - base).max() > 1e-3
    np.testing.assert_array_equal(after(kit.picture(seed=1), kit.clip(2, seed=1)), base)


def test_a_picture_is_encoded_once_however_often_it_is_evaluated(session, kit):
    kit.run(session, [HEAD, kit.picture(), kit.clip(1), TAIL])
    session.cache.clear()
    outcome = kit.run(session, [HEAD, Plain("again"), kit.picture(), kit.clip(1), TAIL])
    assert outcome.usage.reused_tokens == 0
    assert session.projector.encodes == 1 + 25
    kit.run(session, [HEAD, kit.picture(budget=140), TAIL])
    assert session.projector.encodes == 2 + 25


def test_embeddings_are_kept_within_their_bytes(session, kit):
    projector = session.projector
    projector._limit = 80 * 128 * 4  # one picture of at most 70 tokens
    for seed in range(3):
        kit.run(session, [HEAD, kit.picture(seed=seed), TAIL], max_tokens=1)
    assert len(projector._embeddings) == 1
    kit.run(session, [HEAD, kit.picture(seed=0), Plain("?"), TAIL], max_tokens=1)
    assert projector.encodes == 4


def test_an_image_is_one_block_whatever_the_slices(session, open_session, kit):
    """Its tokens attend to each other in both directions, so that cutting it would change what follows."""
    pieces = [HEAD, kit.picture(1920, 1080, 1120), TAIL]
    large = kit.logits_after(session, pieces)
    other = open_session()
    other._slice = 7
    np.testing.assert_allclose(kit.logits_after(other, pieces), large, atol=2e-4)


def test_a_model_without_a_projector_says_what_is_missing(open_session, kit):
    session = open_session(mmproj=None)
    for medium in (kit.picture(), kit.clip(1)):
        with pytest.raises(PromptError, match="no mmproj file"):
            kit.run(session, [HEAD, medium, TAIL])
    assert kit.run(session, [HEAD, Plain("hello"), TAIL]).text


def test_another_models_projector_is_refused_in_words(kit):
    other = cached_bundle(TinySpec(hidden=160, drafter_hidden=128))
    with pytest.raises(BundleError, match="belongs to another model"):
        Session(kit.tiny_config(mmproj=other.mmproj))
    model = Model(cached_bundle(TinySpec()).main)
    with pytest.raises(BundleError, match=r"does not work with main\.gguf: [^\n]+$"):
        Projector(other.mmproj, model, 1, 560)
    model.close()
