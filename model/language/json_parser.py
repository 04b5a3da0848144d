"""Streaming parsing of calls as JSON: ``<tool_call>{"name": …, "arguments": {…}}</tool_call>``.

The tags are tokens in some vocabularies and plain characters in others, so they are looked for in the text, and what
may still become one is held back. Small models leave the tags out: a completion that is nothing but such an object,
bare or in a ```` ```json ```` fence, and names a known tool is a call as well and never shown as text.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection
from typing import Any, NoReturn, cast

from deskhand.model.language.calls import CallError, new_call_id
from deskhand.model.language.literals import MAX_DEPTH, too_deep
from deskhand.model.language.parser import Parsed
from deskhand.model.language.repair import RepairError, repaired_json
from deskhand.model.types import BrokenCall, CallDelta, TextDelta, ThoughtDelta, ToolCall

_OPEN, _CLOSE = "<tool_call>", "</tool_call>"
_THINK, _END_OF_THINK = "<think>", "</think>"
_FENCE = re.compile(r"```(?:json)?\s*")
_FIRST_KEYS = ('{"name":', '{"arguments":')


class JsonParser:
    """One completion: an optional ``<think>…</think>`` at its beginning, then text and calls.

    One newline before ``<tool_call>``, white space between calls and after a thought, and the newlines just inside a
    thought belong to the delimiters. ``<tool_call>`` in characters (not a control token) that no ``{`` follows is text.

    Args:
        tools: names of the tools, for calls without tags.
        calls_allowed: False makes every call a `BrokenCall`.
        in_thought: the prompt ended with ``<think>``.
    """

    def __init__(self, tools: Collection[str] = (), *, calls_allowed: bool = True, in_thought: bool = False) -> None:
        self._tools = frozenset(tools)
        self._calls_allowed = calls_allowed
        self._state = "thought" if in_thought else "start"
        self._thought_begun = self._thought_ended = False
        self._sure = False
        self._held = ""
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
        held, state = self._held, self._state
        self._held, self._state = "", "start"
        if state == "call":
            self._out.append(BrokenCall(_OPEN + held, "The call was not finished."))
        elif state == "start" and held.strip():
            self._bare(held)
        elif state == "thought":
            self._emit_thought(held.removesuffix("\n"))
        elif state == "text":
            self._emit_text(held)
        return self._take()

    def _take(self) -> list[Parsed]:
        out, self._out = self._out, []
        return out

    def _emit_text(self, text: str) -> None:
        if text:
            self._out.append(TextDelta(text))

    def _emit_thought(self, text: str) -> None:
        text = text if self._thought_begun else text.lstrip("\n")
        if text:
            self._thought_begun = True
            self._out.append(ThoughtDelta(text))

    def _start(self) -> bool:
        """At the beginning, and after a thought: white space, a thought, a bare call, or text."""
        begun = self._held.lstrip()
        if self._thought_ended:
            self._held = begun
        if begun.startswith(_THINK):
            self._held, self._state = begun[len(_THINK) :], "thought"
            return True
        if not begun or _THINK.startswith(begun) or (self._tools and _may_be_bare(begun)):
            return False
        self._state = "text"
        return True

    def _text(self) -> bool:
        before, tag, after = self._held.partition(_OPEN)
        if tag:
            self._emit_text(before.removesuffix("\n"))
            self._held, self._state = after, "call"
            return True
        keep = _overlap(self._held, "\n" + _OPEN) or _overlap(self._held, _OPEN)
        self._emit_text(self._held[: len(self._held) - keep])
        self._held = self._held[len(self._held) - keep :]
        return False

    def _between(self) -> bool:
        """After a call: white space is dropped, another call or text follows."""
        rest = self._held.lstrip()
        if not rest or (_OPEN.startswith(rest) and rest != _OPEN):
            return False
        self._held, self._state = rest, "text"
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
        if body and body[0] != "{" and not self._sure:
            self._emit_text(_OPEN)
            self._state = "text"
            return True
        end = self._held.find(_CLOSE)
        while end >= 0:
            raw = self._held[:end]
            try:
                found: Parsed = CallDelta(_call(_loaded(raw)))
            except CallError as error:
                if _within_text(raw):  # the tag is part of a text argument
                    end = self._held.find(_CLOSE, end + 1)
                    continue
                found = self._repaired(raw) or BrokenCall(_OPEN + raw + _CLOSE, str(error))
            if not self._calls_allowed:
                found = BrokenCall(_OPEN + raw + _CLOSE, "No tool may be called now.")
            self._out.append(found)
            self._held, self._state, self._sure = self._held[end + len(_CLOSE) :], "between", False
            return True
        return False

    def _repaired(self, raw: str) -> CallDelta | None:
        try:
            name, arguments = repaired_json(raw, self._tools)
        except RepairError:
            return None
        return None if too_deep(arguments) else CallDelta(ToolCall(new_call_id(), name, arguments))

    def _bare(self, held: str) -> None:
        """Decide at the end of a completion that may be a call without tags."""
        body = held.strip()
        fence = _FENCE.match(body)
        if fence:
            body = body[fence.end() :].removesuffix("```").rstrip()
        try:
            calls = [_call(value) for value in _values(body)]
        except CallError as error:
            if self._is_begun(body):
                self._out.append(BrokenCall(held, str(error)))
            else:
                self._emit_text(held)
            return
        if not all(call.name in self._tools for call in calls):
            self._emit_text(held)
        elif self._calls_allowed:
            self._out.extend(CallDelta(call) for call in calls)
        else:
            self._out.append(BrokenCall(held, "No tool may be called now."))

    def _is_begun(self, body: str) -> bool:
        """Whether a known tool's call begins the text and is not whole; a whole one with prose after it is prose."""
        names = "|".join(map(re.escape, self._tools))
        if not re.match(rf'\{{\s*"name"\s*:\s*"(?:{names})"\s*,\s*"arguments"', body):
            return False
        try:
            _DECODER.raw_decode(body)
        except (ValueError, RecursionError):
            return True
        return False


def _within_text(raw: str) -> bool:
    """Whether JSON that is not finished ends inside a string; the decoder says so of most strings, not of all."""
    return len(re.sub(r'\\.|[^"\\]', "", raw, flags=re.DOTALL)) % 2 == 1


def _overlap(text: str, tag: str) -> int:
    """How many characters at the end of the text may be the beginning of the tag."""
    return next((n for n in range(min(len(text), len(tag) - 1), 0, -1) if text.endswith(tag[:n])), 0)


def _may_be_bare(begun: str) -> bool:
    if "```json".startswith(begun):
        return True
    fence = _FENCE.match(begun)
    body = re.sub(r"\s", "", begun[fence.end() :] if fence else begun)
    return any(body.startswith(key) or key.startswith(body) for key in _FIRST_KEYS)


def _constant(name: str) -> NoReturn:
    raise CallError(f"{name} is not a JSON value.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise CallError("A key is there twice.")
    return found


def _float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise CallError(f"The number {digits} is too large.")
    return value


_DECODER = json.JSONDecoder(parse_constant=_constant, parse_float=_float, object_pairs_hook=_unique, strict=False)


def _values(text: str) -> list[object]:
    """One or several JSON values with white space between them."""
    values: list[object] = []
    at = 0
    while at < len(text):
        try:
            value, at = _DECODER.raw_decode(text, at)
        except json.JSONDecodeError as error:
            said = "A string is not ended." if error.msg.startswith("Unterminated") else f"It is not JSON: {error.msg}."
            raise CallError(said) from error
        except RecursionError as error:
            raise CallError("It is nested too deeply.") from error
        except ValueError as error:
            # CallError is one as well, and so is a number with thousands of digits.
            raise CallError(str(error)) from error
        values.append(value)
        while at < len(text) and text[at].isspace():
            at += 1
    return values


def _loaded(text: str) -> object:
    values = _values(text.strip())
    if len(values) != 1:
        raise CallError("It is not one JSON object.")
    return values[0]


def _call(value: object) -> ToolCall:
    if not isinstance(value, dict):
        raise CallError("It is not a JSON object.")
    found = cast("dict[str, Any]", value)
    name, arguments = found.get("name"), found.get("arguments")
    if not isinstance(name, str) or not name:
        raise CallError("It names no tool.")
    if not isinstance(arguments, dict):
        raise CallError("Its arguments are not an object.")
    if too_deep(cast("dict[str, Any]", arguments)):
        raise CallError(f"It is nested more than {MAX_DEPTH} levels deep.")
    return ToolCall(new_call_id(), name, cast("dict[str, Any]", arguments))
