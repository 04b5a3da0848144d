"""Weights that compute NaN: the answer ends with a sentence, and the engine goes on."""

import shutil

import gguf
import numpy as np
import pytest

from deskhand.model.errors import ModelError
from deskhand.model.language.dialect import Control, Grammar, Plain
from deskhand.model.llama.sampling import NumbersError, Sampler
from deskhand.model.tiny.bundle import TinySpec, cached_bundle
from deskhand.model.types import Sampling

HEAD, TAIL = Control("<bos><|turn>user\n"), Control("<turn|>\n<|turn>model\n")
PROMPT = [HEAD, Plain("What is on the screen?"), TAIL]
WAYS = [Sampling(temperature=0), Sampling(temperature=1, seed=1), Sampling(temperature=50, top_k=0, top_p=1)]


@pytest.fixture
def poisoned(tmp_path):
    """Makes a copy of the tiny model in which a row of a tensor, or all of it, is no number."""

    def poison(tensor, row=None, value=np.nan):
        path = tmp_path / f"{tensor}-{row}.gguf"
        shutil.copyfile(cached_bundle(TinySpec()).main, path)
        (found,) = (each for each in gguf.GGUFReader(path, "r+").tensors if each.name == tensor)
        found.data[... if row is None else row] = value
        found.data.flush()
        return path

    return poison


@pytest.mark.parametrize("sampling", WAYS, ids=str)
@pytest.mark.parametrize(("value", "drafts"), [(np.nan, False), (np.nan, True), (np.inf, True)])
def test_a_damaged_model_says_so_every_time(open_session, kit, poisoned, sampling, value, drafts):  # noqa: PLR0917
    drafter = cached_bundle(TinySpec()).drafter if drafts else None
    session = open_session(main=poisoned("output_norm.weight", value=value), drafter=drafter)
    for _ in range(2):
        with pytest.raises(ModelError, match="models verify"):
            kit.run(session, PROMPT, sampling=sampling)
        assert session.cache.items == ()
        assert session.context.newest() == -1


@pytest.mark.parametrize("sampling", WAYS, ids=str)
def test_one_damaged_row_of_the_output_is_found(open_session, kit, poisoned, sampling):
    session = open_session(main=poisoned("output.weight", row=700))
    with pytest.raises(NumbersError):
        kit.run(session, PROMPT, sampling=sampling)


@pytest.mark.parametrize("drafts", [True, False])
@pytest.mark.parametrize("grammar", [None, Grammar('root ::= [^"]*')], ids=["free", "constrained"])
def test_what_turns_up_in_the_middle_ends_there_and_harms_nothing_else(open_session, kit, poisoned, drafts, grammar):
    """The embedding of one token is damaged: until the model writes it, all is well."""
    whole = open_session()
    kit.run(whole, PROMPT, max_tokens=12)
    token = whole.cache.items[-4]
    drafter = cached_bundle(TinySpec()).drafter if drafts else None
    session = open_session(main=poisoned("token_embd.weight", row=token), drafter=drafter)
    if drafts:
        kit.always_draft(session)
    other = [HEAD, Plain("Tell me."), TAIL]
    begun = kit.run(session, PROMPT, max_tokens=3, grammar=grammar).text
    assert begun == kit.run(whole, PROMPT, max_tokens=3, grammar=grammar).text
    with pytest.raises(NumbersError):
        kit.run(session, PROMPT, max_tokens=12, grammar=grammar)
    assert session.cache.items == ()
    assert kit.run(session, other, max_tokens=2).text == kit.run(whole, other, max_tokens=2).text


def test_logits_of_nothing_but_minus_infinity_are_refused(open_session, kit):
    session = open_session()
    for sampling in WAYS:
        kit.logits_after(session, PROMPT)
        session.context.logits(-1)[:] = -np.inf
        sampler = Sampler(session.model, sampling)
        with pytest.raises(NumbersError):
            sampler.sample(session.context, -1)
        sampler.close()


def test_a_first_token_that_may_not_be_written_is_no_fault(open_session, kit):
    session = open_session()
    kit.logits_after(session, PROMPT)
    session.context.logits(-1)[0] = -np.inf
    sampler = Sampler(session.model, Sampling(temperature=0))
    assert sampler.sample(session.context, -1) == session.context.likeliest(-1)
    sampler.close()
