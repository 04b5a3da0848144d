"""Writing a completion: evaluate a token, choose the next, and show what was written a few times a second."""

from __future__ import annotations

import codecs
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

from deskhand.model.llama.cache import PrefixCache, shared
from deskhand.model.llama.context import Cancel, Context
from deskhand.model.llama.drafting import Drafter
from deskhand.model.llama.native import Model
from deskhand.model.llama.reading import guarded
from deskhand.model.llama.sampling import DeadEndError, Sampler
from deskhand.model.types import FinishReason, Usage

SHOWN_EVERY = 1 / 30
"""Seconds between two pieces of text; tokens that come faster share one. No eye sees more of them, and to spell, parse
and send a piece takes us ten times what a token takes."""


_NONE = -1
"""In a token's place where the grammar allows none."""


@dataclass(frozen=True, slots=True)
class Written:
    """The text of the tokens written since the last one; ``special`` says that it is a single control token's."""

    text: str
    special: bool


class Spelling:
    """The text of tokens; bytes of a character that is not complete wait for the next token."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def spell(self, tokens: Sequence[int]) -> Iterator[Written]:
        """Neighbouring tokens of text as one, control tokens each by itself."""
        text = ""
        for token in tokens:
            data = self._model.piece(token)
            special = self._model.is_special(token)
            text += self._decoder.decode(b"" if special else data, final=special)
            if special:
                if text:
                    yield Written(text, special=False)
                    text = ""
                yield Written(data.decode(errors="replace"), special=True)
        if text:
            yield Written(text, special=False)

    def finish(self) -> Iterator[Written]:
        """What is left of a character that was not completed."""
        rest = self._decoder.decode(b"", final=True)
        if rest:
            yield Written(rest, special=False)


class Writing:
    """One completion. It leaves the cache right whatever happens.

    Args:
        context: evaluates.
        cache: what ``context`` holds: a prompt whose last token's logits are there.
        drafter: proposes tokens; None: one token is written at a time.
        sampler: chooses them.
        cancel: looked at after every step.
        began: `time.perf_counter` at the request.
    """

    def __init__(
        self,
        context: Context,
        cache: PrefixCache,
        *,
        drafter: Drafter | None,
        sampler: Sampler,
        cancel: Cancel,
        began: float,
    ) -> None:
        self._context = context
        self._cache = cache
        self._drafter = drafter
        self._sampler = sampler
        self._cancel = cancel
        self._spelling = Spelling(context.model)
        self._queue: list[int] = []
        """Chosen and not evaluated yet: a token, and what a grammar forces after it."""
        self._row = 0
        """Of the last batch: after which the queue was chosen."""
        self._unshown: list[int] = []
        self._written = self._steps = self._drafted = self._accepted = self._forced = 0
        self._began = began
        self._first_ms = self._decode_ms = 0.0

    @property
    def usage(self) -> Usage:
        """What it has taken so far."""
        return Usage(
            completion_tokens=self._written,
            drafted=self._drafted,
            accepted=self._accepted,
            forced=self._forced,
            steps=self._steps,
            ttft_ms=self._first_ms,
            decode_ms=self._decode_ms,
        )

    def write(self, row: int, most: int) -> Generator[Written, None, FinishReason]:
        """Write at most ``most`` tokens after row ``row`` of the last batch.

        Returns:
            Why no more follow.
        """
        if most <= 0:
            return "length"
        self._row = row
        reason: FinishReason | None = None
        while reason is None:
            begun = time.perf_counter()
            with guarded(self._context, self._cache):
                reason = self._burst(most)
            self._first_ms = self._first_ms or _since(self._began)
            self._decode_ms += _since(begun)
            unshown, self._unshown = self._unshown, []
            yield from self._spelling.spell(unshown)
        yield from self._spelling.finish()
        return reason

    def _burst(self, most: int) -> FinishReason | None:
        """Write tokens until they are due to be shown, the first one alone.

        Returns:
            Why no more follow; None if they do.
        """
        ends, is_set, clock = self._context.model.ends, self._cancel.is_set, time.perf_counter
        length, position, evaluated = self._context.length, self._cache.position, list[int]()
        due = clock() + SHOWN_EVERY if self._written else 0.0
        try:
            while True:
                if self._written:
                    room = min(length - position - len(self._queue) + 1, most - self._written)
                    if room <= 0:
                        return "length"
                    if is_set():
                        return "cancelled"
                    evaluated += self._queue
                    chosen = self._advance(position, room)
                    evaluated += chosen[: len(chosen) - len(self._queue)]
                    position = self._cache.position + len(evaluated)
                else:
                    chosen = self._begin(most)
                for token in chosen:
                    if token == _NONE or ends(token):
                        return "stop"
                    self._unshown.append(token)
                    self._written += 1
                if clock() >= due:
                    return None
        finally:
            self._cache.extend(evaluated)

    def _begin(self, most: int) -> list[int]:
        """Choose what follows the prompt; none of it is evaluated yet."""
        self._queue = self._force(most)
        if not self._queue:
            self._steps += 1
            self._queue = self._choose(self._row, most)
        return self._queue

    def _advance(self, position: int, room: int) -> list[int]:
        """Evaluate the queue, and what the drafter proposes after it, and choose up to ``room`` tokens.

        Returns:
            What was chosen. The queue is now the end of it: that which is not evaluated yet.
        """
        context, drafter, queue = self._context, self._drafter, self._queue
        self._steps += 1
        if len(queue) > 1:
            context.decode(queue, position)
            self._row = len(queue) - 1
            self._queue = self._choose(self._row, room)
            return self._queue
        if not drafter:
            context.step(queue[0], position)
            self._queue = self._choose(0, room)
            return self._queue
        begun = drafted = time.perf_counter()
        draft: list[int] = []
        if depth := min(drafter.depth.next(), room - 1, context.outputs - 1):
            draft = drafter.propose(queue[0], self._row, position, depth)
            drafted = time.perf_counter()
        if draft:
            context.decode([*queue, *draft], position, outputs=1 + len(draft))
        else:
            context.step(queue[0], position)
        chosen = self._verify(draft, room)
        self._row = confirmed = len(chosen) - len(self._queue)
        if confirmed < len(draft):
            context.remove(position + 1 + confirmed)
        drafter.depth.learn(len(draft), confirmed, drafted - begun, time.perf_counter() - drafted)
        self._drafted += len(draft)
        self._accepted += confirmed
        return chosen

    def _verify(self, draft: list[int], room: int) -> list[int]:
        """Choose after each row of the last batch as long as what was chosen is what was drafted.

        Each row is drawn from the model's own distribution whatever was drafted, so that drafting changes no answer.
        """
        chosen: list[int] = []
        while True:
            row = len(chosen)
            self._queue = self._choose(row, room - row)
            chosen += self._queue
            same = shared(draft[row:], self._queue)
            self._queue = self._queue[same:]
            if self._queue:
                return chosen

    def _choose(self, row: int, room: int) -> list[int]:
        """The token after a row of the last batch, and those that a grammar forces after it; `_NONE` if none fits."""
        try:
            token = self._sampler.sample(self._context, row)
        except DeadEndError:
            return [_NONE]
        return [token, *self._force(room - 1)] if self._sampler.constrains else [token]

    def _force(self, room: int) -> list[int]:
        forced = self._sampler.forced(room)
        self._forced += len(forced)
        return forced


def _since(moment: float) -> float:
    return (time.perf_counter() - moment) * 1000
