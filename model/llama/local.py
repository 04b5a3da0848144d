"""The engine on this machine: a llama.cpp session and the prompt format of its model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace

from deskhand.model.config import LocalConfig
from deskhand.model.errors import EngineBusyError, EngineDiedError, RepetitionError
from deskhand.model.language.alone import AloneDialect
from deskhand.model.language.chat_template import dialect_for
from deskhand.model.language.dialect import Dialect
from deskhand.model.language.learnt import Learnt
from deskhand.model.language.repetition import Repetition
from deskhand.model.llama.context import Cancel
from deskhand.model.llama.generation import End
from deskhand.model.llama.kept import KeptSession
from deskhand.model.llama.reading import Read
from deskhand.model.llama.session import Session
from deskhand.model.llama.writing import Written
from deskhand.model.types import Delta, EngineInfo, Finish, Progress, Request

READING = "reading the prompt"
"""The stage of `Progress` while the prompt is evaluated."""

_CIRCLE = (
    "The model repeated the same words over and over, so it was stopped. Ask again in other words, or begin a new "
    "conversation."
)


class LocalEngine:
    """An `engine.Engine` over one `Session`, loaded when it is first needed.

    Args:
        config: which files, and how.
        dialect: the prompt format, or what makes it from the one that the model's header asks for; None takes that.
        available: bytes of memory that may be taken; None takes what the system says when the model is loaded.
        loading: is told the part of the model, 0 to 1, that is in memory.
    """

    def __init__(
        self,
        config: LocalConfig,
        dialect: Dialect | Callable[[Dialect], Dialect] | None = None,
        available: int | None = None,
        loading: Callable[[float], None] | None = None,
    ) -> None:
        self._config = config
        self._available = available
        self._loading = loading
        self._wrap = dialect if callable(dialect) else None
        self._dialect = None if callable(dialect) else dialect
        self._session: Session | None = None
        self._kept: KeptSession | None = None
        self._notes: tuple[str, ...] = ()
        # Held while llama.cpp works, never while a caller holds a delta: `close` waits for one step and no longer.
        self._lock = threading.Lock()
        self._busy = threading.Lock()
        self._closing = threading.Event()

    @property
    def info(self) -> EngineInfo:
        """What this engine is. Loads the model if that has not been done yet.

        Raises:
            BundleError: the files can't be loaded.
        """
        with self._lock:
            session = self._loaded()
        files = [("model", self._config.main), ("mmproj", self._config.mmproj), ("drafter", self._config.drafter)]
        return EngineInfo(
            kind="local",
            model=session.name,
            context_length=session.context.length,
            sees=bool(session.projector and session.projector.sees),
            hears=bool(session.projector and session.projector.hears),
            drafts=session.drafter is not None,
            details=(
                *(f"{role}: {path}" for role, path in files if path),
                f"licence: {session.licence}",
                *session.notes,
                *self._notes,
            ),
            alone=self._config.alone,
            trained=self._config.trained,
        )

    def generate(self, request: Request, cancel: threading.Event | None = None) -> Iterator[Delta]:
        """Stream one generation; see `engine.Engine.generate`.

        Raises:
            BundleError: the files can't be loaded.
            PromptError: the request can't be rendered, needs an ability the model has not, or does not fit.
            EngineBusyError: another generation has not ended.
            EngineDiedError: the engine was closed before.
        """
        cancelled = _Either(cancel, self._closing)
        with self._reserved():
            deltas, begun = self._deltas(request, cancelled), False
            try:
                while True:
                    with self._lock:
                        # What the run would touch is gone once the engine has been closed in between.
                        gone = self._closing.is_set() and self._session is None and begun
                        delta = Finish("cancelled") if gone else next(deltas, None)
                    if delta is None:
                        return
                    yield delta
                    if gone:
                        return
                    begun = True
            finally:
                with self._lock:
                    deltas.close()

    def close(self) -> None:
        """Free everything. Safe to call twice, and from another thread than `generate`'s."""
        self._closing.set()
        with self._lock:
            if self._session is not None:
                if self._kept is not None:
                    self._kept.keep()
                self._session.close()
                self._session = None

    @contextmanager
    def _reserved(self) -> Generator[None]:
        if not self._busy.acquire(blocking=False):
            raise EngineBusyError("The engine is still answering. Please wait for it or stop it first.")
        try:
            yield
        finally:
            self._busy.release()

    def _loaded(self) -> Session:
        if self._closing.is_set():
            raise EngineDiedError("The engine has been closed.")
        if self._session is None:
            self._session = Session(self._config, self._available, self._loading)
            if self._config.sessions is not None:
                self._kept = KeptSession(self._session, self._config.sessions)
                self._notes = self._kept.resume()
        return self._session

    def _deltas(self, request: Request, cancel: _Either) -> Generator[Delta]:
        session = self._loaded()
        if self._dialect is None:
            own = _dialect_of(session)
            if self._config.alone:
                learnt = Learnt.read(self._config.learnt) if self._config.learnt else None
                own = AloneDialect(own, self._config.image_budget, learnt)
            self._dialect = self._wrap(own) if self._wrap else own
        dialect = self._dialect
        parser = dialect.parser(request)
        grammar = None if request.unfinished else dialect.grammar(request)
        looping, watch = threading.Event(), Repetition()
        run = session.run(
            dialect.render(request),
            grammar=grammar,
            sampling=replace(request.sampling, temperature=0.0) if self._config.alone else request.sampling,
            max_tokens=request.max_tokens,
            cancel=_Either(cancel, looping),
            unfinished=request.unfinished,
        )
        for item in run:
            match item:
                case Read(done, total):
                    yield Progress(READING, done, total)
                case Written(text, special):
                    if request.end_loops and watch.feed(text):
                        looping.set()
                    yield from parser.feed(text, special=special)
                case End(reason, usage):
                    yield from parser.finish()
                    if looping.is_set():
                        raise RepetitionError(_CIRCLE)
                    yield Finish(reason, usage)


class _Either:
    """Set if one of two events is."""

    def __init__(self, first: Cancel | None, second: Cancel) -> None:
        self._events = (second,) if first is None else (first, second)

    def is_set(self) -> bool:
        return any(event.is_set() for event in self._events)


def _dialect_of(session: Session) -> Dialect:
    model = session.model
    return dialect_for(
        model.metadata("general.architecture"),
        model.metadata("tokenizer.chat_template"),
        bos=model.edge("bos"),
        eos=model.edge("eos"),
        add_bos=model.adds_bos,
    )
