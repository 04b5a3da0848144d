"""One run of a session: the prompt is read in slices, then written on token by token, drafted where that helps."""

from __future__ import annotations

import codecs
import time
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deskhand.model.llama.cache import Item, PrefixCache, Span, adopt, tokens
from deskhand.model.llama.context import Cancel, CancelledError, Context
from deskhand.model.llama.drafting import Drafter
from deskhand.model.llama.media import Medium, Projector
from deskhand.model.llama.sampling import DeadEndError, Sampler
from deskhand.model.types import FinishReason, Usage

_APART = 256
"""Tokens between checkpoints in text: one of the 12B takes as long as reading some ten tokens."""


@dataclass(frozen=True, slots=True)
class Read:
    """How many tokens of the prompt are in the cache."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Written:
    """The text of one generated token; ``special`` says that it is a control token."""

    text: str
    special: bool


@dataclass(frozen=True, slots=True)
class End:
    """Why a run ended, and what it took."""

    reason: FinishReason
    usage: Usage


@dataclass(frozen=True)
class Prompt:
    """A prompt as the cache sees it, and the media in it by digest."""

    items: tuple[Item, ...]
    media: dict[str, Medium]


class Generation:
    """One run. Its parts are the session's, whose cache it leaves right whatever happens.

    Args:
        context: evaluates.
        cache: what ``context`` holds.
        projector: for prompts with media.
        drafter: proposes tokens; None: one token is written at a time.
        sampler: of this run.
        cancel: looked at between slices of the prompt and between steps of decoding.
        began: `time.perf_counter` at the request.
    """

    def __init__(
        self,
        context: Context,
        cache: PrefixCache,
        *,
        projector: Projector | None,
        drafter: Drafter | None,
        sampler: Sampler,
        cancel: Cancel,
        began: float,
    ) -> None:
        self._context = context
        self._cache = cache
        self._projector = projector
        self._drafter = drafter
        self._sampler = sampler
        self._cancel = cancel
        self._began = began
        self._counts: Counter[str] = Counter()
        self._times: dict[str, float] = {}
        self._row = 0
        self._text = codecs.getincrementaldecoder("utf-8")("replace")

    def run(self, prompt: Prompt, max_tokens: int, size: int) -> Iterator[Read | Written | End]:
        """Read the prompt in slices of ``size`` tokens, then write at most ``max_tokens``; an `End` comes last."""
        yield from self._read(prompt, size)
        reason: FinishReason = "cancelled"
        if not self._cancel.is_set():
            reason = yield from self._write(max_tokens)
        rest = self._text.decode(b"", final=True)
        if rest:
            yield Written(rest, special=False)
        yield End(reason, self._usage())

    @contextmanager
    def _step(self) -> Generator[None]:
        """A step after whose failure nobody knows what the memory holds."""
        try:
            yield
        except CancelledError:
            # llama.cpp has taken the batch out again.
            if self._context.newest() != self._cache.position - 1:
                self._cache.clear()
            raise
        except BaseException:
            self._cache.clear()
            raise

    def _bytes(self, token: int) -> bytes | None:
        model = self._context.model
        return None if model.is_special(token) else model.piece(token)

    def _usage(self) -> Usage:
        amounts: dict[str, Any] = {**self._counts, **self._times}
        return Usage(**amounts)

    def _read(self, prompt: Prompt, size: int) -> Iterator[Read]:
        items = adopt(self._cache.items, prompt.items, self._bytes)
        with self._step():
            kept = self._cache.reuse(items)
        total, done = tokens(items), tokens(items[:kept])
        self._counts.update(
            prompt_tokens=total,
            reused_tokens=done,
            image_tokens=_count(items, "image"),
            audio_tokens=_count(items, "audio"),
        )
        yield Read(done, total)
        while kept < len(items) and not self._cancel.is_set():
            batch = _batch(items, kept, size)
            began = time.perf_counter()
            try:
                with self._step(), self._context.cancellable(self._cancel):
                    self._evaluate(prompt, batch, last=kept + len(batch) == len(items))
            except CancelledError:
                return
            kept += len(batch)
            done += tokens(batch)
            self._counts["evaluated_tokens"] += tokens(batch)
            self._times["prefill_ms"] = self._times.get("prefill_ms", 0.0) + _since(began)
            yield Read(done, total)

    def _evaluate(self, prompt: Prompt, batch: Sequence[Item], *, last: bool) -> None:
        # Where the next prompt most likely parts from this one: before its last words, or at another screenshot.
        if isinstance(batch[0], Span):
            self._cache.mark()
        elif last:
            self._cache.mark(apart=_APART)
        if isinstance(batch[0], Span):
            assert self._projector  # noqa: S101 - the session has refused media without one
            self._projector.decode(self._context, prompt.media[batch[0].digest], self._cache.position)
        else:
            self._context.decode(_ids(batch), self._cache.position, outputs=int(last))
            self._row = len(batch) - 1
        self._cache.extend(batch)

    def _write(self, max_tokens: int) -> Iterator[Written]:
        model = self._context.model
        began = time.perf_counter()
        try:
            with self._step():
                token = self._sampler.sample(self._context, self._row)
                hidden = self._drafter.hidden(self._row) if self._drafter else None
            self._times["ttft_ms"] = _since(self._began)
            ready = [token]
            while True:
                # All but the last of `ready` are evaluated already.
                for token in ready:
                    if model.ends(token):
                        return "stop"
                    if self._counts["completion_tokens"] >= max_tokens:
                        return "length"
                    self._counts["completion_tokens"] += 1
                    yield from self._spell(token)
                room = min(self._context.length - self._cache.position, max_tokens - self._counts["completion_tokens"])
                if room <= 0:
                    return "length"
                if self._cancel.is_set():
                    return "cancelled"
                with self._step():
                    ready, hidden = self._advance(ready[-1], hidden, room - 1)
        except DeadEndError:
            return "stop"
        finally:
            self._times["decode_ms"] = _since(began)

    def _advance(
        self, token: int, hidden: NDArray[np.float32] | None, room: int
    ) -> tuple[list[int], NDArray[np.float32] | None]:
        """Evaluate ``token`` and what the drafter proposes after it.

        Returns:
            The confirmed proposals, now in the cache, and the token after them, which is not; the drafter's state.
        """
        draft: list[int] = []
        position = self._cache.position
        if self._drafter is not None and hidden is not None:
            count = min(self._drafter.depth.next(), room, self._context.outputs - 1)
            draft = self._drafter.propose(token, hidden, position, count)
        self._context.decode([token, *draft], position, outputs=1 + len(draft))
        ready: list[int] = []
        for row in range(1 + len(draft)):
            ready.append(self._sampler.sample(self._context, row))
            if row == len(draft) or ready[row] != draft[row]:
                break
        confirmed = ready[:-1]
        if self._drafter is not None:
            self._drafter.depth.learn(len(draft), len(confirmed))
            hidden = self._drafter.hidden(len(confirmed))
        if len(confirmed) < len(draft):
            self._context.remove(position + 1 + len(confirmed))
        self._cache.extend([token, *confirmed])
        self._counts.update(drafted=len(draft), accepted=len(confirmed))
        return ready, hidden

    def _spell(self, token: int) -> Iterator[Written]:
        """The text of a token; bytes of a character that is not complete wait for the next."""
        model = self._context.model
        data = model.piece(token)
        special = model.is_special(token)
        if special:
            rest = self._text.decode(b"", final=True)
            if rest:
                yield Written(rest, special=False)
            yield Written(data.decode(errors="replace"), special=True)
        elif text := self._text.decode(data):
            yield Written(text, special=False)


def _batch(items: Sequence[Item], start: int, size: int) -> Sequence[Item]:
    """The medium at ``start``, or the tokens from there on: at most ``size``, up to the next medium."""
    if isinstance(items[start], Span):
        return items[start : start + 1]
    stop = start
    while stop < min(start + size, len(items)) and not isinstance(items[stop], Span):
        stop += 1
    return items[start:stop]


def _ids(items: Sequence[Item]) -> list[int]:
    return [item for item in items if isinstance(item, int)]


def _count(items: Sequence[Item], kind: str) -> int:
    return sum(item.tokens for item in items if isinstance(item, Span) and item.kind == kind)


def _since(moment: float) -> float:
    return (time.perf_counter() - moment) * 1000
