"""Bring what servers answer into the form of the protocol, part by part.

The SDK refuses a whole answer for one part that is a little different from the specification: one tool without a schema
takes all tools of its server with it. What can be read is kept here, what can't is left out with a sentence, and the
SDK sees only what conforms (docs/adr/0042).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Self, cast

from mcp.shared.message import SessionMessage
from mcp.types import INTERNAL_ERROR, JSONRPCRequest, JSONRPCResponse
from mcp_types import methods
from mcp_types.version import KNOWN_PROTOCOL_VERSIONS, LATEST_MODERN_VERSION
from pydantic import ValidationError

MAX_PROBLEMS = 50
_ENVELOPE = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}
"""What the newer era wants beside a result; a server that leaves it out means this."""
_BARE: Mapping[str, Any] = {"type": "object", "properties": {}}


class Conformance:
    """The answers of one connection.

    Attributes:
        schemas: of each tool that was listed, as the server sent it, whatever the SDK got instead.
        problems: a sentence for each tool that was left out of the list.
    """

    def __init__(self) -> None:
        self.schemas: dict[str, Any] = {}
        self.problems: list[str] = []
        self._asked: dict[str | int, str] = {}
        self._version = LATEST_MODERN_VERSION

    def sent(self, message: SessionMessage) -> None:
        """Take note of a request, so that its answer is known."""
        if isinstance(message.message, JSONRPCRequest):
            self._asked[message.message.id] = message.message.method

    def waits_for(self, number: object) -> bool:
        """Whether an answer to the request of this number is still to come."""
        return isinstance(number, str | int) and number in self._asked

    def received(self, message: SessionMessage | Exception) -> SessionMessage | Exception:
        """Give a message back in the protocol's form; only answers are looked into."""
        if isinstance(message, Exception):
            return message
        answer = message.message
        number = getattr(answer, "id", None)
        method = self._asked.pop(number, "") if number is not None and not isinstance(answer, JSONRPCRequest) else ""
        if method and isinstance(answer, JSONRPCResponse):
            answer.result = self.result(method, answer.result)
        return message

    def forget(self) -> None:
        """Begin a new list of tools."""
        self.schemas.clear()
        self.problems.clear()

    def result(self, method: str, found: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a request of ``method``, with every part that can be read."""
        result: dict[str, Any] = dict(found)
        if not isinstance(result.get("_meta", {}), Mapping):
            result.pop("_meta")
        match method:
            case "initialize":
                _introduced(result)
                said = str(result.get("protocolVersion"))
                self._version = said if said in KNOWN_PROTOCOL_VERSIONS else self._version
            case "tools/list":
                self._listed(result)
            case "tools/call" if "content" in result or "inputRequests" not in result:
                result["content"] = _content(result.get("content"), self._works_as_content)
                if not isinstance(result.get("structuredContent", {}), Mapping):
                    result["content"].append({"type": "text", "text": _json(result.pop("structuredContent"))})
                if not isinstance(result.get("isError", False), bool):
                    result["isError"] = str(result["isError"]).lower() in {"true", "1"}
            case _:
                return result
        if self._version == LATEST_MODERN_VERSION and method != "initialize":
            for key, value in _ENVELOPE.items():
                result.setdefault(key, value)
        return result

    def _listed(self, result: dict[str, Any]) -> None:
        tools: list[dict[str, Any]] = []
        for number, each in enumerate(_listing(result.get("tools"))):
            tool = self._tool(each, number)
            if tool is not None:
                tools.append(tool)
        result["tools"] = tools
        cursor = result.get("nextCursor")
        if cursor in (None, "") or isinstance(cursor, bool | float | list | dict):
            result.pop("nextCursor", None)
        else:
            result["nextCursor"] = str(cursor)

    def _tool(self, each: object, number: int) -> dict[str, Any] | None:
        """One tool, whole or without what the SDK can't read of it; None where nothing is left."""
        given = cast("Mapping[str, Any]", each) if isinstance(each, Mapping) else {}
        name = given.get("name")
        if isinstance(name, int | float) and not isinstance(name, bool):
            name = str(name)
        if not isinstance(name, str):
            self._problem(f"Tool number {number + 1} of the list is left out: it has no name.")
            return None
        schema = next((given[key] for key in ("inputSchema", "input_schema", "parameters") if key in given), None)
        self.schemas.setdefault(name, schema)
        # The schema of the output is not kept: nothing of ours reads it, and a result that departs from it counts.
        tool: dict[str, Any] = {"name": name, "inputSchema": schema if _is_root(schema) else _rooted(schema)}
        for key in ("title", "description"):
            if given.get(key) is not None:
                tool[key] = given[key] if isinstance(given[key], str) else _json(given[key])
        for key in ("annotations", "_meta"):
            if isinstance(given.get(key), Mapping):
                tool[key] = given[key]
        plainer = {**tool, "inputSchema": dict(_BARE)}
        for form in (tool, _without(tool, "_meta"), _annotated(_without(tool, "_meta")), _annotated(plainer)):
            if self._works(form):
                return form
        self._problem(f"{name[:60]} is left out: what the server says of it can't be read.")
        return None

    def _works(self, tool: Mapping[str, Any]) -> bool:
        return self._conforms("tools/list", {"tools": [tool]})

    def _works_as_content(self, block: Mapping[str, Any]) -> bool:
        return self._conforms("tools/call", {"content": [block]})

    def _conforms(self, method: str, result: Mapping[str, Any]) -> bool:
        try:
            methods.parse_server_result(method, self._version, {**_ENVELOPE, **result})
        except (ValidationError, ValueError, RecursionError):
            return False
        return True

    def _problem(self, sentence: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(sentence)


def mended(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """A JSON object that means a message and is not quite one, as one; None if it means none.

    An object with members that only logs have quotes a message at most.
    """
    if found.get("jsonrpc") not in {"2.0", 2.0, "2"} or not _LOGGED.isdisjoint(found):
        return None
    number = found.get("id")
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    message: dict[str, Any] = {"jsonrpc": "2.0"}
    if isinstance(number, str | int) and not isinstance(number, bool):
        message["id"] = number
    if isinstance(found.get("method"), str):
        params = found.get("params")
        return {**message, "method": found["method"], **({"params": params} if isinstance(params, Mapping) else {})}
    if "id" not in message:
        return None
    if found.get("error") not in (None, False):
        return {**message, "error": _error(found["error"])}
    if "result" not in found:
        return None
    result = found["result"]
    return {**message, "result": result if isinstance(result, Mapping) else {"content": result} if result else {}}


_LOGGED = frozenset({"level", "severity", "time", "timestamp", "ts", "msg", "message", "logger"})
"""Members of a log's line that no message of the protocol has."""


def _error(found: object) -> dict[str, Any]:
    if not isinstance(found, Mapping):
        return {"code": INTERNAL_ERROR, "message": found if isinstance(found, str) else _json(found)}
    error = cast("Mapping[str, Any]", found)
    code, message = error.get("code"), error.get("message")
    return {
        "code": code if isinstance(code, int) and not isinstance(code, bool) else INTERNAL_ERROR,
        "message": message if isinstance(message, str) else _json(message if message is not None else found),
    }


def _introduced(result: dict[str, Any]) -> None:
    """What a server says of itself when it is greeted; only the version of the protocol can't be done without."""
    if not isinstance(result.get("capabilities"), Mapping):
        result["capabilities"] = {"tools": {}}
    about: object = result.get("serverInfo")
    info = dict(cast("Mapping[str, Any]", about)) if isinstance(about, Mapping) else {}
    plain = {key: str(info[key]) for key in ("name", "version", "title") if info.get(key) is not None}
    result["serverInfo"] = {"name": "", "version": "", **plain}
    if not isinstance(result.get("instructions", ""), str):
        result.pop("instructions")


def _listing(found: object) -> list[Any]:
    """Tools as a list; an object has their names as its members."""
    if isinstance(found, Mapping):
        tools = cast("Mapping[str, Any]", found)
        return [{"name": name, **each} if isinstance(each, Mapping) else each for name, each in tools.items()]
    return cast("list[Any]", found) if isinstance(found, list) else []


def _is_root(schema: object) -> bool:
    """Whether a schema is one of an object, as the SDK wants a tool's to be."""
    if not isinstance(schema, Mapping):
        return False
    found = cast("Mapping[str, Any]", schema)
    required = found.get("required", [])
    return (
        found.get("type") == "object"
        and isinstance(found.get("properties", {}), Mapping)
        and isinstance(required, list)
        and all(isinstance(name, str) for name in cast("list[Any]", required))
    )


def _rooted(schema: object) -> dict[str, Any]:
    """An object's schema with as much of another as the SDK takes; what ours reads is in `Conformance.schemas`."""
    found = cast("Mapping[str, Any]", schema) if isinstance(schema, Mapping) else {}
    properties = found.get("properties")
    kept = {key: value for key, value in found.items() if key not in {"type", "required", "properties"}}
    return {**kept, "type": "object", "properties": properties if isinstance(properties, Mapping) else {}}


def _without(tool: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in tool.items() if name != key}


def _annotated(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A tool with those of its annotations that are what they should be."""
    notes = cast("Mapping[str, Any]", tool.get("annotations", {}))
    kept = {key: note for key, note in notes.items() if isinstance(note, str if key == "title" else bool)}
    return {**tool, "annotations": kept}


def _content(found: object, works: Callable[[Mapping[str, Any]], bool]) -> list[Any]:
    """The parts of a result; one that is not in the protocol is named in the place where it stood."""
    if found is None:
        return []
    parts = cast("list[Any]", found) if isinstance(found, list) else [found]
    return [_block(each, works) for each in parts]


def _block(each: object, works: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any]:
    if not isinstance(each, Mapping):
        return {"type": "text", "text": each if isinstance(each, str) else _json(each)}
    block = cast("dict[str, Any]", each)
    kind = str(block.get("type") or "part without a type")
    for form in (block, _plainer(block, kind)):
        if works(form):
            return form
    return {"type": "text", "text": f"[{kind[:60]}: not passed on]"}


def _plainer(block: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """A part of a result without what is beside its content."""
    if kind == "text" or isinstance(block.get("text"), str):
        text = block.get("text")
        return {"type": "text", "text": text if isinstance(text, str) else _json(text)}
    if kind in {"image", "audio"}:
        mime = block.get("mimeType") or block.get("mime_type") or f"{kind}/*"
        return {"type": kind, "data": block.get("data"), "mimeType": mime}
    return {key: value for key, value in block.items() if key not in {"annotations", "_meta", "icons"}}


def _json(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return "?"


class ReadStream:
    """What comes from a transport, in the protocol's form.

    Args:
        inner: the transport's stream.
        conformance: of the connection.
    """

    def __init__(self, inner: Any, conformance: Conformance) -> None:  # noqa: ANN401 - the SDK's protocol is private
        self._inner = inner
        self._conformance = conformance

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as above; `last_context` belongs to it
        return getattr(self._inner, name)

    def __aiter__(self) -> ReadStream:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        return self._conformance.received(await self._inner.__anext__())

    async def receive(self) -> SessionMessage | Exception:
        """The next message."""
        return self._conformance.received(await self._inner.receive())

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *about: object) -> bool | None:
        return await self._inner.__aexit__(*about)


class WriteStream:
    """What goes to a transport; requests are taken note of.

    Args:
        inner: the transport's stream.
        conformance: of the connection.
    """

    def __init__(self, inner: Any, conformance: Conformance) -> None:  # noqa: ANN401 - the SDK's protocol is private
        self._inner = inner
        self._conformance = conformance

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as above
        return getattr(self._inner, name)

    async def send(self, item: SessionMessage, /) -> None:
        """Send a message."""
        self._conformance.sent(item)
        await self._inner.send(item)

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *about: object) -> bool | None:
        return await self._inner.__aexit__(*about)


@contextlib.asynccontextmanager
async def conforming(transport: AbstractAsyncContextManager[Any], conformance: Conformance) -> AsyncGenerator[Any]:
    """A transport as `mcp.Client` takes one, through which only what conforms comes."""
    async with transport as (read, write):
        yield ReadStream(read, conformance), WriteStream(write, conformance)
