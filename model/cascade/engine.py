"""An engine of three small models: pixels become text by OCR, sound by speech recognition, and a text model answers.

It is the encoder-equipped baseline, and today's default because it really understands. What it can't do by its nature:
see anything but text, hear anything but words.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace

from deskhand.model.cascade.decision import DecidingDialect, written_call
from deskhand.model.cascade.examples import ExampleFilter
from deskhand.model.cascade.ocr import Reader
from deskhand.model.cascade.recognised import screen_text
from deskhand.model.cascade.speech import Listener
from deskhand.model.config import CascadeConfig
from deskhand.model.errors import EngineBusyError, PromptError
from deskhand.model.llama.local import LocalEngine
from deskhand.model.types import (
    Audio,
    BrokenCall,
    CallDelta,
    Delta,
    EngineInfo,
    Finish,
    Image,
    Message,
    Part,
    Progress,
    Request,
    Sampling,
    Text,
    TextDelta,
)

READING = "reading the screen"
LISTENING = "listening"

KEPT = 256
"""Recognised texts kept; each is a few kilobytes and saves seconds."""

NOTHING_HEARD = "I could not hear any words in that recording. Please check the microphone and say it again."
"""The answer to a recording without words that came with no text: no model is asked, so none invents a command."""

REPEATED = "… I don't know. Please ask again in other words."
"""What stands in place of an answer that began to repeat an example of the prompt."""

NO_QUESTION = "What is on this screen?"
"""What a picture without any words asks."""


class CascadeEngine:
    """An `Engine` over OCR, speech recognition and a text model.

    ``Usage.image_tokens`` and ``audio_tokens`` are 0: no patch and no frame reaches the model; the recognised text
    counts as prompt tokens, and the time it took to recognise counts in ``ttft_ms``. Sampling is greedy whatever the
    request says: its defaults are made for Gemma, and a small model at temperature 1 rambles.

    Args:
        config: which models.
        loading: is told the part of the text model, 0 to 1, that is in memory.

    Raises:
        BundleError: the speech model's folder is none.
    """

    def __init__(self, config: CascadeConfig, loading: Callable[[float], None] | None = None) -> None:
        self._text = LocalEngine(config.text, DecidingDialect, loading=loading)
        self._reader = Reader()
        self._listener = Listener(config.speech, config.language) if config.speech else None
        self._speech = config.speech
        self._known: OrderedDict[str, str] = OrderedDict()
        self._busy = threading.Lock()

    @property
    def info(self) -> EngineInfo:
        """What this engine is. Loads the text model; OCR and speech recognition load when they are first needed."""
        text = self._text.info
        parts = [text.model, "OCR by PP-OCRv6 small", *([f"{self._speech.name}"] if self._speech else [])]
        return EngineInfo(
            kind="cascade",
            model=text.model,
            context_length=text.context_length,
            sees=True,
            hears=self._listener is not None,
            drafts=False,
            details=(
                *text.details,
                "screen: rapidocr with PP-OCRv6 small, Apache-2.0",
                f"speech: {self._speech} (Whisper, MIT)" if self._speech else "speech: none",
                f"parts: {', '.join(parts)}",
            ),
        )

    def generate(self, request: Request, cancel: threading.Event | None = None) -> Iterator[Delta]:
        """Recognise what is new, then stream the text model's reply.

        Of an unfinished request all is recognised but a growing recording: to do that again and again would be more
        work than doing it once, and what it says would change.

        Raises:
            PromptError: there is sound and no speech recognition, or the prompt does not fit.
            BundleError: a model can't be loaded.
            EngineBusyError: another generation has not ended.
        """
        with self._reserved():
            yield from self._generate(request, cancel or threading.Event())

    def close(self) -> None:
        """Free the text model; the others go with the object."""
        self._text.close()

    @contextmanager
    def _reserved(self) -> Generator[None]:
        if not self._busy.acquire(blocking=False):
            raise EngineBusyError("The engine is still answering. Wait for the answer or stop it first.")
        try:
            yield
        finally:
            self._busy.release()

    def _generate(self, request: Request, cancel: threading.Event) -> Iterator[Delta]:
        began = time.perf_counter()
        if request.unfinished:
            request = _without_growing(request)
        yield from self._recognise(request, cancel)
        if cancel.is_set():
            yield Finish("cancelled")
            return
        recognised = (time.perf_counter() - began) * 1000
        last = request.messages[-1] if request.messages else None
        if request.transcript and last is not None:
            yield TextDelta(" ".join(self._known[part.digest] for part in last.parts if isinstance(part, Audio)))
            yield Finish("stop")
            return
        if last is not None and last.role == "user" and not request.unfinished and self._wordless(last):
            yield TextDelta(NOTHING_HEARD)
            yield Finish("stop")
            return
        messages = tuple(
            self._written(message, asks=not request.unfinished or message is not last) for message in request.messages
        )
        reworded = replace(request, messages=messages, sampling=Sampling(temperature=0))
        examples = ExampleFilter("\n".join(message.text for message in messages if message.role != "system"))
        for delta in self._text.generate(reworded, cancel):
            if isinstance(delta, Finish):
                usage = delta.usage
                first = usage.ttft_ms + recognised if usage.ttft_ms else 0.0
                if rest := REPEATED if examples.found else examples.rest():
                    yield TextDelta(rest)
                yield replace(delta, usage=replace(usage, ttft_ms=first))
            elif isinstance(delta, TextDelta):
                if text := examples.show(delta.text):
                    yield TextDelta(text)
            else:
                yield _own(delta, examples)

    def _recognise(self, request: Request, cancel: threading.Event) -> Iterator[Delta]:
        for part in (part for message in request.messages for part in message.parts):
            if isinstance(part, Text):
                continue
            if part.digest in self._known:
                self._known.move_to_end(part.digest)
                continue
            text = yield from _followed(READING if isinstance(part, Image) else LISTENING, self._work(part), cancel)
            if text is None:
                return
            self._known[part.digest] = text
            while len(self._known) > KEPT:
                self._known.popitem(last=False)

    def _work(self, part: Image | Audio) -> Work:
        if isinstance(part, Image):
            return lambda _report, _stop: self._reader.read(part)
        listener = self._listener
        if listener is None:
            raise PromptError(
                "This engine can't hear: fetch speech recognition with “deskhand models get speech-tiny”."
            )
        return lambda report, stop: listener.transcribe(part, stop, report)

    def _wordless(self, message: Message) -> bool:
        """Whether it has sound but no words, neither typed nor spoken."""
        sounds = [part for part in message.parts if isinstance(part, Audio)]
        words = [message.text, *(self._known[sound.digest] for sound in sounds)]
        return bool(sounds) and not any(text.strip() for text in words)

    def _written(self, message: Message, *, asks: bool = True) -> Message:
        """The message with recognised text in place of media: what is on the screen first, then what was said.

        Without words a picture of a user message ``asks`` what is on it.
        """
        seen = [screen_text(self._known[part.digest]) for part in message.parts if isinstance(part, Image)]
        said = [self._said(part) for part in message.parts if not isinstance(part, Image)]
        if asks and seen and message.role == "user" and not any(text.strip() for text in said):
            said = [NO_QUESTION]
        if message.role == "tool":  # the result, then what it shows
            seen, said = said, seen
        return replace(message, parts=(Text("\n".join(text for text in (*seen, *said) if text)),))

    def _said(self, part: Part) -> str:
        return part.text if isinstance(part, Text) else self._known[part.digest]


def _own(delta: Delta, examples: ExampleFilter) -> Delta:
    """A call, unless its arguments are an example's."""
    if isinstance(delta, CallDelta) and examples.taints(json.dumps(dict(delta.call.arguments), ensure_ascii=False)):
        return BrokenCall(written_call(delta.call), "Its arguments are those of an example.")
    return delta


