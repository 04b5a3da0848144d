"""Streaming parsing of calls as JSON: ``<tool_call>{"name": …, "arguments": {…}}</tool_call>``.

The tags are tokens in some vocabularies and plain characters in others, so they are looked for in the text, and what
may still become one is held back. Small models leave the tags out or write others (`envelope`): what may be such a call
is held back from the beginning of its line on, and if it is one never shown as text.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from deskhand.model.language.calls import CallError, new_call_id
from deskhand.model.language.envelope import Envelope, next_look, opens_fence
from deskhand.model.language.json_calls import json_calls, json_values
from deskhand.model.language.literals import too_deep
from deskhand.model.language.parser import Parsed
from deskhand.model.language.repair import RepairError, Tools, repaired_json
from deskhand.model.types import BrokenCall, CallDelta, TextDelta, ThoughtDelta, ToolCall, ToolSpec

_OPEN, _CLOSE = "<tool_call>", "</tool_call>"
_THINK, _END_OF_THINK = "<think>", "</think>"
_FENCE_BEFORE = re.compile(r"(?:^|\n)[ \t]*```[\w+-]*\s*$")
_LINE, _REST_OF_LINE = re.compile(r"\s*\S[^\n]*(?=\n)"), re.compile(r"[^\n]*(?=\n)")
_FENCE_AFTER = re.compile(r"\s*`{0,3}")


class JsonParser:
    """One completion: an optional ``<think>…</think>`` at its beginning, then text and calls.

    One newline before ``<tool_call>``, white space between calls and after a thought, and the newlines just inside a
    thought belong to the delimiters. ``<tool_call>`` in characters (not a control token) that no ``{`` follows is text.

    Args:
        tools: that may be called, or their names only; for calls in other envelopes.
        calls_allowed: False makes every call a `BrokenCall`.
        in_thought: the prompt ended with ``<think>``.
    """

    def __init__(
        self, tools: Collection[ToolSpec | str] = (), *, calls_allowed: bool = True, in_thought: bool = False
    ) -> None:
        self._tools = Tools(tools)
        self._envelope = Envelope(self._tools)
        self._calls_allowed = calls_allowed
        self._state = "thought" if in_thought else "start"
        self._thought_begun = self._thought_ended = False
        self._sure = self._fenced = False
        self._whole = self._fresh = True
        self._in_fence, self._line = False, ""
        self._held = ""
        self._look_at = 0
        self._out: list[Parsed] = []

    def feed(self, piece: str, *, special: bool) -> list[Parsed]:
        """Take the text of one token; ``special`` says that it is a control token and not characters that look so."""
        if special and piece == _OPEN:
            self._sure = True
        elif special and piece not in (_CLOSE, _THINK, _END_OF_THINK):
            return []
        self._held += piece
        while getattr(self, f"_{self._state}")():
            pass
        return self._take()

    def finish(self) -> list[Parsed]:
        """Give what is still held back; an unfinished call becomes a `BrokenCall`."""
        self._look_at = 0
        while self._state in ("start", "text") and getattr(self, f"_{self._state}")():
            pass
        held, state = self._held, self._state
        self._held, self._state = "", "start"
        if state == "call":
            self._out.append(self._unclosed(held))
        elif state == "thought":
            self._emit_thought(held.removesuffix("\n"))
        elif state in ("start", "text") and (held.strip() or not self._whole):
            self._decide(held)
        return self._take()

    def _take(self) -> list[Parsed]:
        out, self._out = self._out, []
        return out

    def _emit_text(self, text: str) -> None:
        if text:
            self._whole = False
            self._out.append(TextDelta(text))

    def _emit_thought(self, text: str) -> None:
        text = text if self._thought_begun else text.lstrip("\n")
        if text:
            self._thought_begun = True
            self._out.append(ThoughtDelta(text))

    def _start(self) -> bool:
        """At the beginning, and after a thought: white space, a thought, a call, or text."""
        begun = self._held.lstrip()
        if self._thought_ended:
            self._held = begun
        if begun.startswith(_THINK):
            self._held, self._state = begun[len(_THINK) :], "thought"
            return True
        if not begun or _THINK.startswith(begun):
            return False
        self._state, self._fresh = "text", True
        return True

    def _text(self) -> bool:
        before, tag, after = self._held.partition(_OPEN)
        if tag:
            self._fenced = bool(_FENCE_BEFORE.search(before))
            self._emit_text(_FENCE_BEFORE.sub("", before).removesuffix("\n"))
            self._held, self._state, self._look_at = after, "call", 0
            return True
        if len(self._held) < self._look_at:
            return False
        self._look_at = 0
        while self._tools.names and self._held:
            line = (_LINE if self._fresh else _REST_OF_LINE).match(self._held)
            if self._fresh and not self._in_fence:
                begun = self._held.lstrip()
                if self._envelope.may_begin(begun, whole=self._whole):
                    self._look_at = next_look(len(self._held))
                    return self._tags_closed(begun)
                self._whole = False
            self._fresh = line is not None
            if line is None:
                break
            self._line += line[0]
            self._in_fence, self._line = opens_fence(self._line, inside=self._in_fence), ""
            self._emit_text(line[0])
            self._held = self._held[line.end() :]
        keep = _overlap(self._held, "\n" + _OPEN) or _overlap(self._held, _OPEN)
        self._line += self._held[: len(self._held) - keep]
        self._emit_text(self._held[: len(self._held) - keep])
        self._held = self._held[len(self._held) - keep :]
        return False

    def _tags_closed(self, begun: str) -> bool:
        """Take calls in tags of another kind as soon as these are closed."""
        end = self._envelope.closed(begun)
        if end and begun[end:].lstrip(" \t").startswith("\n"):
            self._decide(self._held[: len(self._held) - len(begun) + end])
            self._held, self._state, self._look_at = begun[end:], "between", 0
            return True
        return False

    def _between(self) -> bool:
        """After a call: white space is dropped, another call or text follows."""
        rest = self._held.lstrip()
        if self._fenced:
            rest = rest[_FENCE_AFTER.match(rest).end() :].lstrip()  # type: ignore[union-attr]
        if not rest or (_OPEN.startswith(rest) and rest != _OPEN):
            return False
        self._held, self._state, self._fresh = rest, "text", True
        return True

    def _thought(self) -> bool:
        before, tag, after = self._held.partition(_END_OF_THINK)
        if tag:
            self._emit_thought(before.removesuffix("\n"))
            self._held, self._state, self._thought_ended = after, "start", True
            return True
        keep = _overlap(self._held, "\n" + _END_OF_THINK) or _overlap(self._held, _END_OF_THINK)
        self._emit_thought(self._held[: len(self._held) - keep])
        self._held = self._held[len(self._held) - keep :]
        return False

    def _call(self) -> bool:
        body = self._held.lstrip()
        if body and body[0] not in "{<" and not self._sure:
            self._emit_text(_OPEN)
            self._state, self._whole, self._fresh = "text", False, False
            return True
        end = self._held.find(_CLOSE)
        while end >= 0:
            raw = self._held[:end]
            try:
                found: Parsed = CallDelta(self._wrapped(raw) or _call(raw))
            except CallError as error:
                if _within_text(raw):  # the tag is part of a text argument
                    end = self._held.find(_CLOSE, end + 1)
                    continue
                found = self._repaired(raw) or BrokenCall(_OPEN + raw + _CLOSE, str(error))
            if not self._calls_allowed:
                found = BrokenCall(_OPEN + raw + _CLOSE, "No tool may be called now.")
            self._out.append(found)
            self._held, self._state, self._sure = self._held[end + len(_CLOSE) :], "between", False
            self._whole = False
            return True
        return False

    def _wrapped(self, raw: str) -> ToolCall | None:
        """The call that other tags inside of the tags are."""
        calls = self._envelope.calls(raw) if raw.lstrip().startswith("<") else []
        return calls[0] if len(calls) == 1 else None

    def _unclosed(self, held: str) -> Parsed:
        """A call whose closing tag is missing or was cut off; it counts if it is whole itself."""
        cut = _overlap(held, _CLOSE)
        try:
            call = _call(held[: len(held) - cut])
        except CallError:
            return BrokenCall(_OPEN + held, "The call was not finished.")
        return CallDelta(call) if self._calls_allowed else BrokenCall(_OPEN + held, "No tool may be called now.")

    def _repaired(self, raw: str) -> CallDelta | None:
        try:
            name, arguments = repaired_json(raw, self._tools.names)
        except RepairError:
            return None
        return None if too_deep(arguments) else CallDelta(ToolCall(new_call_id(), name, arguments))

    def _decide(self, held: str) -> None:
        """Take what was held back for calls, or give it as text."""
        if not self._fresh:
            self._emit_text(held)
            return
        try:
            calls = self._envelope.calls(held, whole=self._whole)
        except CallError as error:
            self._out.append(BrokenCall(held, str(error)))
            return
        if calls and not self._calls_allowed:
            self._out.append(BrokenCall(held, "No tool may be called now."))
        elif calls:
            self._out.extend(CallDelta(call) for call in calls)
        else:
            self._emit_text(held)
        self._whole = False


def _within_text(raw: str) -> bool:
    """Whether JSON that is not finished ends inside a string; the decoder says so of most strings, not of all."""
    return len(re.sub(r'\\.|[^"\\]', "", raw, flags=re.DOTALL)) % 2 == 1


def _overlap(text: str, tag: str) -> int:
    """How many characters at the end of the text may be the beginning of the tag."""
    return next((n for n in range(min(len(text), len(tag) - 1), 0, -1) if text.endswith(tag[:n])), 0)


def _call(raw: str) -> ToolCall:
    values = json_values(raw.strip())
    calls = list(json_calls(values[0])) if len(values) == 1 else []
    if len(calls) != 1:
        raise CallError("It is not one JSON object.")
    return calls[0]
