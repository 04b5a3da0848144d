"""One run of a session: the prompt is read, then written on token by token, drafted where that helps."""

from __future__ import annotations

import codecs
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deskhand.model.llama.cache import PrefixCache
from deskhand.model.llama.context import Cancel, Context
from deskhand.model.llama.drafting import Drafter
from deskhand.model.llama.media import Projector
from deskhand.model.llama.reading import Prompt, Read, Reading, guarded
from deskhand.model.llama.sampling import DeadEndError, Sampler
from deskhand.model.types import FinishReason, Usage


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
        self._drafter = drafter
        self._sampler = sampler
        self._cancel = cancel
        self._began = began
        self._reading = Reading(context, cache, projector, cancel)
        self._counts: Counter[str] = Counter()
        self._times: dict[str, float] = {}
        self._text = codecs.getincrementaldecoder("utf-8")("replace")

    def run(self, prompt: Prompt, max_tokens: int, size: int) -> Iterator[Read | Written | End]:
        """Read the prompt in slices of ``size`` tokens, then write at most ``max_tokens``; an `End` comes last."""
        yield from self._reading.read(prompt, size)
        reason: FinishReason = "cancelled"
        if not self._cancel.is_set():
            reason = yield from self._write(max_tokens)
        rest = self._text.decode(b"", final=True)
        if rest:
            yield Written(rest, special=False)
        yield End(reason, self._usage())

    def _usage(self) -> Usage:
        amounts: dict[str, Any] = {**self._counts, **self._times}
        return self._reading.usage + Usage(**amounts)

    def _write(self, max_tokens: int) -> Iterator[Written]:
        model = self._context.model
        began = time.perf_counter()
        try:
            with guarded(self._context, self._cache):
                token = self._sampler.sample(self._context, self._reading.row)
                hidden = self._drafter.hidden(self._reading.row) if self._drafter else None
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
                with guarded(self._context, self._cache):
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


def _since(moment: float) -> float:
    return (time.perf_counter() - moment) * 1000
