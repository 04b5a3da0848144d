"""Find the messages of the protocol in what a server writes to its standard output.

Servers write other lines there too: greetings, logs, now and then an object that quotes a message. Those are passed
over for as long as the server answers; what is bounded is how much comes at a time.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

from mcp.shared.message import SessionMessage
from mcp.types import PARSE_ERROR, ErrorData, JSONRPCError, JSONRPCMessage, jsonrpc_message_adapter
from pydantic import ValidationError

from deskhand.agent.mcp.conformance import mended

MAX_LINE = 16 << 20
"""Bytes of one message: four pictures of a screen as base64. Of another line as much again is passed over."""
WINDOW = 5.0
"""Seconds over which a flood is measured."""
MAX_WINDOW_BYTES = 64 << 20
MAX_WINDOW_MESSAGES = 5_000
MAX_WINDOW_NOISE = 50_000
MAX_GREETING = 5_000
"""Lines before the first message: an installer may tell of each file, but a program that only talks is no server."""

_BOM = b"\xef\xbb\xbf"
_START = re.compile(r"\{\s*\"jsonrpc\"")
_ID = re.compile(r"\"id\"\s*:\s*(\d{1,18}|\"[^\"\\]{0,200}\")")
_LONE = re.compile(r"\\u[dD][89a-fA-F]")
_OURS = frozenset({"initialize", "server/discover", "tools/list", "tools/call", "notifications/initialized"})
"""What only a client says: a server that writes it repeats what it got."""


class Frames:
    """The messages of one process.

    Attributes:
        problem: why it is to be ended, empty as long as it is not.

    Args:
        waits_for: whether an answer to the request of a number is still to come.
    """

    def __init__(self, waits_for: Callable[[object], bool]) -> None:
        self.problem = ""
        self._waits_for = waits_for
        self._held = bytearray()
        self._passed = 0
        self._spoken = False
        self._greeting = 0
        self._began = time.monotonic()
        self._bytes = self._messages = self._noise = 0

    def feed(self, data: bytes) -> Iterator[SessionMessage]:
        """Take what was written and give the messages that are whole now."""
        self._measure(len(data))
        first, newline, rest = data.partition(b"\n")
        if newline and self._passed:
            self._passed, first = 0, b""
        if not newline and self._passed:
            self._pass(len(data))
            return
        self._held += first
        if newline:
            lines = [bytes(self._held), *rest.split(b"\n")]
            self._held = bytearray(lines.pop())
            for line in lines:
                yield from self._line(line)
                if self.problem:
                    return
        if len(self._held) > MAX_LINE:
            self._long()

    def end(self) -> Iterator[SessionMessage]:
        """Give the last message, if its line was never ended."""
        line, self._held = bytes(self._held), bytearray()
        yield from self._line(line)

    def _long(self) -> None:
        """A line that is too long for a message is passed over, unless it begins as one."""
        if _START.search(self._held[:200].decode(errors="replace")):
            self._too_long()
        self._pass(len(self._held))
        self._held.clear()

    def _pass(self, size: int) -> None:
        self._passed += size
        if self._passed > 2 * MAX_LINE:
            self._too_long()

    def _too_long(self) -> None:
        self.problem = self.problem or f"it sent a message of more than {MAX_LINE >> 20} MB"

    def _measure(self, size: int = 0, *, messages: int = 0, noise: int = 0) -> None:
        now = time.monotonic()
        if now - self._began > WINDOW:
            self._began, self._bytes, self._messages, self._noise = now, 0, 0, 0
        self._bytes += size
        self._messages += messages
        self._noise += noise
        if self._bytes > MAX_WINDOW_BYTES or self._messages > MAX_WINDOW_MESSAGES or self._noise > MAX_WINDOW_NOISE:
            self.problem = self.problem or "it flooded us with messages"

    def _line(self, line: bytes) -> Iterator[SessionMessage]:
        stripped = line.strip().removeprefix(_BOM).strip()
        if not stripped:
            return
        found = list(self._messages_of(stripped))
        if found:
            self._spoken = True
            self._measure(messages=len(found))
        else:
            self._measure(noise=1)
            self._greeting += not self._spoken
            if self._greeting > MAX_GREETING:
                self.problem = self.problem or "it writes what are no messages of the protocol"
        for message in found:
            yield SessionMessage(message)

    def _messages_of(self, line: bytes) -> Iterator[JSONRPCMessage]:
        """The messages of a line: one, several, one behind other text; none of a log's line."""
        if line[:1] not in {b"{", b"["} and b'"jsonrpc"' not in line:
            return
        text = line.decode("utf-8", "replace")
        try:
            whole = _loaded(text)
        except (ValueError, RecursionError):
            yield from self._behind(text)
            return
        for each in cast("list[Any]", whole) if isinstance(whole, list) else [whole]:
            if (message := _message(each)) is not None:
                yield message

    def _behind(self, text: str) -> Iterator[JSONRPCMessage]:
        """Answers behind a line of a log that was not ended, and the end of a wait for one that can't be read."""
        decoder, start = json.JSONDecoder(), _START.search(text)
        while start is not None:
            try:
                value, at = decoder.raw_decode(text, start.start())
            except (ValueError, RecursionError):
                if start.start() == 0 and text.endswith("}"):
                    yield from self._broken(text)
                return
            message = _message(value)
            if message is not None and self._waits_for(getattr(message, "id", None)) and not hasattr(message, "method"):
                yield message
            start = _START.search(text, at)

    def _broken(self, text: str) -> Iterator[JSONRPCMessage]:
        number = _ID.search(text)
        if number is not None and self._waits_for(asked := json.loads(number[1])):
            about = ErrorData(code=PARSE_ERROR, message="it sent a message that can't be read")
            yield JSONRPCError(jsonrpc="2.0", id=asked, error=about)


def _loaded(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """A JSON value whose texts can be written again as UTF-8."""
    value = json.loads(text)
    if _LONE.search(text):
        value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    return value


def _message(value: object) -> JSONRPCMessage | None:
    found = mended(cast("dict[str, Any]", value)) if isinstance(value, dict) else None
    if found is None or found.get("method") in _OURS:
        return None
    try:
        return jsonrpc_message_adapter.validate_python(found, by_name=False)
    except (ValidationError, RecursionError):
        return None
