"""The depth of drafting under made costs and acceptances: what is asserted is the decision and its made time."""

import random

import pytest

from deskhand.model.llama.depth import Depth

# Time of a batch of 1, 2, … tokens in that of one, and of a draft step.
BANDWIDTH = ([1.0, 1.0, 1.02, 1.05, 1.1], 0.05)
TWO_CORES = ([1.0, 1.89, 2.25, 2.08, 3.02], 0.04)  # ENGINE.md §11
COMPUTE = ([1.0, 1.9, 2.8, 3.7, 4.6], 0.1)
MACHINES = {"bandwidth": BANDWIDTH, "two cores": TWO_CORES, "compute": COMPUTE}
ACCEPTANCES = (0.0, 0.3, 0.6, 0.9)
MOST = 4


def write(depth, machine, acceptance, tokens, *, chance, noise=0.0):
    """Made time of so many tokens, and how many were drafted."""
    costs, step = machine
    took = written = drafted = 0
    while written < tokens:
        wanted = depth.next()
        accepted = 0
        while accepted < wanted and chance.random() < acceptance:
            accepted += 1
        busy = 10.0 if chance.random() < noise else 1.0
        drafting, verifying = busy * wanted * step, busy * costs[wanted]
        depth.learn(wanted, accepted, drafting, verifying)
        took += (drafting + verifying) / busy
        drafted += wanted
        written += 1 + accepted
    return took / written, drafted


def best(machine, acceptance):
    """Time of a token with the depth that an all-knowing chooser would take."""
    costs, step = machine
    return min((costs[n] + n * step) / sum(acceptance**k for k in range(n + 1)) for n in range(MOST + 1))


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("acceptance", ACCEPTANCES)
@pytest.mark.parametrize("noise", [0.0, 0.2], ids=["quiet", "busy"])
def test_it_is_never_slower_than_without_and_close_to_the_best(machine, acceptance, noise):
    for seed in range(3):
        depth, chance = Depth(MOST), random.Random(seed)
        write(depth, MACHINES[machine], acceptance, 200, chance=chance, noise=noise)  # an answer to learn from
        took, _ = write(depth, MACHINES[machine], acceptance, 3000, chance=chance, noise=noise)
        assert took < 1 / 0.98
        assert took < 1.08 * best(MACHINES[machine], acceptance)


def test_learning_costs_little():
    for machine in MACHINES.values():
        took, drafted = write(Depth(MOST), machine, 0.0, 400, chance=random.Random(0))
        assert took < 1.1
        assert drafted < 60


@pytest.mark.parametrize(
    ("machine", "acceptance", "wanted"),
    [
        (BANDWIDTH, 0.9, {4}),
        (BANDWIDTH, 0.0, {0}),
        (TWO_CORES, 0.9, {3}),  # three cost less than two
        (TWO_CORES, 0.3, {0}),
        (COMPUTE, 0.6, {0}),
        (COMPUTE, 0.9, {0}),
    ],
)
def test_the_depth_is_that_of_the_machine_and_the_text(machine, acceptance, wanted):
    depth, chance = Depth(MOST), random.Random(1)
    write(depth, machine, acceptance, 600, chance=chance)
    taken = [0] * (MOST + 1)
    for _ in range(300):
        now = depth.next()
        taken[now] += 1
        accepted = 0
        while accepted < now and chance.random() < acceptance:
            accepted += 1
        depth.learn(now, accepted, now * machine[1], machine[0][now])
    assert {taken.index(max(taken))} == wanted


def test_it_switches_off_and_back_on():
    depth, chance = Depth(MOST), random.Random(2)
    write(depth, BANDWIDTH, 0.9, 200, chance=chance)
    assert depth.next() == 4
    write(depth, BANDWIDTH, 0.0, 200, chance=chance)
    assert depth.next() == 0
    _, drafted = write(depth, BANDWIDTH, 0.0, 1000, chance=chance)
    assert 0 < drafted <= 1000 // 32 + 1
    write(depth, BANDWIDTH, 0.9, 200, chance=chance)
    assert depth.next() == 4


def test_a_cost_once_seen_is_not_asked_again():
    """The next answer begins with what the last one learnt."""
    depth, chance = Depth(MOST), random.Random(3)
    write(depth, COMPUTE, 0.9, 300, chance=chance)
    _, drafted = write(depth, COMPUTE, 0.9, 200, chance=chance)
    assert drafted <= 6


def test_a_cost_that_has_changed_is_learnt():
    """As when a conversation grows long, or another program has left the processor."""
    depth, chance = Depth(MOST), random.Random(4)
    write(depth, COMPUTE, 0.9, 300, chance=chance)
    assert depth.next() == 0
    write(depth, BANDWIDTH, 0.9, 1500, chance=chance)
    assert depth.next() >= 3


def test_drafts_before_anything_is_known_and_times_of_nothing_do_no_harm():
    depth = Depth(MOST)
    for accepted in (2, 0, 1):
        depth.learn(2, accepted, 0.0, 0.0)
    assert depth.next() == 0
    for _ in range(3):
        depth.learn(0, 0, 0.0, 0.0)
    assert 0 <= depth.next() <= MOST


def test_zero_never_drafts():
    depth = Depth(0)
    for _ in range(100):
        assert depth.next() == 0
        depth.learn(0, 0, 0.0, 1.0)
