"""Writing a completion: evaluate a token, choose the next, and show what was written a few times a second."""

from __future__ import annotations

import codecs
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

from deskhand.model.llama.cache import PrefixCache
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
        self._last = _NONE
        """Chosen and not evaluated yet."""
        self._row = 0
        """Of the last batch: after which token ``_last`` was chosen."""
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
                    room = min(length - position, most - self._written)
                    if room <= 0:
                        return "length"
                    if is_set():
                        return "cancelled"
                    chosen = self._advance(position, room - 1)
                    evaluated.append(self._last)
                    evaluated += chosen[:-1]
                    position += len(chosen)
                else:
                    chosen = [self._choose(self._row)]
                self._steps += 1
                self._last = chosen[-1]
                for token in chosen:
                    if token == _NONE or ends(token):
                        return "stop"
                    self._unshown.append(token)
                    self._written += 1
                if clock() >= due:
                    return None
        finally:
            self._cache.extend(evaluated)

    def _advance(self, position: int, room: int) -> list[int]:
        """Evaluate the last token, and up to ``room`` that the drafter proposes after it.

        Returns:
            The confirmed proposals, evaluated too, and the token after them, which is not.
        """
        context, drafter = self._context, self._drafter
        if not drafter:
            context.step(self._last, position)
            return [self._choose(0)]
        begun = drafted = time.perf_counter()
        draft: list[int] = []
        if depth := min(drafter.depth.next(), room, context.outputs - 1):
            draft = drafter.propose(self._last, self._row, position, depth)
            drafted = time.perf_counter()
        if draft:
            context.decode([self._last, *draft], position, outputs=1 + len(draft))
        else:
            context.step(self._last, position)
        chosen = list[int]()
        for row in range(1 + len(draft)):
            chosen.append(self._choose(row))
            if row == len(draft) or chosen[row] != draft[row]:
                break
        self._row = len(chosen) - 1
        if self._row < len(draft):
            context.remove(position + len(chosen))
        drafter.depth.learn(len(draft), self._row, drafted - begun, time.perf_counter() - drafted)
        self._drafted += len(draft)
        self._accepted += self._row
        return chosen

    def _choose(self, row: int) -> int:
        try:
            return self._sampler.sample(self._context, row)
        except DeadEndError:
            return _NONE


def _since(moment: float) -> float:
    return (time.perf_counter() - moment) * 1000
