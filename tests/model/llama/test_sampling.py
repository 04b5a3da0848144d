from collections import Counter

import numpy as np
import pytest

from deskhand.model.errors import PromptError
from deskhand.model.language.dialect import Control, Grammar, Plain
from deskhand.model.llama.sampling import DeadEndError, Sampler
from deskhand.model.types import Sampling

GEMMA = Sampling()
PROMPT = [Control("<bos>"), Plain("What is on the screen?")]


@pytest.fixture
def session(open_session, kit):
    session = open_session()
    kit.logits_after(session, PROMPT)
    return session


@pytest.fixture
def draw(session):
    """Draws from the last row's logits."""

    def draw(sampling=GEMMA, grammar=None, times=1):
        sampler = Sampler(session.model, sampling, grammar)
        try:
            return [sampler.sample(session.context, -1) for _ in range(times)]
        finally:
            sampler.close()
            sampler.close()

    return draw


def test_greedy_takes_the_likeliest_that_may_be_written(session, draw):
    logits = session.context.logits(-1)
    order = [int(token) for token in np.argsort(logits)[::-1] if int(token) not in session.model.suppressed]
    assert draw(Sampling(temperature=0)) == order[:1]


def test_the_same_seed_gives_the_same_tokens(draw):
    hot = {"temperature": 3.0, "top_p": 1.0}
    assert draw(Sampling(seed=7, **hot), times=20) == draw(Sampling(seed=7, **hot), times=20)
    assert draw(Sampling(seed=7, **hot), times=20) != draw(Sampling(seed=8, **hot), times=20)


@pytest.mark.parametrize("seed", [-1, 2**32 - 1, 2**40])
def test_any_integer_is_a_seed(draw, seed):
    assert draw(Sampling(seed=seed), times=5) == draw(Sampling(seed=seed), times=5)


def test_sampling_follows_the_models_distribution(session, draw):
    """10,000 draws against softmax over the 16 likeliest at temperature 2."""
    logits = session.context.logits(-1).astype(float).copy()
    logits[list(session.model.suppressed)] = -np.inf
    top = np.argsort(logits)[::-1][:16]
    expected = np.exp((logits[top] - logits[top[0]]) / 2)
    expected /= expected.sum()
    drawn = Counter(draw(Sampling(temperature=2, top_p=1, top_k=16), times=10_000))
    measured = np.array([drawn[int(token)] for token in top]) / 10_000
    assert sum(drawn.values()) == 10_000
    assert np.abs(measured - expected).sum() < 0.05


def test_suppressed_tokens_are_never_drawn(session, draw):
    sampling = Sampling(temperature=1000, top_p=1, top_k=0)
    assert not {*draw(sampling, times=5000)} & {*session.model.suppressed}


def test_a_grammar_holds_token_after_token(session, kit):
    for sampling in (Sampling(temperature=0), Sampling(temperature=5, top_k=0, top_p=1, seed=3)):
        grammar = Grammar('root ::= "{" [a-z]{3} ": " [0-9]+ "}"')
        outcome = kit.run(session, PROMPT, grammar=grammar, sampling=sampling, max_tokens=200)
        text = outcome.text
        assert text.startswith("{")
        assert text[1:4].isalpha()
        assert outcome.reason == "length" or text.endswith("}")


def test_a_finished_grammar_ends_the_answer(session, kit):
    outcome = kit.run(session, PROMPT, grammar=Grammar('root ::= "yes" | "no"'), max_tokens=50)
    assert outcome.text in ("yes", "no")
    assert outcome.reason == "stop"


def test_a_lazy_grammar_waits_for_its_trigger(session, kit):
    model = session.model
    grammar = Grammar('root ::= <|tool_call> "call:" [a-z]+ <tool_call|>', trigger="<|tool_call>")
    free = kit.run(session, PROMPT, max_tokens=12)
    assert kit.run(session, PROMPT, grammar=grammar, max_tokens=12).text == free.text
    sampler = Sampler(model, Sampling(temperature=0), grammar)
    trigger = model.special_token("<|tool_call>")
    kit.logits_after(session, PROMPT)
    logits = session.context.logits(-1)
    logits[trigger] = 100
    assert sampler.sample(session.context, -1) == trigger
    logits[trigger] = -100
    after = b"".join(model.piece(sampler.sample(session.context, -1)) for _ in range(4))
    assert b"call:".startswith(after[:5])
    sampler.close()


@pytest.mark.parametrize(
    "gbnf", ["", " ", "nonsense", "root ::= other", "rool ::= [a]", "root ::= root", 'root ::= "a']
)
def test_what_is_no_grammar_is_refused_in_words(draw, gbnf):
    with pytest.raises(PromptError, match="can't be turned into a grammar"):
        draw(grammar=Grammar(gbnf))


def test_a_grammar_that_does_not_begin_with_its_trigger_is_refused(draw):
    # llama.cpp would abort the process when the model writes the trigger.
    with pytest.raises(PromptError, match="does not begin with"):
        draw(grammar=Grammar('root ::= "other"', trigger="<|tool_call>"))


def test_a_grammar_that_nothing_fits_ends_the_answer(session, draw, kit):
    impossible = Grammar("root ::= <|image|>")  # suppressed
    with pytest.raises(DeadEndError):
        draw(grammar=impossible)
    outcome = kit.run(session, PROMPT, grammar=impossible)
    assert (outcome.text, outcome.reason) == ("", "stop")
    assert kit.run(session, PROMPT).text
