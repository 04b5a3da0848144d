"""Reading a prompt: what the cache shares with it is kept, the rest is evaluated in slices."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from deskhand.model.llama.cache import Item, PrefixCache, Span, adopt, tokens
from deskhand.model.llama.context import Cancel, CancelledError, Context
from deskhand.model.llama.layout import Prompt
from deskhand.model.llama.media import Projector
from deskhand.model.types import Usage

_APART = 256
"""Tokens between checkpoints in text: one of the 12B takes as long as reading some ten tokens."""


@dataclass(frozen=True, slots=True)
class Read:
    """How many tokens of the prompt are in the cache."""

    done: int
    total: int


@contextmanager
def guarded(context: Context, cache: PrefixCache) -> Generator[None]:
    """A step after whose failure nobody knows what the memory holds: the cache is right again afterwards, or empty."""
    try:
        yield
    except CancelledError:
        # llama.cpp has taken the batch out again.
        if context.newest() != cache.position - 1:
            cache.clear()
        raise
    except BaseException:
        cache.clear()
        raise


class Reading:
    """One prompt being read into a cache, which it leaves right whatever happens.

    Args:
        context: evaluates.
        cache: what ``context`` holds.
        projector: for prompts with media.
        cancel: looked at between slices, and by llama.cpp within them.
    """

    def __init__(self, context: Context, cache: PrefixCache, projector: Projector | None, cancel: Cancel) -> None:
        self._context = context
        self._cache = cache
        self._projector = projector
        self._cancel = cancel
        self._counts: Counter[str] = Counter()
        self._milliseconds = 0.0
        self.row = 0
        """Of the last batch: where the logits of the prompt's last token are."""

    @property
    def usage(self) -> Usage:
        """What it has taken so far."""
        amounts: dict[str, Any] = {**self._counts, "prefill_ms": self._milliseconds}
        return Usage(**amounts)

    def read(self, prompt: Prompt, size: int) -> Iterator[Read]:
        """Evaluate what the cache does not hold, in slices of ``size`` tokens; ends early when cancelled."""
        items = adopt(self._cache.items, prompt.items, self._bytes)
        with guarded(self._context, self._cache):
            kept = self._cache.reuse(items, logits=not prompt.unfinished)
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
                with guarded(self._context, self._cache), self._context.cancellable(self._cancel):
                    self._evaluate(prompt, batch, last=kept + len(batch) == len(items))
            except CancelledError:
                return
            kept += len(batch)
            done += tokens(batch)
            self._counts["evaluated_tokens"] += tokens(batch)
            self._milliseconds += (time.perf_counter() - began) * 1000
            yield Read(done, total)

    def _evaluate(self, prompt: Prompt, batch: Sequence[Item], *, last: bool) -> None:
        # Where the next prompt most likely parts from this one: before its last words, at another screenshot, or at the
        # beginning of a recording.
        if isinstance(batch[0], Span):
            if not (_is_frame(batch[0]) and self._cache.items and _is_frame(self._cache.items[-1])):
                self._cache.mark()
        elif last:
            self._cache.mark(apart=_APART)
        if isinstance(batch[0], Span):
            assert self._projector  # noqa: S101 - the session has refused media without one
            media = [prompt.media[item.digest] for item in batch if isinstance(item, Span)]
            self._projector.decode(self._context, media, self._cache.position)
        else:
            self._context.decode(_ids(batch), self._cache.position, outputs=int(last))
            self.row = len(batch) - 1
        self._cache.extend(batch)

    def _bytes(self, token: int) -> bytes | None:
        model = self._context.model
        return None if model.is_special(token) else model.piece(token)


def _batch(items: Sequence[Item], start: int, size: int) -> Sequence[Item]:
    """The medium at ``start``, or the frames or tokens from there on: at most ``size``, up to what is neither."""
    alike = _is_frame if isinstance(items[start], Span) else _is_token
    stop = start + 1
    while stop < min(start + size, len(items)) and alike(items[start]) and alike(items[stop]):
        stop += 1
    return items[start:stop]


def _is_token(item: Item) -> bool:
    return isinstance(item, int)


def _is_frame(item: Item) -> bool:
    return isinstance(item, Span) and item.frame


def _ids(items: Sequence[Item]) -> list[int]:
    return [item for item in items if isinstance(item, int)]


def _count(items: Sequence[Item], kind: str) -> int:
    return sum(item.tokens for item in items if isinstance(item, Span) and item.kind == kind)
