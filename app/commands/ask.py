"""`deskhand ask`: one turn in the terminal."""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import threading
from collections.abc import Callable
from concurrent.futures import InvalidStateError
from dataclasses import asdict
from types import FrameType
from typing import Any

from deskhand.agent.events import (
    Answer,
    ApprovalRequest,
    ApprovalRequested,
    CallEnded,
    CallProposed,
    CallRecord,
    Decision,
    Event,
    Notice,
    Outcome,
    Progressed,
    TextAdded,
)
from deskhand.agent.history import HistoryError
from deskhand.agent.percept import Percept, ScreenPercept, SoundPercept
from deskhand.agent.safety.grants import DAYS
from deskhand.app import capture, keys, settings, terminal, wiring
from deskhand.app.capture import CaptureError
from deskhand.app.commands import question
from deskhand.app.environment import DataFolderError
from deskhand.app.panic import StopListener
from deskhand.app.pictures import PictureError, read_image
from deskhand.app.visible import line
from deskhand.model import sound
from deskhand.model.cascade.ocr import Reader
from deskhand.model.errors import BundleError, ModelError
from deskhand.model.types import Usage

_MOST = 4_000
"""Characters of a call's result that are shown; the history holds it whole."""


def _percepts(options: argparse.Namespace, budget: int) -> list[Percept]:
    found: list[Percept] = [ScreenPercept(read_image(path, budget), source=path.name) for path in options.image]
    if options.screen:
        found.append(capture.grab(budget=budget))
    return found + [SoundPercept(sound.read_audio(path), source=path.name) for path in options.audio]


def _ask_person(request: ApprovalRequest, cancel: threading.Event, reader: Reader) -> Answer:
    """Show the exact call and read the answer; anything but a clear yes is a no."""
    for text in question.lines(request, reader.words):
        terminal.err.line(text)
    if not terminal.attended():
        terminal.err("Nobody is here to ask, so the answer is no. Allow it with --approve NAME.")
        return Answer.NO
    answers = {"y": Answer.ONCE, "yes": Answer.ONCE}
    words = ["[y]es once"]
    if request.session:
        answers["s"] = Answer.SESSION
        words.append(f"for this [s]ession ({line(request.session, 200)})")
    if request.always:
        answers["always"] = Answer.ALWAYS
        words.append(f"“always” for {DAYS} days ({line(request.always, 200)})")
    given = terminal.answer(f"Allow? {', '.join(words)}, [N]o: ", cancel)
    return answers.get(given, Answer.NO)


def _reply(request: ApprovalRequest, answer: Answer) -> None:
    with contextlib.suppress(InvalidStateError):  # the turn was stopped meanwhile
        request.reply.set_result(answer)


class _Printer:
    """Shows a turn's events: the answer on standard output, everything else on standard error."""

    def __init__(self, cancel: threading.Event, *, quiet: bool) -> None:
        self._cancel = cancel
        self._quiet = quiet
        self._reader = Reader()
        self.streamed = ""

    def __call__(self, event: Event) -> None:
        match event:
            case ApprovalRequested(request):
                terminal.clear()
                _reply(request, _ask_person(request, self._cancel, self._reader))
            case TextAdded(text) if not self._quiet:
                terminal.clear()
                self.streamed += text
                terminal.out(text, end="")
            case Progressed(stage, done, total) if not self._quiet:
                terminal.status(f"{stage} {done}/{total}")
            case CallProposed(call) if not self._quiet:
                terminal.clear()
                terminal.err.line(f"→ {call.name} {json.dumps(dict(call.arguments), ensure_ascii=False)}")
            case CallEnded(record) if not self._quiet:
                what = record.error or json.dumps(record.result, ensure_ascii=False)
                terminal.err.line(line(f"← {_became(record)}: {what}", _MOST))
            case Notice(kind, text):
                terminal.clear()
                terminal.err.line(f"[{kind}] {text}")
            case _:
                pass


def _became(record: CallRecord) -> str:
    """What became of a call, in a word."""
    if record.decision in {Decision.DENIED, Decision.REFUSED}:
        return record.decision.value
    return "failed" if record.error else "done"


def as_json(outcome: Outcome) -> dict[str, Any]:
    """The turn as the object that ``--json`` prints."""
    return {
        "answer": outcome.answer,
        "tool_calls": [record.as_json() for record in outcome.calls],
        "finish": outcome.finish,
        "error": outcome.error,
        "usage": {
            **asdict(outcome.usage),
            "acceptance": round(outcome.usage.acceptance, 4),
            "tokens_per_step": round(outcome.usage.tokens_per_step, 4),
        },
    }


def _failed(sentence: str) -> Outcome:
    return Outcome(answer=sentence, calls=(), finish="error", usage=Usage(), error=sentence)


def _turn(options: argparse.Namespace, show: _Printer, cancel: threading.Event) -> Outcome:
    chosen = settings.load(**options.settings)
    percepts = _percepts(options, chosen.image_budget)
    approve = options.approve
    names = [] if approve in {"ask", "never"} else [name.strip() for name in approve.split(",") if name.strip()]
    ask_secret = keys.asker(cancel)
    try:
        desk = wiring.build(chosen, wiring.open_history(), show, names, ask=approve == "ask", ask_secret=ask_secret)
    except BundleError as error:
        raise BundleError(f"{error} {wiring.instead(chosen)}".rstrip()) from error
    try:
        latest = desk.store.latest() if options.go_on else None
        conversation = latest if latest is not None else desk.store.new_conversation()
        outcome = desk.agent.turn(
            conversation,
            options.text,
            percepts,
            show,
            cancel,
            tool_choice=options.tool_choice,
            max_tokens=options.max_tokens,
        )
        if options.wait_timers:
            desk.timers.start()
            desk.timers.wait(cancel)
        elif waiting := desk.timers.pending():
            show(
                Notice(
                    "timer", f"{len(waiting)} timer(s) are set; they fire in the window, or here with --wait-timers."
                )
            )
        return outcome
    finally:
        desk.close()


def _stop_on_interrupt(cancel: threading.Event) -> Callable[[], None]:
    """Let the first Ctrl-C cancel the turn and the second end the process; returns how to undo that."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        if cancel.is_set():
            raise KeyboardInterrupt
        cancel.set()

    before = signal.signal(signal.SIGINT, stop)
    return lambda: (signal.signal(signal.SIGINT, before), None)[1]


def run(options: argparse.Namespace) -> int:
    """Run one turn and return 0 if it ended well, 130 if it was interrupted, else 1."""
    cancel = threading.Event()
    undo = _stop_on_interrupt(cancel)
    show = _Printer(cancel, quiet=options.json)
    try:
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(StopListener(cancel.set))
            except DataFolderError:
                raise
            except OSError as error:
                show(Notice("stop", f"“deskhand stop” can't reach this program: {error}"))
            outcome = _turn(options, show, cancel)
    except BrokenPipeError:
        raise
    except (ModelError, HistoryError, CaptureError, PictureError, settings.SettingsError, OSError) as error:
        outcome = _failed(str(error))
    finally:
        undo()
    if options.json:
        terminal.data(as_json(outcome))
    elif outcome.finish == "error":
        terminal.err(f"\n{outcome.error}" if show.streamed else outcome.error)
    elif show.streamed:
        terminal.out()
    else:
        terminal.out(outcome.answer)
    return {"stop": 0, "cancelled": 130}.get(outcome.finish, 1)
