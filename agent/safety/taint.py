"""What of a prompt nobody vouches for, and which arguments repeat it. Pure: over the messages that the model was given.

Taint belongs to messages and not to a turn: an answer that was written after a web page had been read may carry what
the page said, so everything after it is tainted as long as the page is in the conversation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from deskhand.agent import scopes
from deskhand.agent.origin import Carried, Kind, Origin
from deskhand.agent.percept import Percept, ScreenPercept
from deskhand.agent.safety import unpacked
from deskhand.agent.tool import Tool
from deskhand.model.types import Message, ToolCall

RUN = 12
"""Characters that an argument must have in common with what was read to count as repeating it: two words or so."""

MOST_SHOWN = 8
"""Repeated pieces that are reported; the first are enough to say no."""

LONGEST_SCANNED = 200_000
"""Characters of an argument that are compared; the time grows with them."""

Traced = tuple[Message, tuple[Origin, ...]]
"""A message and what in it nobody vouches for."""

_KINDS: tuple[tuple[str, Kind, tuple[str, ...]], ...] = (
    ("screen", "screen", ()),
    ("network", "web", ("url", "address", "query")),
    ("files:read", "file", ("path", "file", "folder", "query")),
    ("clipboard:read", "clipboard", ()),
    ("mcp", "server", ()),
    ("mcp-read", "server", ()),
    ("scripts", "program", ("script",)),
    ("system", "desktop", ()),
    ("windows", "desktop", ()),
    ("microphone", "sound", ()),
)
"""Scope, kind of origin, and the arguments that say which one."""

_ADDRESS = re.compile(r"[^\s<>\"'`|,;()\[\]{}]*[@./:\\\d][^\s<>\"'`|,;()\[\]{}]*")
"""A token that names something: an address, a path, a host, a number."""


@dataclass(frozen=True)
class Taint:
    """What of a prompt nobody vouches for; false if that is nothing.

    Attributes:
        origins: each once, the newest last.
        texts: of tool results, with where they came from.
    """

    origins: tuple[Origin, ...] = ()
    texts: tuple[tuple[Origin, str], ...] = ()

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.origins)

    def carried(self, arguments: Mapping[str, Any]) -> tuple[Carried, ...]:
        """Pieces of ``arguments`` that stand in what was read: long runs, addresses, or the whole of an argument.

        Case and the kind of white space make no difference; an argument in which nothing is found is also looked at
        with its percent signs, base64 and hex undone, and with its words parted (`unpacked`). Only text is compared:
        what a picture says is known to the model alone.
        """
        found: list[Carried] = []
        texts = [(origin, _plain(text)) for origin, text in reversed(self.texts)]
        for name, value in _leaves("", arguments):
            scanned = value[:LONGEST_SCANNED]
            pieces = list(_pieces(name, scanned, texts))
            for how, plain in unpacked.readings(scanned):
                pieces = pieces or list(_pieces(f"{name} ({how})", plain, texts))
            found += pieces
            if len(found) >= MOST_SHOWN:
                break
        return tuple(found[:MOST_SHOWN])


def of(traced: Iterable[Traced]) -> Taint:
    """The taint of a prompt that holds these messages."""
    origins: dict[Origin, None] = {}
    texts: list[tuple[Origin, str]] = []
    for message, where in traced:
        for origin in where:
            origins.pop(origin, None)
            origins[origin] = None
        if where and message.role == "tool" and message.text:
            texts.append((where[0], message.text))
    return Taint(tuple(origins), tuple(texts))


def of_percepts(percepts: Sequence[Percept]) -> tuple[Origin, ...]:
    """Where the things came from that a person attached. Their own voice command is theirs, like what they type."""
    found: list[Origin] = []
    for percept in percepts:
        if isinstance(percept, ScreenPercept):
            found.append(Origin("screen" if percept.live else "picture", percept.source, percept.image.digest))
        elif not percept.own:
            found.append(Origin("sound", percept.source, percept.audio.digest))
    return tuple(found)


def of_result(tool: Tool, call: ToolCall, *, marked: bool) -> tuple[Origin, ...]:
    """Where the result of a call came from that was run.

    Args:
        tool: what ran.
        call: with its arguments.
        marked: it says what had been kept while a conversation was tainted, which others may have said.
    """
    found: list[Origin] = []
    for scope in tool.scopes:
        for name, kind, arguments in _KINDS:
            if scope == name or scope.startswith(f"{name}:"):
                which = next((str(call.arguments[key]) for key in arguments if call.arguments.get(key)), "")
                found.append(Origin(kind, which[:200] or (tool.skill if kind == "server" else tool.name)))
    if marked and scopes.own(tool.scopes):
        found.append(Origin("notes", tool.skill))
    if not found and (scopes.brings_in(tool.scopes) or not tool.bundled):
        found.append(Origin("program", tool.name))  # what a foreign program says, its author says
    return tuple(found)


def _leaves(name: str, value: object) -> Iterator[tuple[str, str]]:
    """Every text in a JSON value, also keys, with where it is."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, Mapping):
        for key, entry in cast("Mapping[Any, Any]", value).items():
            inner = f"{name}.{key}" if name else str(key)
            if name:
                yield f"{inner} (name)", str(key)
            yield from _leaves(inner, entry)
    elif isinstance(value, list | tuple):
        for index, entry in enumerate(cast("Sequence[Any]", value)):
            yield from _leaves(f"{name}[{index}]", entry)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, str(value)


def _plain(text: str) -> str:
    """One line in one case, as long as ``text``, so that places stay the same."""
    lowered = "".join(low if len(low := character.lower()) == 1 else character for character in text)
    return re.sub(r"\s", " ", lowered)


def _pieces(name: str, value: str, texts: Sequence[tuple[Origin, str]]) -> Iterator[Carried]:
    plain = _plain(value)
    whole = plain.strip()
    covered = [False] * len(plain)
    for origin, text in texts:
        if len(whole) > 2 and _stands_in(whole, text):
            yield Carried(name, value.strip(), origin)
            return
        for start, end in _runs(plain, text):
            if not all(covered[start:end]):
                covered[start:end] = [True] * (end - start)
                yield Carried(name, value[start:end].strip(), origin)
        for token in _ADDRESS.finditer(plain):
            start, end = token.span()
            if end - start > 3 and not all(covered[start:end]) and _stands_in(token.group(), text):
                covered[start:end] = [True] * (end - start)
                yield Carried(name, value[start:end], origin)


def _stands_in(words: str, text: str) -> bool:
    """Whether ``words`` stand in ``text`` and not as a part of longer words."""
    at = text.find(words)
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(words) : at + len(words) + 1]
        if not (before.isalnum() or after.isalnum()):
            return True
        at = text.find(words, at + 1)
    return False


def _runs(value: str, text: str) -> list[tuple[int, int]]:
    """Spans of ``value``, at least `RUN` long, that stand in ``text``; overlapping ones are joined."""
    if len(value) < RUN or len(text) < RUN:
        return []
    places: dict[str, list[int]] = {}
    for start in range(len(value) - RUN + 1):
        places.setdefault(value[start : start + RUN], []).append(start)
    hit = {piece for at in range(len(text) - RUN + 1) if (piece := text[at : at + RUN]) in places}
    starts = sorted(start for piece in hit if piece.strip() for start in places[piece])
    spans: list[tuple[int, int]] = []
    for start in starts:
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], start + RUN)
        else:
            spans.append((start, start + RUN))
    return spans
