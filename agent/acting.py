"""What becomes of one call: checked, permitted or asked about, run. A refusal is data for the model, never an error."""

from __future__ import annotations

import contextlib
import json
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol, cast

from deskhand.agent import hearing_back, scopes, screening
from deskhand.agent.background import Background
from deskhand.agent.events import Aim, Answer, ApprovalRequest, ApprovalRequested, CallRecord, Decision, Notice
from deskhand.agent.filename import spelled
from deskhand.agent.hearing import Hearing
from deskhand.agent.history import Store
from deskhand.agent.limits import Limits
from deskhand.agent.origin import Origin
from deskhand.agent.safety import addresses, changes, destination, hearback, provenance, taint
from deskhand.agent.safety.changes import BoundCall, Change
from deskhand.agent.safety.grants import DAYS, GrantsError
from deskhand.agent.safety.painting import Painter
from deskhand.agent.safety.permissions import Permissions, Situation, decide, offered
from deskhand.agent.safety.sentence import sentence
from deskhand.agent.task import TaskError
from deskhand.agent.tool import Tool, ToolResult
from deskhand.agent.tools import arguments, disclosure
from deskhand.agent.tools.host import HostError
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.agent.turn import Turn
from deskhand.model.types import Image, ToolCall

MAX_REPEATS = 3
"""How often one turn may make the very same call, and never twice in a row."""

MAX_REFUSED = 3
"""How many calls in a row may be repetitions: each is refused, and after the last one the turn has to answer."""

MOVED = "A folder on the way to it is being exchanged; nothing was written."

AT_ONCE = 4
"""Calls that run at the same time: each may be a process."""


class Sight(Protocol):
    """Shows where on the screen a call would act, and lets it act there or not at all (`deskhand.app.host.sight`)."""

    def aim(self, tool: Tool, call: ToolCall, cancel: threading.Event) -> Aim | None:
        """What is there; None where the call acts at no place of the screen."""
        ...


OPEN_ADDRESS = "open_address"


class _NotRunError(Exception):
    """A call that may not run: who said so, and the sentence for the model and the person."""

    def __init__(self, decision: Decision, reason: str) -> None:
        super().__init__(reason)
        self.decision = decision


class _NothingToDoError(Exception):
    """A call that would leave everything as it is, so nobody is asked and it does not run; the sentence says so."""


_Acted = tuple[CallRecord, ToolResult, tuple[Origin, ...]]
"""What is kept of a call, what the model reads of it, and what of that nobody vouches for."""


@dataclass(frozen=True)
class _Admitted:
    """A call that may run: as the model wrote it, its tool, exactly what runs, and who said so."""

    call: ToolCall
    tool: Tool
    exact: ToolCall
    decision: Decision