def _without_growing(request: Request) -> Request:
    """The request without what is still being recorded, nor what will stand after it; pictures stand before."""
    parts = list(request.messages[-1].parts) if request.messages else []
    first = next((i for i, part in enumerate(parts) if isinstance(part, Audio) and part.growing), None)
    if first is None:
        return request
    kept = (*parts[:first], *(part for part in parts[first:] if isinstance(part, Image)))
    return replace(request, messages=(*request.messages[:-1], replace(request.messages[-1], parts=kept)))


Report = Callable[[int, int], None]
Work = Callable[[Report, threading.Event], str | None]


def _followed(stage: str, work: Work, cancel: threading.Event) -> Generator[Delta, None, str | None]:
    """Do ``work`` in a thread, for it may take seconds between two looks at an event; None if it was cancelled.

    Work that was given up goes on to its next look at its own event; its result is dropped.
    """
    box: queue.SimpleQueue[Progress | BaseException | str | None] = queue.SimpleQueue()
    stop = threading.Event()

    def run() -> None:
        try:
            box.put(work(lambda done, total: box.put(Progress(stage, done, total)), stop))
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            box.put(error)

    yield Progress(stage, 0, 1)
    threading.Thread(target=run, name=stage, daemon=True).start()
    try:
        while not cancel.is_set():
            try:
                came = box.get(timeout=0.02)
            except queue.Empty:
                continue
            if isinstance(came, Progress):
                yield came
            elif isinstance(came, BaseException):
                raise came
            else:
                yield Progress(stage, 1, 1)
                return came
    finally:
        stop.set()
    return None
