"""Streaming parsing of what Gemma 4 generates: text, thought, tool calls.

Only control tokens delimit, never characters that look like one, so nothing of the text has to be held back and no
delimiter can leak into it; the one exception is text that begins like the call of a known tool without its token.
A call is read strictly (`calls`), and if that fails, as what it most likely means (`repair`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from deskhand.model.language.calls import CallError, new_call_id, parse_call
from deskhand.model.language.literals import QUOTE
from deskhand.model.language.repair import MARK, RepairError, Tools, repaired
from deskhand.model.types import BrokenCall, CallDelta, TextDelta, ThoughtDelta, ToolCall, ToolSpec

Parsed = TextDelta | ThoughtDelta | CallDelta | BrokenCall

_CALL, _END_OF_CALL = "<|tool_call>", "<tool_call|>"
_CHANNEL, _END_OF_CHANNEL = "<|channel>", "<channel|>"
_UNDECIDED = re.compile(r"\s*[\w.$:-]*")
_BEGUN = re.compile(r"\s*(?:call\s*:|[\w.$:-]*\s*[{(])")
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
        self._calls_allowed = calls_allowed
        self._state = "text"
        self._header = ""
        self._newline = ""
        self._held = ""
        self._fresh = True
        self._sure = self._tagged = False
        self._call: list[tuple[str, bool]] = []

    def feed(self, piece: str, *, special: bool) -> list[Parsed]:
        """Take the text of one token; ``special`` says that it is a control token and not characters that look so."""
        if self._state == "call":
            return self._in_call_control(piece) if special else self._in_call(piece)
        if special:
            return [*self._released(), *self._control(piece)]
        if not piece:
            return []
        if self._state == "text":
            return self._in_text(piece)
        return self._in_thought(piece)

    def finish(self) -> list[Parsed]:
        """Give what is still held back; a call that was cut off becomes a `BrokenCall`."""
        if self._state != "call":
            self._state = "text"
            return self._released()
        if not self._tagged and _prose_follows(self._written()):
            self._state = "text"
            return [TextDelta(self._written())]
        return [self._ended(finished=False)]

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
        self._state, self._tagged, self._sure = "call", tagged, not tagged
        self._call = [(text, False)] if text else []

    def _released(self) -> list[Parsed]:
        text, self._held = self._held, ""
        return [TextDelta(text)] if text else []

    def _in_text(self, piece: str) -> list[Parsed]:
        """Text; at its beginning it may be a call whose first token was forgotten (vLLM issue 54256)."""
        if not self._fresh or not self._tools.names:
            return [TextDelta(piece)]
        self._held += piece
        begun = self._held.lstrip()
        if not begun:
            return self._released()
        seen = _untagged(begun, self._tools.names)
        if seen == "call":
            self._begin(begun, tagged=False)
            self._held = ""
            return []
        if seen == "maybe":
            return []
        self._fresh = False
        return self._released()

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
        if self._sure:
            return []
        text = self._written()
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
            return [self._ended(end=token)]
        # Another call may begin right here: this one was never closed.
        ended = self._ended(f"There is a control token {token} inside the call.", token, finished=False)
        return [ended, *self._control(token)]

    def _written(self) -> str:
        return "".join(text for text, _ in self._call)

    def _ended(self, problem: str = "The call was not finished.", end: str = "", *, finished: bool = True) -> Parsed:
        """The call, or what is wrong with it; ``finished`` unless its last token is missing, ``problem`` if it is."""
        self._state, self._fresh = "text", True
        raw = (_CALL if self._tagged else "") + self._written() + end
        try:
            call = self._read(finished=finished)
        except CallError as error:
            return BrokenCall(raw, str(error) if finished else problem)
        return CallDelta(call) if self._calls_allowed else BrokenCall(raw, "No tool may be called now.")

    def _read(self, *, finished: bool) -> ToolCall:
        try:
            return parse_call(self._call)
        except CallError:
            if not self._tools.names:
                raise
            source = _NOISE.sub(
                "", "".join(MARK if special and text == QUOTE else text for text, special in self._call)
            )
            try:
                name, arguments = repaired(source, self._tools, closed=finished)
            except RepairError:
                pass
            else:
                return ToolCall(new_call_id(), name, arguments)
            raise


def _untagged(begun: str, names: Sequence[str]) -> str:
    """Whether text is the beginning of a ``call``, ``maybe`` one, or neither (empty)."""
    if not begun.startswith("call:"):
        return "maybe" if "call:".startswith(begun) else ""
    rest = begun[len("call:") :]
    for name in names:
        if name.startswith(rest):
            return "maybe"
        if rest.startswith(name):
            after = rest[len(name) :].lstrip()
            if after[:1] in ("{", "(") or re.match(r":\s*BEGIN_ARG", after):
                return "call"
            if not after or (after[0] == ":" and "BEGIN_ARG".startswith(after[1:].lstrip())):
                return "maybe"
    return ""


def _prose_follows(text: str) -> bool:
    """Whether more than white space follows where the first bracket is closed again: an example, and no call."""
    depth = 0
    for at, character in enumerate(text):
        depth += (character in "{(") - (character in "})")
        if not depth and character in "})":
            return bool(text[at + 1 :].strip())
    return False
