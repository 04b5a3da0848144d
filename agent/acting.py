"""What becomes of one call: checked, permitted or asked about, run. A refusal is data for the model, never an error."""

from __future__ import annotations

import json
import time
from concurrent.futures import CancelledError
from dataclasses import replace

from deskhand.agent.events import Answer, ApprovalRequest, ApprovalRequested, CallRecord, Decision
from deskhand.agent.limits import Limits
from deskhand.agent.safety.permissions import Permissions
from deskhand.agent.tool import Tool, ToolResult
from deskhand.agent.tools import arguments
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.agent.turn import Turn
from deskhand.model.types import ToolCall

MAX_REPEATS = 3
"""How often one turn may make the very same call, and never twice in a row."""


class _NotRunError(Exception):
    """A call that may not run: who said so, and the sentence for the model and the person."""

    def __init__(self, decision: Decision, reason: str) -> None:
        super().__init__(reason)
        self.decision = decision


def act(turn: Turn, call: ToolCall, toolbox: Toolbox, permissions: Permissions, limits: Limits) -> _Acted:
    """Decide about one call and run it if it may; blocks while the person is asked."""
    try:
        tool, exact = _check(turn, call, toolbox)
        decision = _permit(turn, tool, exact, toolbox, permissions)
    except _NotRunError as refused:
        result = ToolResult(error=str(refused))
        return CallRecord(call, refused.decision, error=result.error), result
    result = toolbox.run(exact, turn.stop, limits)
    return CallRecord(call, decision, result.value, result.error, result.seconds), result


_Acted = tuple[CallRecord, ToolResult]


def _check(turn: Turn, call: ToolCall, toolbox: Toolbox) -> tuple[Tool, ToolCall]:
    """The tool, and the call with exactly the arguments that would run."""
    if turn.stop.is_set():
        raise _NotRunError(Decision.REFUSED, "The turn was stopped before this ran.")
    if turn.closing:
        raise _NotRunError(Decision.REFUSED, "No more calls in this turn: answer.")
    tool = toolbox.find(call.name)
    if tool is None:
        names = ", ".join(spec.name for spec in toolbox.specs) or "none"
        raise _NotRunError(Decision.REFUSED, f"There is no tool named {call.name[:60]}. Tools are: {names}.")
    try:
        exact = replace(call, arguments=arguments.fit(tool.parameters, call.arguments))
    except arguments.MisfitError as error:
        raise _NotRunError(Decision.REFUSED, str(error)) from error
    key = f"{exact.name} {json.dumps(dict(exact.arguments), sort_keys=True)}"
    repeated = turn.made[-1:] == [key] or turn.made.count(key) >= MAX_REPEATS
    turn.made.append(key)
    if repeated:
        # Small models do this for ever (LM Studio issue 1732): one more generation, in which it has to answer.
        turn.closing = True
        raise _NotRunError(Decision.REFUSED, "This very call was made before: use its result and answer.")
    return tool, exact


def _permit(turn: Turn, tool: Tool, call: ToolCall, toolbox: Toolbox, permissions: Permissions) -> Decision:
    verdict = permissions.decide(tool, call, screen_shared=turn.screen_shared)
    if verdict == "allow":
        return Decision.ALLOWED
    if verdict == "deny":
        raise _NotRunError(Decision.DENIED, permissions.denial(tool))
    answer = _ask(turn, ApprovalRequest(call, tool.skill, tool.description, toolbox.touches(tool)))
    if answer is Answer.NO:
        raise _NotRunError(Decision.DENIED, "The person did not allow this.")
    if answer is Answer.SESSION:
        permissions.grant_for_session(tool, call)
    return Decision.APPROVED


def _ask(turn: Turn, request: ApprovalRequest) -> Answer:
    """Ask the person and wait as long as they like: the time does not count."""
    asked = time.monotonic()
    turn.emit(ApprovalRequested(request))
    while True:
        try:
            answer = request.reply.result(timeout=0.05)
        except TimeoutError:
            if turn.stop.cancelled and request.reply.cancel():
                raise _NotRunError(Decision.DENIED, "The turn was stopped before this was allowed.") from None
            continue
        except CancelledError:
            answer = Answer.NO  # whoever showed it went away
        turn.stop.extend(time.monotonic() - asked)
        return answer