class Actor:
    """Lets calls become what they may.

    Args:
        toolbox: what there is to call.
        permissions: what may run without asking.
        store: remembers whose files were written while tainted.
        limits: of one call.
        background: keeps what calls let go on; None where nothing can.
        painter: paints over secrets in what tools looked at.
        hearing: writes down what the person says to a question; None where nothing hears.
        sight: shows where on the screen a call would act.
    """

    def __init__(
        self,
        toolbox: Toolbox,
        permissions: Permissions,
        store: Store,
        limits: Limits,
        background: Background | None = None,
        *,
        painter: Painter | None = None,
        hearing: Hearing | None = None,
        sight: Sight | None = None,
    ) -> None:
        self._hearing = hearing
        self._sight = sight
        self._background = background
        self._painter = painter
        self._toolbox = toolbox
        self._permissions = permissions
        self._store = store
        self._limits = limits

    def act(self, turn: Turn, calls: Sequence[ToolCall]) -> Iterator[_Acted]:
        """Decide about each call and run it if it may; blocks while the person is asked.

        Neighbours that only read and need no question run at the same time. What they come to is given in the order of
        the calls, and before a call that asks or changes something is looked at.
        """
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="tool") as pool:
            running: list[Callable[[], _Acted]] = []
            for call in calls:
                reads = len(calls) > 1 and self._only_reads(turn, call)
                if not reads:
                    yield from (ended() for ended in running)
                    running.clear()
                admitted = self._admit(turn, call)
                if not isinstance(admitted, _Admitted):
                    running.append(partial(_as_it_is, admitted))
                    continue
                result = pool.submit(self._toolbox.run, admitted.exact, turn.stop, self._limits)
                running.append(partial(self._ended, turn, admitted, result))
                if not reads:
                    yield running.pop()()
            yield from (ended() for ended in running)

    def _only_reads(self, turn: Turn, call: ToolCall) -> bool:
        """Whether a call runs without a question and changes nothing, not even its skill's own files."""
        tool = self._toolbox.find(call.name)
        if tool is None:
            return True  # it will be refused
        tool = tool.as_called(call)
        if scopes.changes(tool.scopes, quiet=tool.quiet):
            return False
        return decide(tool, call, self._situation(turn, call)).decision == "allow"

    def _admit(self, turn: Turn, call: ToolCall) -> _Admitted | _Acted:
        """Let a call in, or say what became of it instead."""
        try:
            tool, exact = _check(turn, call, self._toolbox)
            exact = self._meant(turn, tool, exact)
            decision, exact = self._permit(turn, tool, exact)
            self._log(turn, tool, exact, decision)
        except _NotRunError as refused:
            turn.note("call", name=call.name, arguments=call.arguments, decision=refused.decision, reason=str(refused))
            result = ToolResult(error=str(refused))
            return CallRecord(call, refused.decision, error=result.error), result, ()
        except _NothingToDoError as idle:
            value = {"told": str(idle)}
            turn.note("call", name=call.name, arguments=call.arguments, decision=Decision.ALLOWED, reason=str(idle))
            return CallRecord(call, Decision.ALLOWED, value), ToolResult(value), ()
        if turn.taint:
            self._store.mark(*provenance.marks(tool, exact))  # before it runs: it may keep what others said
        return _Admitted(call, tool, exact, decision)

    def _ended(self, turn: Turn, admitted: _Admitted, running: Future[ToolResult]) -> _Acted:
        """What a call comes to that runs; waits for its end."""
        tool, result = admitted.tool, self._begun(turn, self._made_room(turn, admitted.tool, running.result()))
        result = screening.result(result, self._painter, turn.emit, turn.stop)
        origins = (*result.origins, *taint.of_result(tool, admitted.exact, marked=self._kept(tool, result)))
        if result.images:
            origins = tuple(replace(origin, media=result.images[-1].digest) for origin in origins)
        images = [image.digest for image in result.images]
        turn.note("result", name=tool.name, value=result.value, error=result.error, images=images)
        record = CallRecord(admitted.call, admitted.decision, result.value, result.error, result.seconds)
        return record, result, origins

    def _made_room(self, turn: Turn, tool: Tool, result: ToolResult) -> ToolResult:
        """Tell with what brings tools which others have to wait from now on, as a prompt has no room for all."""
        brings = tool.name in {disclosure.ACTIVATE, disclosure.LOAD} or tool.name.endswith(disclosure.CONNECT)
        if not brings or not isinstance(result.value, Mapping):
            return result
        value = cast("Mapping[str, Any]", result.value)
        active = disclosure.activated(message for message, _ in turn.traced)
        now = {each.name for each in self._toolbox.declared((*active, str(value.get("activated", ""))))}
        waiting = sorted(name for name in turn.offered - now if self._toolbox.find(name))
        said = f"{', '.join(waiting)} had to make room: {disclosure.ACTIVATE} with the name of one brings it back."
        return replace(result, value={**value, "waiting": said}) if waiting else result

    def _kept(self, tool: Tool, result: ToolResult) -> bool:
        """Whether a result says what others wrote and a call had kept."""
        if not scopes.own(tool.scopes):
            return False
        marked = self._store.marked()
        return tool.skill in marked or provenance.known((result.value, result.error), marked)

    def _begun(self, turn: Turn, result: ToolResult) -> ToolResult:
        """Let what a call asked for go on, as part of this conversation and as tainted as it is."""
        if self._background is None or result.error or turn.stop.is_set():
            return result
        try:
            for task in result.begins:
                self._background.begin(replace(task, conversation=turn.conversation, origins=turn.taint.origins))
                turn.note("task", id=task.id, task=task.kind, what=task.what, due=task.due)
        except TaskError as error:
            return replace(result, value=None, error=str(error))
        return result

    def _situation(self, turn: Turn, call: ToolCall) -> Situation:
        return self._permissions.situation(call, tainted=bool(turn.taint), screen_shared=turn.screen_shared)

    def _permit(self, turn: Turn, tool: Tool, call: ToolCall) -> tuple[Decision, ToolCall]:
        """Who lets a call run, and the call bound to what it would change in a file."""
        situation = self._situation(turn, call)
        verdict = decide(tool, call, situation)
        if verdict.decision == "deny":
            raise _NotRunError(Decision.DENIED, verdict.reason)
        change = self._change(turn, tool, call, situation)
        if change and change.idle and tool.bundled:
            raise _NothingToDoError(changes.IDLE)
        bound = BoundCall(call.id, call.name, call.arguments, change) if change else call
        if verdict.decision == "allow":
            return Decision.ALLOWED, bound
        answer = _ask(turn, self._request(turn, tool, call, situation, change), self._hearing)
        if answer is Answer.NO:
            raise _NotRunError(Decision.DENIED, "You didn't allow this.")
        grant = offered(tool, call, situation, answer)
        if grant:
            try:
                kept = self._permissions.remember(grant)
                turn.note("grant", covers=kept.words, days=DAYS if answer is Answer.ALWAYS else 0, id=kept.id)
            except GrantsError as error:
                turn.emit(Notice("grants", f"It runs this time, and you will be asked again: {error}"))
        return Decision.APPROVED, bound

    def _meant(self, turn: Turn, tool: Tool, call: ToolCall) -> ToolCall:
        """The call with what words such as “the last one” mean; where that is not clear nobody is asked to allow it."""
        try:
            return self._toolbox.exact(tool, call, turn.stop, self._limits)
        except HostError as error:
            raise _NotRunError(Decision.REFUSED, str(error)) from error

    def _change(self, turn: Turn, tool: Tool, call: ToolCall, situation: Situation) -> Change | None:
        """What a call would change in a file; what can't be done is refused before anybody is asked."""
        try:
            change = self._toolbox.plan(tool, call, turn.stop)
        except HostError as error:
            if tool.bundled:
                raise _NotRunError(Decision.REFUSED, str(error)) from error
            return None  # what a foreign tool does with its arguments is its own affair: it is refused when it asks
        if change and not tool.rehearses and not set(change.paths) <= set(situation.paths):
            raise _NotRunError(Decision.REFUSED, MOVED)  # a folder was exchanged since it was decided about
        return change

    def _log(self, turn: Turn, tool: Tool, call: ToolCall, decision: Decision) -> None:
        """Write down what is about to run, before it does; what acts outside does not run unwritten."""
        problem = turn.note(
            "call",
            name=tool.name,
            skill=tool.skill,
            arguments=call.arguments,
            scopes=tool.scopes,
            tainted=[origin.words for origin in turn.taint.origins],
            decision=decision,
        )
        if problem and scopes.lets_out(tool.scopes):
            raise _NotRunError(Decision.DENIED, f"{tool.name} did not run, because that could not be logged: {problem}")

    def _request(
        self, turn: Turn, tool: Tool, call: ToolCall, situation: Situation, change: Change | None
    ) -> ApprovalRequest:
        """All that the person needs to know to answer."""
        read = turn.taint
        session, always = (offered(tool, call, situation, answer) for answer in (Answer.SESSION, Answer.ALWAYS))
        command = self._toolbox.preview(tool, call)
        named = _named(call, change)
        said = hearback.phrase(tool, named, tainted=bool(read), command=command)
        aim = self._sight.aim(tool, call, turn.stop) if self._sight else None
        question, note, told = sentence(tool, named, aim)
        return ApprovalRequest(
            call,
            tool.skill,
            tool.description,
            _touched(tool, self._toolbox.touches(tool), call),
            origins=read.origins,
            carried=read.carried(call.arguments),
            picture=_picture(turn, read.origins),
            aim=aim,
            read=screening.excerpt(read, read.carried(call.arguments), self._painter),
            command=command,
            diff=changes.diff(change) if change else tool.difference,
            lasting=" ".join(filter(None, (changes.lasting(change) if change else "", _counts(tool, call, situation)))),
            session=session.words if session else "",
            always=always.words if always else "",
            phrase=said.text,
            why_not=said.why_not,
            question=question,
            note=note,
            told=told,
        )


