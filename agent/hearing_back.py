"""An approval by voice: a recording of the person's own microphone → what was understood → whether it allows the call.

The engine that hears is the one that asked for the call, so it is not told of the call: it gets the recording
alone, and code compares the words.
"""

from __future__ import annotations

import threading
from concurrent.futures import InvalidStateError

from deskhand.agent.events import Answer, ApprovalHeard, ApprovalRequest
from deskhand.agent.hearing import CANNOT_HEAR, Hearing
from deskhand.agent.percept import SoundPercept
from deskhand.agent.safety.hearback import objection
from deskhand.agent.turn import Turn
from deskhand.model.errors import ModelError


def hear(turn: Turn, request: ApprovalRequest, percept: SoundPercept, hearing: Hearing | None) -> None:
    """Answer one recording: allow the call once if it says the phrase, and tell what was heard either way."""
    text, over = "", _Over(turn, request)
    why = _foreign(request, percept) or ("" if request.phrase else request.why_not)
    if not hearing:
        why = CANNOT_HEAR
    elif not why:
        try:
            text = hearing.transcribe(percept.audio, over)
            why = objection(request.phrase, text)
        except ModelError as error:
            why = f"It could not be understood: {error}"
    if over.is_set():
        return  # answered by hand meanwhile, or stopped: what was understood until then may be half of what was said
    if not why:
        try:
            request.reply.set_result(Answer.SPOKEN)
        except InvalidStateError:
            return
    turn.note("heard", call=request.call.name, text=text, sha256=percept.audio.digest, objection=why)
    turn.emit(ApprovalHeard(request.call.id, text, why))


def _foreign(request: ApprovalRequest, percept: SoundPercept) -> str:
    if not percept.own or percept.audio.growing or percept.taken < request.asked:
        return "Only what is said into the microphone while the question is open counts."
    return ""


class _Over(threading.Event):
    """Set when nobody waits for the answer any more."""

    def __init__(self, turn: Turn, request: ApprovalRequest) -> None:
        super().__init__()
        self._turn = turn
        self._request = request

    def is_set(self) -> bool:
        return self._turn.stop.cancelled or self._request.reply.done()
