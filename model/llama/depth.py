"""How many tokens to draft: as many as bring the most tokens a second, by what was right and what it took so far."""

from __future__ import annotations

from collections import deque
from math import ceil

_MEMORY = 0.97
"""Weight of the past in the acceptance, for each token: about the last thirty count."""

_KEPT = 15
"""Times kept of each size of batch."""

_SURE = 3
"""Times after which a cost counts as known. Until then it is hoped to be that of the next smaller batch, and so found
out: where memory bandwidth is the limit it is the same, on two CPU cores four tokens cost 2.1 of one."""

_STALE = 4000
"""Steps after which a cost is forgotten: conversations grow, and processors get other work."""

_CHANGED = 1.25
"""A probe that finds its cost changed by so much says that the others have changed too."""

_REVIEWED = 8
"""Steps between two decisions; to decide takes us longer than to choose a token."""

_GAIN = 1.03
"""Drafting has to promise at least so much more, since promises are noisy."""

_PROBE_COST = 0.01
"""The share of the time that may go into drafting a token now and then while drafting is off."""

_FEWEST, _MOST = 32, 512
"""Bounds of the steps between two such probes."""

_RETRIES = 6
"""Probes in a row, each right, that convince of a text that has become easy."""


class _Cost:
    """Times of one kind of step."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=_KEPT)
        self._noted = 0

    def note(self, seconds: float, step: int) -> None:
        """Add the time of a step."""
        self._times.append(max(seconds, 1e-9))
        self._noted = step

    @property
    def new(self) -> bool:
        """Whether it has just become known, or is not known yet."""
        return len(self._times) <= _SURE

    @property
    def known(self) -> float | None:
        """The lower quartile: a busy machine and a first graph only ever add. None: not known yet."""
        return sorted(self._times)[len(self._times) // 4] if len(self._times) >= _SURE else None

    def trim(self) -> None:
        """Let what comes weigh more than what was."""
        while len(self._times) > _SURE:
            self._times.popleft()

    def age(self, step: int) -> None:
        """Forget it if it is old."""
        if step - self._noted > _STALE:
            self._times.clear()


class Depth:
    """Chooses the number of tokens to draft, from measured acceptance and measured cost. It outlives single answers.

    Args:
        most: the limit; 0 never drafts.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._right, self._tried = 3.2, 4.0  # to begin with, four in five are right
        self._verifying = [_Cost() for _ in range(most + 1)]  # by the number of drafted tokens
        self._drafting = _Cost()
        self._depth = 0
        self._probe = min(1, most)
        self._pause = self._idle = self._retries = 0
        self._step = self._reviewed = 0

    @property
    def acceptance(self) -> float:
        """The running share of drafted tokens that were confirmed, of those whose predecessors were."""
        return self._right / self._tried

    def next(self) -> int:
        """Tokens to draft now; now and then some although drafting is off, to see whether it still does not pay."""
        if self._depth or not self._most or self._verifying[0].known is None:
            return self._depth
        self._idle += 1
        return self._probe if self._idle > self._pause else 0

    def learn(self, drafted: int, accepted: int, drafting: float, verifying: float) -> None:
        """Note that of ``drafted`` tokens the first ``accepted`` were right, and what the step took.

        Args:
            drafted: proposed by the drafter; 0 for a step without.
            accepted: confirmed by the model.
            drafting: seconds in the drafter.
            verifying: seconds to evaluate and sample them and the token before them.
        """
        self._step += 1
        cost = self._verifying[drafted]
        if drafted:
            self._drafting.note(drafting / drafted, self._step)
            if not self._depth:
                self._probed(cost, verifying, accepted)
                return
            self._weigh(drafted, accepted)
        cost.note(verifying, self._step)
        if self._step - self._reviewed >= _REVIEWED or cost.new:
            self._review()

    def _weigh(self, drafted: int, accepted: int) -> None:
        for number in range(min(drafted, accepted + 1)):
            self._right = _MEMORY * self._right + (number < accepted)
            self._tried = _MEMORY * self._tried + 1

    def _probed(self, cost: _Cost, verifying: float, accepted: int) -> None:
        """Learn from a step that drafted although drafting is off. What is known is old and counts for less."""
        self._idle = 0
        self._right, self._tried = self._right / 2, self._tried / 2
        self._weigh(1, min(1, accepted))
        before = cost.known
        cost.trim()
        cost.note(verifying, self._step)
        after = cost.known
        if before and after and not 1 / _CHANGED < after / before < _CHANGED:
            for other in self._verifying[1:]:
                if other is not cost:
                    other.age(self._step + 2 * _STALE)
        self._retries = self._retries + 1 if accepted else 0
        self._review()
        if 0 < self._retries < _RETRIES and self._pays(1.0):
            self._pause = 1

    def _review(self) -> None:
        """Take the depth that brings the most tokens a second."""
        self._reviewed = self._step
        for cost in self._verifying:
            cost.age(self._step)
        if best := self._pays(self.acceptance):
            self._depth, self._retries = best, 0
            return
        if self._depth:
            self._depth = self._idle = 0
        if not (costs := self._costs()):
            return
        self._pause = min(_MOST, max(_FEWEST, ceil((costs[self._probe] / costs[0] - 1) / _PROBE_COST)))

    def _pays(self, acceptance: float) -> int:
        """The depth that brings the most tokens a second at an acceptance; 0 if none brings more than no drafting."""
        if not (costs := self._costs()):
            return 0
        # One token is always written; the n-th drafted one needs n right ones.
        rates = [sum(acceptance**n for n in range(depth + 1)) / cost for depth, cost in enumerate(costs)]
        best = max(range(len(rates)), key=rates.__getitem__)
        return best if rates[best] > _GAIN * rates[0] else 0

    def _costs(self) -> list[float]:
        """Seconds of a step that drafts 0, 1, … tokens, as far as known; else hoped to be what fewer take.

        Empty as long as it is not known what a step without drafting takes.
        """
        drafting = self._drafting.known or 0.0
        costs: list[float] = []
        if verifying := self._verifying[0].known:
            for depth, cost in enumerate(self._verifying):
                verifying = cost.known or verifying
                costs.append(verifying + depth * drafting)
        return costs