def _as_it_is(acted: _Acted) -> _Acted:
    return acted


def _named(call: ToolCall, change: Change | None) -> ToolCall:
    """A call with the files that it really would change, in place of links to them."""
    if change is None or "path" not in call.arguments:
        return call
    names = {"path": change.path, **({"target": change.target} if change.target else {})}
    return replace(call, arguments={**call.arguments, **{key: spelled(str(path)) for key, path in names.items()}})


def _counts(tool: Tool, call: ToolCall, situation: Situation) -> str:
    """What a mere “once” covers besides this call, in words; usually nothing."""
    more = offered(tool, call, situation, Answer.ONCE)
    return f"You can take this back. A yes also allows, until Deskhand is closed: {more.words}." if more else ""


def _touched(tool: Tool, touches: tuple[str, ...], call: ToolCall) -> tuple[str, ...]:
    """What a tool may touch, with the one host that this call would reach in place of all that it could."""
    url = str(call.arguments.get("url", ""))
    host = addresses.host(url)
    any_host = scopes.words(f"network:{scopes.ANY_HOST}")
    lines = tuple(f"network: {host}" if host and line == any_host else line for line in touches)
    if tool.name != OPEN_ADDRESS:
        return lines
    leads = destination.of(url)
    return (*lines, *([f"network: {leads.host}"] if leads.host else []), *leads.notes)


