"""An engine that plays a transcript: for tests and demonstrations of the agent, with everything but the model real."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import signal
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from deskhand.model import errors
from deskhand.model.config import ScriptedConfig
from deskhand.model.errors import EngineBusyError, ModelError, PromptError, PromptTooLongError
from deskhand.model.pixels import image_tokens
from deskhand.model.scripted.script import Call, Raise, Script, Step, read_script, sample
from deskhand.model.sound import frames, samples_of
from deskhand.model.types import (
    FRAME_SAMPLES,
    Audio,
    BrokenCall,
    CallDelta,
    Delta,
    EngineInfo,
    Finish,
    FinishReason,
    Image,
    Progress,
    Request,
    TextDelta,
    ThoughtDelta,
    ToolCall,
    Usage,
)


def prompt_tokens(request: Request) -> list[str]:
    """The request as tokens: a word each, and one for each image patch and sound frame; then the answer's beginning.

    An unfinished request has no such beginning, and of a growing recording whole frames only.
    """
    tokens = [f"<tool>{spec.name}" for spec in request.tools]
    for spec in request.tools:
        tokens += _words(f"{spec.description} {json.dumps(spec.parameters, sort_keys=True)}")
    for message in request.messages:
        tokens.append(f"<{message.role}>")
        for part in message.parts:
            if isinstance(part, Image):
                count = image_tokens(part.width, part.height, part.budget)
                tokens += [f"<image>{part.digest}"] * count
            elif isinstance(part, Audio):
                tokens += _frames(part, whole=request.unfinished and part.growing)
            else:
                tokens += _words(part.text)
        for call in message.calls:
            tokens += _call_words(call.name, call.arguments)
    return tokens if request.unfinished else [*tokens, "<assistant>"]


def _frames(audio: Audio, *, whole: bool) -> list[str]:
    found = frames(samples_of(audio))
    count = len(audio.samples) // (4 * FRAME_SAMPLES) if whole else len(found)
    return [f"<audio>{hashlib.sha256(frame.tobytes()).hexdigest()}" for frame in found[:count]]


class ScriptedEngine:
    """An `Engine` that plays ``config.script``.

    A token is a word. What is reused of a prompt is what it has in common with the prompt and answer before it, as in a
    KV cache. ``tool_choice="none"`` leaves calls out; ``"required"`` plays nothing but calls, and where the turn has
    none, calls the first tool with the plainest arguments its schema allows.

    Args:
        config: names the script.

    Raises:
        BundleError: the script can't be read.
    """

    def __init__(self, config: ScriptedConfig) -> None:
        self._script = read_script(config.script)
        self._path = config.script
        self._played = 0
        self._cache: list[str] = []
        self._busy = threading.Lock()

    @property
    def info(self) -> EngineInfo:
        """What this engine is."""
        return EngineInfo(
            kind="scripted",
            model=self._script.model,
            context_length=self._script.context_length,
            sees=True,
            hears=True,
            drafts=False,
            details=(f"Plays {self._path}; no model answers.",),
        )

    def close(self) -> None:
        """Do nothing: there is nothing to free."""

    def generate(self, request: Request, cancel: threading.Event | None = None) -> Iterator[Delta]:
        """Play the turn that answers ``request``.

        Raises:
            PromptError: the script has no turn left, or the prompt is longer than the context.
            ModelError: the script says so.
        """
        if not self._busy.acquire(blocking=False):
            raise EngineBusyError("The engine is still answering. Wait for the answer or stop it first.")
        try:
            yield from _Playing(self._script, request, cancel or threading.Event(), self._cache).deltas(
                self._steps(request)
            )
        finally:
            self._busy.release()

    def _steps(self, request: Request) -> tuple[Step, ...]:
        if not request.max_tokens:
            return ()
        last = request.messages[-1].text if request.messages else ""
        turns = self._script.turns
        turn = next((turn for turn in turns if turn.when and turn.when.search(last)), None)
        if turn is None:
            turn = next(itertools.islice((turn for turn in turns if not turn.when), self._played, None), None)
            self._played += 1
        if turn is None:
            raise PromptError(f"The script {self._path.name} has no turn left to answer this with.")
        calls = tuple(step for step in turn.steps if step.call)
        if request.tool_choice == "none":
            return tuple(step for step in turn.steps if not step.call)
        if request.tool_choice == "required":
            if not calls and request.tools:
                tool = request.tools[0]
                calls = (Step(call=Call(name=tool.name, arguments=sample(tool.parameters))),)
            return tuple(step for step in turn.steps if not (step.text or step.call)) + calls
        return turn.steps


class _Playing:
    """One generation: counts words, keeps time, and stops where it must."""

    def __init__(self, script: Script, request: Request, cancel: threading.Event, cache: list[str]) -> None:
        self._began = time.monotonic()
        self._pause = 1 / script.words_per_second if script.words_per_second else 0
        self._cancel = cancel
        self._left = request.max_tokens
        self._cache = cache
        self._prompt = prompt_tokens(request)
        if len(self._prompt) > script.context_length:
            raise PromptTooLongError(
                f"The conversation takes {len(self._prompt)} tokens but the engine holds {script.context_length}. "
                "Begin a new conversation."
            )
        self._reused = min(_common(cache, self._prompt), max(0, len(self._prompt) - (not request.unfinished)))
        self._answer: list[str] = []
        self._first = 0.0

    def deltas(self, steps: tuple[Step, ...]) -> Iterator[Delta]:
        """What ``steps`` say, then the `Finish`."""
        self._cache[:] = self._prompt
        yield Progress("reading the prompt", len(self._prompt), len(self._prompt))
        reason: FinishReason = "stop"
        for step in steps:
            yield from self._play(step)
            if self._cancel.is_set() or not self._left:
                break
        if self._cancel.is_set():
            reason = "cancelled"
        elif not self._left:
            reason = "length"
        yield Finish(reason, self._usage())

    def _play(self, step: Step) -> Iterator[Delta]:
        if step.failure is not None:
            raise _error(step.failure)
        if step.crash is not None:
            _crash(step.crash)
        if step.wait is not None:
            self._cancel.wait(step.wait)
        if step.hang is not None:
            time.sleep(step.hang)
        if step.progress is not None:
            yield Progress(step.progress.stage, step.progress.done, step.progress.total)
        if step.text is not None:
            yield from (TextDelta(word) for word in self._spoken(_words(step.text)))
        if step.thought is not None:
            yield from (ThoughtDelta(word) for word in self._spoken(_words(step.thought)))
        if step.call is not None and self._whole(_call_words(step.call.name, step.call.arguments)):
            yield CallDelta(ToolCall(f"call_{uuid.uuid4().hex[:12]}", step.call.name, step.call.arguments))
        if step.broken is not None and self._whole(_words(step.broken.raw)):
            yield BrokenCall(step.broken.raw, step.broken.problem)

    def _spoken(self, words: list[str]) -> Iterator[str]:
        for word in words:
            if self._pause:
                self._cancel.wait(self._pause)
            if self._cancel.is_set() or not self._left:
                return
            self._count(word)
            yield word

    def _whole(self, words: list[str]) -> bool:
        """Whether all of ``words`` were said: a call that was cut is none."""
        return sum(1 for _ in self._spoken(words)) == len(words)

    def _count(self, word: str) -> None:
        self._first = self._first or time.monotonic()
        self._left -= 1
        self._answer.append(word)
        self._cache.append(word)

    def _usage(self) -> Usage:
        now = time.monotonic()
        first = self._first or now
        images = sum(token.startswith("<image>") for token in self._prompt)
        return Usage(
            prompt_tokens=len(self._prompt),
            evaluated_tokens=len(self._prompt) - self._reused,
            reused_tokens=self._reused,
            image_tokens=images,
            audio_tokens=sum(token.startswith("<audio>") for token in self._prompt),
            completion_tokens=len(self._answer),
            ttft_ms=(first - self._began) * 1000,
            prefill_ms=(first - self._began) * 1000,
            decode_ms=(now - first) * 1000,
        )


def _words(text: str) -> list[str]:
    """``text`` in words that keep the space behind them, so that they join to the same text."""
    return re.findall(r"\s*\S+\s*$|\s*\S+|\s+$", text)


def _call_words(name: str, arguments: Mapping[str, Any]) -> list[str]:
    return [f"<call>{name}", *_words(json.dumps(arguments, sort_keys=True))]


def _common(one: list[str], other: list[str]) -> int:
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _error(step: Raise) -> Exception:
    found = getattr(errors, step.error, None)
    if isinstance(found, type) and issubclass(found, ModelError):
        return found(step.sentence)
    return RuntimeError(step.sentence)


def _crash(how: str | int) -> None:
    if isinstance(how, int):
        os._exit(how)
    os.kill(os.getpid(), signal.Signals[how])
    time.sleep(10)  # SIGKILL is delivered at once, others at the next instruction
