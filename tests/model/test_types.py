"""What usage says of drafting."""

import pytest

from deskhand.model.types import Usage


def test_nothing_taken_has_no_rates():
    assert (Usage().acceptance, Usage().tokens_per_step) == (0.0, 0.0)


def test_rates_of_a_turn_are_those_of_its_generations_together():
    one = Usage(completion_tokens=10, drafted=8, accepted=6, forced=2, steps=2)
    two = Usage(completion_tokens=2, drafted=2, accepted=0, steps=2)
    both = one + two
    assert one.acceptance == pytest.approx(0.75)
    assert both.acceptance == pytest.approx(0.6)
    assert both.tokens_per_step == pytest.approx(3.0)
    assert (both.forced, both.steps) == (2, 4)
