"""One llama.cpp session: prompt pieces in, pieces of text out, everything that can be kept is kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import psutil

from deskhand.model.config import LocalConfig
from deskhand.model.errors import BundleError, PromptError, PromptTooLongError
from deskhand.model.files.bundle import mismatch, role
from deskhand.model.files.card import Card
from deskhand.model.files.fingerprint import fingerprint
from deskhand.model.files.header import read_header, read_model
from deskhand.model.files.memory import fitted
from deskhand.model.files.tuning import TuningCache
from deskhand.model.language.dialect import Grammar, Piece
from deskhand.model.llama import saved
from deskhand.model.llama.cache import PrefixCache, Span, positions, tokens
from deskhand.model.llama.cards import cards
from deskhand.model.llama.context import Cancel, Context, DecodeError
from deskhand.model.llama.drafting import Drafter
from deskhand.model.llama.generation import End, Generation
from deskhand.model.llama.layout import Layout, Prompt
from deskhand.model.llama.media import Projector
from deskhand.model.llama.native import VERSION, Model
from deskhand.model.llama.probe import WORTH_BYTES, tune, tune_waiting
from deskhand.model.llama.reading import Read
from deskhand.model.llama.sampling import Sampler
from deskhand.model.llama.saved import Saved, SavedSessionError
from deskhand.model.llama.writing import Written
from deskhand.model.types import Sampling

SLICE = 128
"""Text tokens evaluated between two looks at the cancel event where the processor does the work."""

_GEMMA = Sampling()

SLICE_OFFLOADED = 512
"""The same with layers on a GPU, which needs larger batches to be busy."""


class Session:
    """A loaded bundle with its cache. Not thread-safe: one run at a time.

    Args:
        config: which files, and how. A context for which the memory is too short is made shorter, see `notes`.
        available: bytes of memory that may be taken; None takes what the system says.
        loading: is told the part of the model, 0 to 1, that is in memory.
        graphics: cards that may be used; None asks llama.cpp for them.

    Raises:
        BundleError: a file is missing, broken, or does not fit the others; or the memory is too small.
    """

    def __init__(
        self,
        config: LocalConfig,
        available: int | None = None,
        loading: Callable[[float], None] | None = None,
        graphics: Sequence[Card] | None = None,
    ) -> None:
        _check_files(config)
        fit = fitted(
            config,
            psutil.virtual_memory().available if available is None else available,
            cards=cards() if graphics is None else graphics,
        )
        self.offload = fit.offload
        config, self.notes = fit.config, fit.notes
        threads = config.threads or psutil.cpu_count(logical=False) or 1
        self.config = config
        self._slice = SLICE_OFFLOADED if fit.offload.layers else SLICE
        self._opened = ExitStack()
        self.projector: Projector | None = None
        self.drafter: Drafter | None = None
        with ExitStack() as opened:
            self.model = Model(config.main, fit.offload.layers, fit.offload.split, loading)
            opened.callback(self.model.close)
            self.context = Context(
                self.model,
                length=config.context_length,
                batch=config.batch,
                outputs=config.draft_depth + 1,
                kv_type=config.kv_type,
                flash_attention=config.flash_attention,
                threads=threads,
            )
            opened.callback(self.context.close)
            if config.mmproj:
                self.projector = Projector(
                    config.mmproj, self.model, threads, config.image_budget, on_card=fit.offload.projector
                )
                opened.callback(self.projector.close)
            if config.drafter and config.draft_depth:
                # Beside the target's last layers, whose keys and values it reads.
                beside = (*(0 for _ in range(fit.offload.last)), 1) if fit.offload.drafter else ()
                drafter = Model(config.drafter, -1 if beside else 0, beside)
                opened.callback(drafter.close)
                self.drafter = Drafter(
                    drafter,
                    self.context,
                    kv_type=config.kv_type,
                    flash_attention=config.flash_attention,
                    threads=threads,
                    most=config.draft_depth,
                )
                opened.callback(self.drafter.close)
            # Whatever was opened before something failed is closed again; from here on `close` does it.
            self._opened = opened.pop_all()
        self.cache = PrefixCache(self.context, self.model.window, limit=fit.checkpoints)
        if config.threads is None and config.main.stat().st_size >= WORTH_BYTES:
            known = TuningCache()
            tuning = tune(self.context, fingerprint([config.main]), known)
            if self.drafter:
                self.drafter.use_threads(tuning.threads)
            self.notes += (f"{tuning}; they wait {tune_waiting(tuning.threads, known)}",)

    def close(self) -> None:
        """Free everything. Safe to call twice."""
        self._opened.close()

    @property
    def name(self) -> str:
        """The model's own name, else its file's."""
        return self.model.metadata("general.name") or self.config.main.stem

    @property
    def licence(self) -> str:
        """As the model's file states it."""
        return self.model.metadata("general.license") or "not stated"

    @property
    def identity(self) -> dict[str, str | int]:
        """What has to be the same for a saved session to mean the same."""
        config = self.config
        return {
            "bundle": fingerprint([path for path in (config.main, config.mmproj) if path]),
            "llama.cpp": VERSION,
            "context length": self.context.length,
            "type of keys and values": config.kv_type,
            "flash attention": str(config.flash_attention),
        }

    def save(self, path: Path) -> None:
        """Write what the cache holds to ``path``; nothing if it holds nothing.

        Raises:
            SavedSessionError: it is too large, or the disk is full or can't be written.
        """
        if not self.cache.items:
            return
        kept = self.cache.checkpoints[-1] if self.cache.checkpoints else None
        saved.save(
            path,
            self.identity,
            Saved(
                self.cache.items,
                self.context.save_all(),
                kept.data if kept else None,
                kept.count if kept else 0,
            ),
        )

    def resume(self, path: Path) -> None:
        """Bring back what `save` wrote; the cache is as it was before if that can't be done.

        Raises:
            SavedSessionError: there is none, it is damaged, or of another bundle, setting or llama.cpp.
        """
        found = saved.load(path, self.identity)
        self.cache.clear()
        try:
            self.context.restore_all(found.state)
        except DecodeError as error:
            raise SavedSessionError(f"The saved session {path} does not fit: {error}.") from error
        self.cache.resume(found.items, found.checkpoint, found.count)
        if self.context.newest() != self.cache.position - 1:
            self.cache.clear()
            raise SavedSessionError(f"The saved session {path} holds other tokens than it says.")

    def prompt(self, pieces: Sequence[Piece], *, unfinished: bool = False) -> Prompt:
        """Tokenise pieces and lay out their media.

        Raises:
            PromptTooLongError: it is more than the context holds.
            PromptError: a medium that this model can't read.
        """
        prompt = Layout(self.model, self.projector, self.context.batch).prompt(pieces, unfinished=unfinished)
        items = prompt.items
        if positions(items) >= self.context.length:
            raise PromptTooLongError(self._too_long(tokens(items)))
        if not items or (isinstance(items[-1], Span) and not unfinished):
            raise PromptError("A prompt has to end with text.")
        return prompt

    def _too_long(self, count: int) -> str:
        held = f"takes {count} tokens and this engine holds {self.context.length}."
        if self.config.alone:  # there is no earlier turn to leave out, and no other length that it learnt
            return f"This message {held} Please say it shorter."
        advice = "Please start a new conversation, leave out a recording or picture, or raise the context length."
        return f"The conversation {held} {advice}"

    def run(
        self,
        pieces: Sequence[Piece],
        *,
        grammar: Grammar | None = None,
        sampling: Sampling = _GEMMA,
        max_tokens: int = 1024,
        cancel: Cancel | None = None,
        unfinished: bool = False,
    ) -> Iterator[Read | Written | End]:
        """Read a prompt and write its continuation.

        Args:
            pieces: the whole prompt; what the cache shares with it is not evaluated again.
            grammar: what constrains the continuation.
            sampling: how tokens are chosen.
            max_tokens: the most tokens written.
            cancel: ends the run within one slice of the prompt or one step of decoding.
            unfinished: the prompt is read only, and may end with a medium.

        Yields:
            `Read` while it reads, `Written` for each token, and an `End`.

        Raises:
            ModelError: the cache is then empty or right, and the session usable.
        """
        began = time.perf_counter()
        prompt = self.prompt(pieces, unfinished=unfinished)
        sampler = Sampler(self.model, sampling, grammar)
        try:
            generation = Generation(
                self.context,
                self.cache,
                projector=self.projector,
                drafter=self.drafter,
                sampler=sampler,
                cancel=cancel or threading.Event(),
                began=began,
            )
            yield from generation.run(prompt, max_tokens, self._slice)
        finally:
            sampler.close()


def _check_files(config: LocalConfig) -> None:
    """Read the files' headers ourselves: on broken and mismatched ones llama.cpp aborts."""
    main = read_model(config.main)
    for path, wanted in ((config.main, "main"), (config.mmproj, "mmproj"), (config.drafter, "drafter")):
        if path is None:
            continue
        header = read_header(path)
        if role(header) != wanted:
            kind = role(header) or "no part"
            raise BundleError(f"{path} is the {kind} of a model, not its {wanted} file. Please check the bundle.")
        if wanted != "main" and (problem := mismatch(main, header)):
            raise BundleError(problem)
