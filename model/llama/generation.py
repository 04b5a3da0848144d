"""One run of a session: a prompt is read, then its completion is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from deskhand.model.llama.cache import PrefixCache
from deskhand.model.llama.context import Cancel, Context
from deskhand.model.llama.drafting import Drafter
from deskhand.model.llama.layout import Prompt
from deskhand.model.llama.media import Projector
from deskhand.model.llama.reading import Read, Reading
from deskhand.model.llama.sampling import Sampler
from deskhand.model.llama.writing import Writing, Written
from deskhand.model.types import FinishReason, Usage


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
        self._cancel = cancel
        self._reading = Reading(context, cache, projector, cancel)
        self._writing = Writing(context, cache, drafter=drafter, sampler=sampler, cancel=cancel, began=began)

    def run(self, prompt: Prompt, max_tokens: int, size: int) -> Iterator[Read | Written | End]:
        """Read the prompt in slices of ``size`` tokens, then write at most ``max_tokens``; an `End` comes last."""
        yield from self._reading.read(prompt, size)
        reason: FinishReason = "cancelled"
        if not self._cancel.is_set():
            writing = self._writing
            reason = "length" if prompt.unfinished else (yield from writing.write(self._reading.row, max_tokens))
        yield End(reason, self._reading.usage + self._writing.usage)
