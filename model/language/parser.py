"""Streaming parsing of what Gemma 4 generates: text, thought, tool calls.

Only control tokens delimit, never characters that look like one, so no delimiter can leak into the text, and of it only
is held back what may be a call of a known tool without its token or in another envelope (`envelope`).
A call is read strictly (`calls`), and if that fails, as what it most likely means (`repair`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from deskhand.model.language.calls import CallError, new_call_id, parse_call
from deskhand.model.language.envelope import (
    EVERY_TOKEN,
    Envelope,
    next_look,
    opens_fence,
    prose_follows,
    repaired_calls,
)
from deskhand.model.language.literals import QUOTE
from deskhand.model.language.repair import MARK, RepairError, Tools
from deskhand.model.types import BrokenCall, CallDelta, TextDelta, ThoughtDelta, ToolCall, ToolSpec

Parsed = TextDelta | ThoughtDelta | CallDelta | BrokenCall

_CALL, _END_OF_CALL = "<|tool_call>", "<tool_call|>"
_CHANNEL, _END_OF_CHANNEL = "<|channel>", "<channel|>"
_UNDECIDED = re.compile(r"\s*[\w.$:-]*")
_BEGUN = re.compile(r"\s*(?:call\s*:|[\w.$:-]*\s*[{(])")
_LINE, _REST_OF_LINE = re.compile(r"\s*\S[^\n]*(?=\n)"), re.compile(r"[^\n]*(?=\n)")
_MARKER = re.compile(r"<\|?tool_call\|?>\s*")
_NOISE = re.compile(r"<\|channel>.*?<channel\|>|<\|channel>(?:thought\n?)?|<channel\|>", re.DOTALL)


class GemmaParser:
    r"""One completion: text, ``<|channel>thought\n…\n<channel|>``, ``<|tool_call>call:NAME{…}<tool_call|>``.

    A thought's closing newline belongs to the delimiter. A call inside a thought ends the thought. Control tokens that
    mean nothing where they stand are dropped. ``<|tool_call>`` that nothing like a call follows is text.

    Args:
        tools: that may be called. Without them there are no repairs.
        calls_allowed: False makes every call a `BrokenCall`.
    """

    def __init__(self, tools: Sequence[ToolSpec] = (), *, calls_allowed: bool = True) -> None:
        self._tools = Tools(tools)
        self._envelope = Envelope(self._tools)
        self._calls_allowed = calls_allowed
        self._state = "text"
        self._header = ""
        self._newline = ""
        self._held = ""
        self._look_at = 0
        self._fresh = self._whole = True
        self._in_fence, self._line = False, ""
        self._sure = self._tagged = False
        self._call: list[tuple[str, bool]] = []

    def feed(self, piece: str, *, special: bool) -> list[Parsed]:
        """Take the text of one token; ``special`` says that it is a control token and not characters that look so."""
        if self._state == "call":
            return self._in_call_control(piece) if special else self._in_call(piece)
        if special:
            out = self._decided()
            more = self._in_call_control(piece) if self._state == "call" else self._control(piece)
            return [*out, *more]
        if not piece:
            return []
        if self._state == "text":
            return self._in_text(piece)
        return self._in_thought(piece)

    def finish(self) -> list[Parsed]:
        """Give what is still held back; a call that was cut off becomes a `BrokenCall`."""
        out: list[Parsed] = []
        if self._state != "call":
            out, self._state = self._decided(), self._state if self._state == "call" else "text"
        return [*out, *self._cut_off()] if self._state == "call" else out

    def _cut_off(self) -> list[Parsed]:
        if not self._tagged and prose_follows(self._written()):
            return self._an_example()
        return self._ended(finished=False)

    def _control(self, token: str) -> list[Parsed]:
        if token == _CALL:
            self._begin("", tagged=True)
        elif token == _CHANNEL:
            self._state = "header"
            self._header = self._newline = ""
        elif self._state != "text" and token == _END_OF_CHANNEL:
            self._state, self._fresh = "text", True
        return []

    def _begin(self, text: str, *, tagged: bool) -> None:
        self._state, self._tagged, self._sure, self._look_at = "call", tagged, not tagged, 0
        self._call = [(text, False)] if text else []

    def _decided(self) -> list[Parsed]:
        """Give what was held back: calls in another envelope, or text."""
        out = self._looked() if self._state == "text" else []
        text, self._held = self._held, ""
        return [*out, *self._read_held(text)] if text else out

    def _read_held(self, text: str) -> list[Parsed]:
        try:
            calls = self._envelope.calls(text, whole=self._whole) if self._fresh else []
        except CallError as error:
            return [BrokenCall(text, str(error))]
        self._whole = False
        if calls and not self._calls_allowed:
            return [BrokenCall(text, "No tool may be called now.")]
        return [CallDelta(call) for call in calls] or [TextDelta(text)]

    def _in_text(self, piece: str) -> list[Parsed]:
        """Text; from the beginning of a line on it may be a call whose first token was forgotten (vLLM issue 54256)."""
        if not self._tools.names:
            return [TextDelta(piece)]
        self._held += piece
        return self._looked() if len(self._held) >= self._look_at else []

    def _looked(self) -> list[Parsed]:
        out: list[Parsed] = []
        self._look_at = 0
        while self._held:
            line = (_LINE if self._fresh else _REST_OF_LINE).match(self._held)
            if self._fresh and not self._in_fence:
                begun = self._held.lstrip()
                if _begins_call(begun, self._tools.names):
                    self._begin(begun, tagged=False)
                    self._held = ""
                    break
                if self._envelope.may_begin(begun, whole=self._whole):
                    self._look_at = next_look(len(self._held))
                    break
                self._whole = False
            text = line[0] if line else self._held
            self._line += text
            if line:
                self._in_fence, self._line = opens_fence(self._line, inside=self._in_fence), ""
            self._held, self._fresh = self._held[len(text) :], line is not None
            out += [TextDelta(text)] if text else []
        return out

    def _an_example(self) -> list[Parsed]:
        """Give what looked like a call without its token as text: prose follows it."""
        self._state, self._fresh = "text", False
        return [TextDelta(self._written())]

    def _in_thought(self, piece: str) -> list[Parsed]:
        if self._state == "header":
            self._header += piece
            _, newline, piece = self._header.partition("\n")
            if not newline:
                return []
            self._state = "thought"
        text = self._newline + piece
        self._newline = "\n" if text.endswith("\n") else ""
        text = text.removesuffix("\n")
        return [ThoughtDelta(text)] if text else []

    def _in_call(self, piece: str) -> list[Parsed]:
        self._call.append((piece, False))
        if self._sure and (self._tagged or len(self._call) < self._look_at):
            return []
        text = self._written()
        if not self._tagged and prose_follows(text):
            return self._an_example()
        if self._sure:
            self._look_at = next_look(len(self._call)) if len(text) > EVERY_TOKEN else 0
            return []
        if _BEGUN.match(text):
            self._sure = True
        elif not _UNDECIDED.fullmatch(text):
            # Somebody writes about the token (llama.cpp issue 22371): the answer must not end here.
            self._state, self._fresh = "text", False
            return [TextDelta(_CALL + text)]
        return []

    def _in_call_control(self, token: str) -> list[Parsed]:
        if token == QUOTE or (token in (_CHANNEL, _END_OF_CHANNEL) and "BEGIN_ARG" in self._written()):
            self._call.append((token, True))
            return []
        if token == _END_OF_CALL:
            return self._ended(end=token)
        # Another call may begin right here: this one was never closed.
        ended = self._ended(f"There is a control token {token} inside the call.", token, finished=False)
        return [*ended, *self._control(token)]

    def _written(self) -> str:
        return "".join(text for text, _ in self._call)

    def _ended(
        self, problem: str = "The call was not finished.", end: str = "", *, finished: bool = True
    ) -> list[Parsed]:
        """The calls, or what is wrong; ``finished`` unless the last token is missing, ``problem`` if it is."""
        self._state, self._fresh, self._whole = "text", True, False
        raw = (_CALL if self._tagged else "") + self._written() + end
        try:
            calls = self._read(finished=finished)
        except CallError as error:
            return [BrokenCall(raw, str(error) if finished else problem)]
        if not self._calls_allowed:
            return [BrokenCall(raw, "No tool may be called now.")]
        return [CallDelta(call) for call in calls]

    def _read(self, *, finished: bool) -> list[ToolCall]:
        if not self._tagged and (calls := self._envelope.python(self._written().strip())):
            return calls
        try:
            return [parse_call(self._call)]
        except CallError:
            if not self._tools.names:
                raise
            source = _NOISE.sub(
                "", "".join(MARK if special and text == QUOTE else text for text, special in self._call)
            )
            try:
                found = repaired_calls(_MARKER.sub("", source, count=1), self._tools, closed=finished)
            except RepairError:
                pass
            else:
                return [ToolCall(new_call_id(), name, arguments) for name, arguments in found]
            raise


def _begins_call(begun: str, names: Sequence[str]) -> bool:
    """Whether text begins the call of a known tool, though its token is missing or spelt out."""
    marker = _MARKER.match(begun)
    rest = begun[marker.end() if marker else 0 :]
    spelt = re.match(r"(?:call\s*:\s*|:)?(?:default_api[.:])?", rest)
    rest = rest[spelt.end() if spelt else 0 :]
    return any(
        rest.startswith(name) and re.match(r"\(|\s*\{|\s*:\s*BEGIN_ARG", rest[len(name) :]) is not None
        for name in names
    )
