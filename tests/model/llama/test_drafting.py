import dataclasses

import numpy as np
import pytest

from deskhand.model.errors import BundleError
from deskhand.model.language.dialect import Control, Grammar, Plain
from deskhand.model.llama.session import Session
from deskhand.model.llama.writing import Writing
from deskhand.model.tiny.bundle import TinySpec, cached_bundle
from deskhand.model.types import Sampling

SPECS = [TinySpec(seed=seed, drafter_agreement=agreement) for seed, agreement in ((0, 1.0), (1, 0.6), (2, 0.0))]


def prompt(kit, seed=0):
    return [
        Control("<bos><|turn>user\n"),
        kit.picture(seed=seed),
        Plain(f"What do you see and hear, number {seed}?"),
        kit.clip(1, seed=seed),
        Control("<turn|>\n<|turn>model\n"),
    ]


def drafting(spec: TinySpec, **changes):
    return {"spec": spec, "drafter": cached_bundle(spec).drafter, **changes}


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"agreement {spec.drafter_agreement}")
def test_greedy_text_is_the_same_with_and_without(open_session, kit, spec):
    without, with_drafter = open_session(spec), kit.always_draft(open_session(**drafting(spec)))
    for seed in range(3):
        expected = kit.run(without, prompt(kit, seed), max_tokens=120)
        outcome = kit.run(with_drafter, prompt(kit, seed), max_tokens=120)
        assert outcome.text == expected.text
        assert outcome.usage.completion_tokens == expected.usage.completion_tokens == 120
        assert outcome.usage.drafted > 0
        assert expected.usage.drafted == 0


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"agreement {spec.drafter_agreement}")
def test_sampled_text_is_the_same_with_and_without(open_session, kit, spec):
    """Each row is drawn from the target's own distribution with the same random numbers, so nothing can shift."""
    without, with_drafter = open_session(spec), kit.always_draft(open_session(**drafting(spec)))
    for seed in range(3):
        sampling = Sampling(temperature=2, top_p=1, seed=seed)
        expected = kit.run(without, prompt(kit), sampling=sampling, max_tokens=80)
        assert kit.run(with_drafter, prompt(kit), sampling=sampling, max_tokens=80).text == expected.text


def test_constrained_text_is_the_same_with_and_without(open_session, kit):
    grammar = Grammar('root ::= ([a-z ]{1,12} [.,!] " "?)+')
    without, with_drafter = open_session(SPECS[0]), kit.always_draft(open_session(**drafting(SPECS[0])))
    expected = kit.run(without, prompt(kit), grammar=grammar, max_tokens=100)
    outcome = kit.run(with_drafter, prompt(kit), grammar=grammar, max_tokens=100)
    assert outcome.text == expected.text
    assert outcome.usage.drafted > 0


def test_a_good_drafter_saves_steps(open_session, kit):
    usage = kit.run(kit.always_draft(open_session(**drafting(SPECS[0]))), prompt(kit), max_tokens=200).usage
    assert usage.accepted > 0.75 * usage.drafted
    assert usage.accepted > 100


def test_a_bad_drafter_is_left_alone(open_session, kit):
    session = open_session(**drafting(SPECS[2]))
    first, second = (kit.run(session, prompt(kit), max_tokens=200).usage for _ in range(2))
    assert 0 < first.drafted < 60
    assert second.drafted < 20
    assert session.drafter.depth.acceptance < 0.2


def test_the_cache_holds_what_was_confirmed_and_no_more(open_session, kit):
    """The next turn goes on where a drafted one ended; its logits are those of a session that never drafted."""
    without, with_drafter = open_session(SPECS[1]), kit.always_draft(open_session(**drafting(SPECS[1])))
    first = kit.run(without, prompt(kit), max_tokens=60)
    assert kit.run(with_drafter, prompt(kit), max_tokens=60).text == first.text
    assert with_drafter.cache.items == without.cache.items
    assert with_drafter.context.newest() == with_drafter.cache.position - 1
    second = [*prompt(kit), Plain(first.text), Control("<turn|>\n<|turn>user\n"), Plain("And now?")]
    assert kit.run(with_drafter, second).text == kit.run(without, second).text


def test_never_drafts_past_the_limit_or_the_context(open_session, kit):
    session = kit.always_draft(open_session(**drafting(SPECS[0], context_length=256, mmproj=None)))
    begin = [Control("<bos>"), Plain("What?")]
    for limit in range(1, 9):
        outcome = kit.run(session, begin, max_tokens=limit)
        assert outcome.usage.completion_tokens == limit
        assert outcome.reason == "length"
    full = kit.run(session, begin, max_tokens=10_000)
    assert full.reason == "length"
    assert session.cache.position == session.context.length
    assert kit.run(session, begin, max_tokens=5).usage.completion_tokens == 5


