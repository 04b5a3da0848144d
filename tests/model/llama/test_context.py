import pytest

from deskhand.model.llama.context import Context, DecodeError
from deskhand.model.llama.native import Model
from deskhand.model.tiny.bundle import TinySpec, cached_bundle


@pytest.fixture
def model():
    model = Model(cached_bundle(TinySpec()).main)
    yield model
    model.close()


def test_what_would_abort_is_an_error(model):
    context = Context(model, length=512, batch=1152, outputs=2, kv_type="f16", flash_attention=None, threads=1)
    try:
        for tokens, outputs in (([], 0), ([5] * 1153, 0), ([5] * 4, 3)):
            with pytest.raises(DecodeError):
                context.decode(tokens, 0, outputs)
        with pytest.raises(DecodeError):
            context.decode([5] * 600, 0, 0)
        context.decode([5, 6], 0, 1)
        with pytest.raises(DecodeError, match="no logits"):
            context.logits(0)
        assert context.logits(1).shape == (model.vocab_size,)
    finally:
        context.close()
        context.close()
