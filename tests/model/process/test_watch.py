"""What shows that an engine moves on, and from when on one that does not counts as hung: on a clock of our own."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from deskhand.model.language.dialect import Plain
from deskhand.model.llama.local import LocalEngine
from deskhand.model.process import wire
from deskhand.model.process.pulse import DISK, Pulse
from deskhand.model.process.watch import MOST_GENEROUS, Patience, Watch
from deskhand.model.types import Finish, Message, Request, Sampling, Text, ToolSpec


@dataclass
class Time:
    """A clock and a disk that stand still until they are moved."""

    now: float = 100.0
    fetched: int = 0

    def pulse(self) -> Pulse:
        return Pulse(lambda: self.now, lambda: self.fetched)


def beat(pulse: Pulse) -> wire.Beat:
    (made,) = pulse.beats()
    return made


def test_a_worker_with_nothing_to_do_has_no_beat() -> None:
    pulse = Time().pulse()
    assert list(pulse.beats()) == []
    pulse.begin("loading")
    assert list(pulse.beats()) == [wire.Beat("loading", 0.0, 0.0)]
    pulse.rest()
    assert list(pulse.beats()) == []


def test_a_look_at_the_event_shows_that_it_moves_on_and_pauses_are_remembered_by_activity() -> None:
    time = Time()
    pulse = time.pulse()
    pulse.begin("reading")
    time.now += 30
    assert beat(pulse) == wire.Beat("reading", 30.0, 0.0)
    assert not pulse.is_set()
    time.now += 2
    assert beat(pulse) == wire.Beat("reading", 2.0, 30.0)
    pulse.begin("writing")
    time.now += 1
    assert beat(pulse) == wire.Beat("writing", 1.0, 0.0)
    pulse.set()
    assert pulse.is_set()
    pulse.begin("reading")
    assert beat(pulse) == wire.Beat("reading", 0.0, 30.0)


def test_waiting_for_the_disk_is_moving_on() -> None:
    time = Time()
    pulse = time.pulse()
    pulse.begin("writing")
    for _ in range(10):
        time.now += 40
        time.fetched += DISK
        assert beat(pulse).still == 0
    time.now += 40
    time.fetched += DISK - 1  # what any process reads in passing
    assert beat(pulse).still == 40


def test_each_activity_has_its_patience() -> None:
    for activity, limit in (("loading", 300), ("reading", 120), ("writing", 60)):
        watch = Watch(Patience())
        assert watch.heard(wire.Beat(activity, limit - 1, 0)) == ""
        assert "has not moved on" in watch.heard(wire.Beat(activity, limit, 0))


def test_a_slow_engine_gets_many_times_its_slowest_step() -> None:
    watch = Watch(Patience(writing=60, times=20))
    assert watch.heard(wire.Beat("writing", 399, 20)) == ""
    assert watch.heard(wire.Beat("writing", 401, 20))


def test_silence_counts_only_while_somebody_waits_and_ends_with_any_word() -> None:
    watch = Watch(Patience(silent=10))
    assert watch.waited(9) == ""
    assert watch.heard(wire.Deltas(1, ())) == ""
    assert watch.waited(9) == ""
    watch.begin()
    assert watch.waited(9) == ""
    verdict = watch.waited(1)
    assert "no sign of life for 10 seconds" in verdict
    assert verdict.endswith("It restarts with your next message.")


def test_after_a_verdict_that_may_have_been_wrong_there_is_more_patience() -> None:
    watch = Watch(Patience(writing=60))
    for times in (1, 2, 4, MOST_GENEROUS, MOST_GENEROUS):
        assert watch.heard(wire.Beat("writing", 60 * times - 1, 0)) == ""
        assert watch.heard(wire.Beat("writing", 60 * times, 0))


@pytest.mark.parametrize("thinking", [False, True])
def test_the_engine_looks_in_every_step_also_of_a_call_of_which_nothing_is_told(kit, *, thinking: bool) -> None:
    # A call is told when it is whole: hundreds of steps without a delta must not look like a hung engine.
    looks: list[float] = []

    def clock() -> float:
        looks.append(0.0)
        return 0.0

    tool = ToolSpec("note", "x", {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]})
    request = Request(
        (Message("user", (Text("write it down"),)),),
        (tool,),
        "required",
        Sampling(temperature=0),
        max_tokens=60,
        thinking=thinking,
    )
    engine = LocalEngine(kit.tiny_config(draft_depth=0))
    try:
        pulse = Pulse(clock, lambda: 0)
        last = list(engine.generate(request, pulse))[-1]
    finally:
        engine.close()
    assert isinstance(last, Finish)
    assert last.usage.completion_tokens > 30
    assert len(looks) >= last.usage.completion_tokens


def test_reading_shows_that_it_moves_on_within_a_slice(kit, open_session) -> None:
    # One slice of the prompt takes a slow processor minutes; llama.cpp asks between the operations of its graph.
    session = open_session()
    looks = 0

    def clock() -> float:
        nonlocal looks
        looks += 1
        return 0.0

    kit.run(
        session, [Plain("a few words that are one slice of a prompt")], cancel=Pulse(clock, lambda: 0), max_tokens=0
    )
    assert looks > 10