def test_depth_zero_never_drafts(open_session, kit):
    session = open_session(**drafting(SPECS[0], draft_depth=0))
    assert session.drafter is None
    assert kit.run(session, prompt(kit)).usage.drafted == 0


@pytest.mark.parametrize(
    "change",
    [{"hidden": 160, "drafter_hidden": 128}, {"head_dim": 32}, {"head_dim_swa": 64}, {"kv_heads": 4}, {"vocab": 700}],
    ids=str,
)
def test_a_foreign_drafter_is_refused_in_words(kit, change):
    """Most of these would abort the process."""
    other = dataclasses.replace(SPECS[0], **change)
    config = kit.tiny_config(SPECS[0], drafter=cached_bundle(other).drafter)
    with pytest.raises(BundleError, match=r"does not fit|another model|knows 700"):
        Session(config)


def test_a_model_is_no_drafter(kit):
    config = kit.tiny_config(SPECS[0], drafter=cached_bundle(SPECS[0]).main)
    with pytest.raises(BundleError, match="not its drafter file"):
        Session(config)


def sampled(kit, session, seeds, **options):
    """Three tokens for each seed, as ids, after a picture and sound."""
    drawn = []
    for seed in seeds:
        usage = kit.run(session, prompt(kit), sampling=Sampling(seed=seed, **options), max_tokens=4).usage
        assert usage.completion_tokens == 4
        drawn.append(session.cache.items[-3:])
    return drawn


def test_sampled_answers_have_the_same_distribution_with_and_without(open_session, kit):
    """Fisher's question, answered by shuffling: is which session an answer came from told by the answer?

    400 seeds without a drafter against 400 other seeds with one. The statistic is chi-square over the answers' three
    tokens together and each alone; under the null hypothesis it lies below the largest of 400 shuffles with a chance of
    400/401, so the test with these fixed seeds fails wrongly only once for one in 400 ways to choose them.
    """
    spec = TinySpec(seed=3, vocab=512, drafter_agreement=0.6)
    hot = {"temperature": 1.5, "top_k": 6, "top_p": 1.0}
    without, with_drafter = open_session(spec), kit.always_draft(open_session(**drafting(spec)))
    one = sampled(kit, without, range(400), **hot)
    two = sampled(kit, with_drafter, range(10_000, 10_400), **hot)
    chance = np.random.default_rng(0)
    for places in ((0,), (1,), (2,), (0, 1, 2)):
        answers = [tuple(answer[place] for place in places) for answer in (*one, *two)]
        known = {answer: index for index, answer in enumerate(dict.fromkeys(answers))}
        kinds = np.array([known[answer] for answer in answers])
        assert len(known) > 3
        measured = apart(kinds)
        shuffled = [apart(chance.permutation(kinds)) for _ in range(400)]
        assert measured <= max(shuffled), places


def apart(kinds):
    """Chi-square of the first half against the second."""
    half = len(kinds) // 2
    left, right = (np.bincount(part, minlength=kinds.max() + 1) for part in (kinds[:half], kinds[half:]))
    return float(((left - right) ** 2 / (left + right)).sum())


def test_the_test_of_distributions_sees_a_wrong_acceptance(open_session, kit, monkeypatch):
    """Accepting every proposal, as a careless sampler might, is found out."""
    spec = TinySpec(seed=3, vocab=512, drafter_agreement=0.6)
    hot = {"temperature": 1.5, "top_k": 6, "top_p": 1.0}
    without, careless = open_session(spec), kit.always_draft(open_session(**drafting(spec)))
    one = sampled(kit, without, range(150), **hot)

    def take_all(self, draft, room):
        self._queue = self._choose(len(draft), room - len(draft))
        return [*draft, *self._queue]

    monkeypatch.setattr(Writing, "_verify", take_all)
    two = sampled(kit, careless, range(10_000, 10_150), **hot)
    answers = [answer[1] for answer in (*one, *two)]
    known = {answer: index for index, answer in enumerate(dict.fromkeys(answers))}
    kinds = np.array([known[answer] for answer in answers])
    chance = np.random.default_rng(0)
    assert apart(kinds) > max(apart(chance.permutation(kinds)) for _ in range(400))