def _check(turn: Turn, call: ToolCall, toolbox: Toolbox) -> tuple[Tool, ToolCall]:
    """The tool, and the call with exactly the arguments that would run."""
    if turn.stop.is_set():
        raise _NotRunError(Decision.REFUSED, "The turn was stopped before this ran.")
    if turn.closing:
        raise _NotRunError(Decision.REFUSED, "No more calls in this turn: answer.")
    tool = toolbox.find(call.name)
    if tool is None:
        names = ", ".join(sorted(turn.offered)) or "none"
        raise _NotRunError(Decision.REFUSED, f"There is no tool named {call.name[:60]}. Tools are: {names}.")
    history = [message for message, _ in turn.traced]
    if tool.name not in turn.offered | {disclosure.LOAD} and tool.skill not in toolbox.running(history):
        raise _NotRunError(Decision.REFUSED, f"{tool.name} is not active: activate {tool.skill} first.")
    try:
        exact = replace(call, arguments=arguments.fit(tool.parameters, call.arguments))
    except arguments.MisfitError as error:
        raise _NotRunError(Decision.REFUSED, str(error)) from error
    key = f"{exact.name} {json.dumps(dict(exact.arguments), sort_keys=True)}"
    if turn.made[-1:] == [key] or turn.made.count(key) >= MAX_REPEATS:
        turn.repeated += 1
        # Small models do this for ever (LM Studio issue 1732): one more generation, in which it has to answer.
        turn.closing = turn.repeated >= MAX_REFUSED
        then = "use its result and answer" if turn.closing else "use its result, and go on or answer"
        raise _NotRunError(Decision.REFUSED, f"This very call was made before: {then}.")
    turn.made.append(key)
    turn.repeated = 0
    return tool.as_called(exact), exact


def _picture(turn: Turn, origins: tuple[Origin, ...]) -> Image | None:
    """The newest picture among what the model read that nobody vouches for."""
    wanted = {origin.media for origin in origins}
    parts = (part for message, _ in reversed(turn.traced) for part in reversed(message.parts))
    return next((part for part in parts if isinstance(part, Image) and part.digest in wanted), None)


def _ask(turn: Turn, request: ApprovalRequest, hearing: Hearing | None) -> Answer:
    """Ask the person and wait as long as they like, also listening to them: the time does not count."""
    asked = time.monotonic()
    turn.emit(ApprovalRequested(request))
    while True:
        try:
            answer = request.reply.result(timeout=0.05)
        except TimeoutError:
            if turn.stop.cancelled and request.reply.cancel():
                raise _NotRunError(Decision.DENIED, "The turn was stopped before this was allowed.") from None
            with contextlib.suppress(queue.Empty):
                hearing_back.hear(turn, request, request.said.get_nowait(), hearing)
            continue
        except CancelledError:
            answer = Answer.NO  # whoever showed it went away
        turn.stop.extend(time.monotonic() - asked)
        return answer
