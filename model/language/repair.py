"""What a model most likely meant by a call that is not written as it should be.

Gemma 4 is known to write text in plain or single quotes or in none, to forget a quoting token, a comma or the last
brace, to write parentheses for braces, and ``BEGIN_ARG … END_ARG`` for all of it (`docs/tool-calls.md` says where each
was seen). What is read here is less certain than what the strict parser reads, so it has to name a tool and parameters
that exist; where two readings are possible there is none, and the model is asked to write the call again.
"""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Collection, Iterable
from typing import Any, cast

from deskhand.model.language.literals import MAX_DEPTH, NUMBER
from deskhand.model.language.schema import normalise
from deskhand.model.types import ToolSpec

MARK = "\0"
"""Stands for a quoting token in what is read here; such a character is in no text that a model writes."""

_HEAD = re.compile(r"\s*(?:call\s*:\s*|:\s*)?((?:[\w$-]+:)*)([\w$.-]+)\s*([{(:]|$)")
_KEY = re.compile(r"[\w$.-]+")
_SPACED_KEY = re.compile(r"[\w$.-]+(?: +[\w$.-]+)+(?=\s*[:=])")
_PIECE_OF_QUOTE = re.compile(r'<\|"\|>|<\|"|"\|>')
_ESCAPED_QUOTE = re.compile(r"[:=\[,({]\s*&(?:quot|apos|#34|#39|#x22|#x27);")
_TYPE_WORD = re.compile(r"(?:STRING|INTEGER|NUMBER|BOOLEAN|OBJECT|ARRAY)\b")
_CLOSING = {'"': '"', "'": "'", "`": "`", "“": "”", "„": "“", "‘": "’", "«": "»"}
_BLOCK = re.compile(r"\s*BEGIN_ARG:?[ \t]*\n?(.*?)\n?[ \t]*END_ARG", re.DOTALL)
_ANY_KEY = r"""(?:[\w$.-]+|\0[^\0]*\0|"[^"]*"|'[^']*')\s*[:=]"""
_WRAPPING = frozenset(("name", "arguments", "parameters"))
_WORDS = {"true": True, "True": True, "false": False, "False": False, "null": None, "None": None}
_CLOSERS = {"{": "}", "(": ")", "[": "]"}


class RepairError(ValueError):
    """There is no single thing that this can mean."""


class Tools:
    """The tools that may be called, and what their parameters are named.

    Args:
        specs: as they are declared, or names alone, of which any parameters are taken.
    """

    def __init__(self, specs: Iterable[ToolSpec | str] = ()) -> None:
        self._specs = {spec if isinstance(spec, str) else spec.name: spec for spec in specs}

    @property
    def names(self) -> tuple[str, ...]:
        """Of all of them."""
        return tuple(self._specs)

    def parameters(self, name: str) -> tuple[frozenset[str], frozenset[str]]:
        """Which parameters a tool has, and which it must be given; none if that is not known."""
        spec = self._specs[name]
        if isinstance(spec, str):
            return frozenset(), frozenset()
        shape = normalise(spec.parameters, name)
        return frozenset(dict(shape.properties)), frozenset(shape.required)

    def declared(self, name: str) -> bool:
        """Whether a tool's parameters are known."""
        return not isinstance(self._specs[name], str)

    def find(self, spaces: str, name: str) -> str:
        """The tool that is meant by a name with namespaces before it.

        Raises:
            RepairError: there is none.
        """
        for candidate in (spaces.replace(":", ".") + name, spaces + name, name):
            if candidate in self._specs:
                return candidate
        raise RepairError(f"there is no tool {name}")


def repaired(source: str, tools: Tools, *, closed: bool = True) -> tuple[str, dict[str, Any]]:
    """The tool and the arguments that a call means.

    Args:
        source: what stands between the call's two control tokens, quoting tokens as `MARK`.
        tools: that may be called.
        closed: the call was ended by its control token, so that a brace that is missing was forgotten, not cut off.

    Raises:
        RepairError: it can't be told.
    """
    if source.lstrip().startswith("{"):
        return repaired_json(source, tools.names)
    if _ESCAPED_QUOTE.search(source):
        source = html.unescape(source)
    source, pieces = _PIECE_OF_QUOTE.subn(MARK, source)
    head = _HEAD.match(source)
    if head is None:
        raise RepairError("it names no tool")
    name = tools.find(head[1], head[2])
    known, required = tools.parameters(name)
    if head[3] == ":":
        arguments = _blocks(source[head.end() :], known, required)
    elif not head[3]:
        if required or not closed:
            raise RepairError("it has no arguments")
        arguments = dict[str, Any]()
    else:
        arguments = _Reader(source, head.end(), known, closed=closed, exact=bool(pieces)).arguments(_CLOSERS[head[3]])
    if tools.declared(name) and not arguments.keys() <= known:
        raise RepairError("it names parameters that the tool has not")
    return name, arguments


def repaired_json(source: str, names: Collection[str]) -> tuple[str, dict[str, Any]]:
    """The tool and the arguments of a call that is a JSON object with ``name`` and ``arguments``, more or less.

    Single quotes, Python's words, a comma too many, a forgotten brace, and arguments that are JSON in a text are read;
    text without quotes is not.

    Args:
        source: the call.
        names: of the tools.

    Raises:
        RepairError: it can't be told.
    """
    if not source.lstrip().startswith("{") or MARK in source:
        raise RepairError("it is not JSON")
    reader = _Reader(source, source.index("{") + 1, _WRAPPING, closed=True, bare=False)
    found = reader.arguments("}")
    name, arguments = found.get("name"), found.get("arguments", found.get("parameters"))
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError) as error:
            raise RepairError("its arguments are not JSON") from error
    if name not in names or not isinstance(arguments, dict):
        raise RepairError("it names no tool")
    return str(name), cast("dict[str, Any]", arguments)


def _blocks(text: str, known: frozenset[str], required: frozenset[str]) -> dict[str, Any]:
    """``BEGIN_ARG`` blocks, which have neither names nor a known order: one block for one parameter only."""
    blocks: list[str] = []
    at = 0
    while block := _BLOCK.match(text, at):
        blocks.append(block[1].strip(MARK))
        at = block.end()
    if text[at:].strip() or not blocks:
        raise RepairError("its arguments are not between braces")
    names = required if len(required) == 1 else known
    if len(blocks) != 1 or len(names) != 1:
        raise RepairError("its arguments have no names")
    return {next(iter(names)): blocks[0]}


class _Reader:
    """Arguments in any of the ways that models write them.

    Args:
        source: the call.
        at: where its arguments begin.
        known: names of the parameters, by which a text without quotes is told from the next argument.
        closed: see `repaired`.
        bare: text may have no quotes.
        exact: quoting tokens only stand around text, as pieces of them that were spelt out can be nothing else.
    """

    def __init__(
        self, source: str, at: int, known: frozenset[str], *, closed: bool, bare: bool = True, exact: bool = False
    ) -> None:
        self._source = source
        self._at = at
        self._closed = closed
        self._bare_text = bare
        self._exact = exact
        self._names = known
        self._known = _ANY_KEY
        if known:
            names = "|".join(sorted(map(re.escape, known), key=len, reverse=True))
            self._known = rf"""[\0"']?(?:{names})[\0"']?\s*[:=]"""
        self._open: list[str] = []

    def arguments(self, closer: str) -> dict[str, Any]:
        found = self._mapping(closer)
        if self._source[self._at :].strip(" \t\r\n" + MARK + closer):
            raise RepairError("something follows the arguments")
        return found

    def _peek(self) -> str:
        while self._source[self._at : self._at + 1].isspace():
            self._at += 1
        return self._source[self._at : self._at + 1]

    def _enter(self, closer: str) -> None:
        self._open.append(closer)
        if len(self._open) > MAX_DEPTH:
            raise RepairError("it is nested too deeply")

    def _left(self) -> bool:
        """Whether the object or list that was entered last ends here."""
        character = self._peek()
        if character == self._open[-1]:
            self._at += 1
        elif character or not self._closed:
            if not character:
                raise RepairError("it was cut off")
            return False
        self._open.pop()
        return True

    def _mapping(self, closer: str) -> dict[str, Any]:
        self._enter(closer)
        found: dict[str, Any] = {}
        while not self._left():
            if self._peek() == ",":
                self._at += 1
                continue
            key = self._key()
            if key in found:
                raise RepairError("a key is there twice")
            if self._peek() not in (":", "="):
                raise RepairError("a key has no value")
            self._at += 1
            found[key] = self._value()
        return found

    def _items(self) -> list[Any]:
        self._enter("]")
        items: list[Any] = []
        while not self._left():
            if self._peek() == ",":
                self._at += 1
            else:
                items.append(self._value())
        return items

    def _key(self) -> str:
        quote = self._peek()
        if quote in (MARK, '"', "'"):
            end = self._source.find(quote, self._at + 1)
            key, self._at = self._source[self._at + 1 : end], end + 1
            if end < 0:
                raise RepairError("a key is not ended")
            return key
        if spaced := _SPACED_KEY.match(self._source, self._at):
            key = next(
                (spaced[0].replace(" ", sign) for sign in " _-" if spaced[0].replace(" ", sign) in self._names), ""
            )
            if key:
                self._at = spaced.end()
                return key
        bare = _KEY.match(self._source, self._at)
        if bare is None:
            raise RepairError("a key is missing")
        self._at = bare.end()
        return bare[0]

    def _value(self) -> Any:  # noqa: ANN401 - any JSON value
        character = self._peek()
        if character in ("{", "["):
            self._at += 1
            return self._mapping("}") if character == "{" else self._items()
        if character == MARK or character in _CLOSING:
            text = self._quoted(character)
            return self._bare() if text is None else text
        word = re.compile(r"[^\s,\]})]+").match(self._source, self._at)
        if word and self._ends(word.end()):
            if word[0] in _WORDS:
                self._at = word.end()
                return _WORDS[word[0]]
            if NUMBER.fullmatch(word[0]) and len(word[0]) < 300:
                self._at = word.end()
                value: int | float = json.loads(word[0])
                if math.isinf(value):
                    raise RepairError("a number is too large")
                return value
        return self._bare()

    def _ends(self, at: int) -> bool:
        """Whether a value may end here: the next one, a closing character or nothing follows."""
        inside = self._open[-1]
        rest = self._source[at:].lstrip()
        if inside == "]":
            return not rest or rest[0] in ",]"
        if not rest or rest.removeprefix(",").lstrip()[:1] in ("", inside):
            return True
        return re.match(rf"\s*,?\s*{self._key_pattern()}", self._source[at:]) is not None

    def _key_pattern(self) -> str:
        """What an argument's name with its sign looks like: the names of what is inside of arguments are not known."""
        return self._known if len(self._open) == 1 else _ANY_KEY

    def _quoted(self, quote: str) -> str | None:
        """Text up to the quote after which a value may end; quotes before it are part of it.

        None if no quoting token ends what one began.
        """
        begin = end = self._at + 1
        closing = _CLOSING.get(quote, quote)
        while (end := self._source.find(closing, end)) >= 0:
            after = end + 1
            if quote != MARK and self._source.startswith(MARK, after):  # a quoting token dangles behind the quote
                after += 1
            if self._ends(after) and not (quote != MARK and _escaped(self._source, end)):
                text = self._source[begin:end]
                self._at = after
                return self._plain(text) if quote == MARK else _unescaped(text, quote)
            end += 1
        if self._source.find(closing, begin) >= 0:
            raise RepairError("what follows a text is no argument")
        if quote != MARK:
            raise RepairError("a text is begun and not ended")
        return None

    def _plain(self, text: str) -> str:
        """Text that quoting tokens stand around, or stood; those inside it are the quotes that they look like."""
        swallowed = len(self._open) == 1 and self._names and re.search(rf",\s*{self._known}", text)
        if swallowed or (self._exact and MARK in text):
            raise RepairError("a text may end in two places")
        return text.replace(MARK, '"')

    def _bare(self) -> str:
        """Text without a quote before it: up to a quoting token at its end, the next argument, or what closes all."""
        if not self._bare_text:
            raise RepairError("a text has no quotes")
        begin = self._at + self._source.startswith(MARK, self._at)
        if len(self._open) > 1 and begin == self._at:
            found = re.compile(r"[^,\]})]+").match(self._source, begin)
            if found is None:
                raise RepairError("a value is missing")
            self._at = found.end()
            return found[0].strip().strip(MARK)
        stops = [begin + found.end() - 1 for found in re.finditer(MARK, self._source[begin:])]
        ends = [stop for stop in stops if self._ends(stop + 1)][:1]
        if comma := re.compile(rf"\s*,\s*{self._key_pattern()}").search(self._source, begin):
            ends.append(comma.start())
        end = min(ends) if ends else self._last(begin)
        text = self._source[begin:end].strip()
        if not text:
            raise RepairError("a value is missing")
        self._at = end + self._source.startswith(MARK, end)
        if _TYPE_WORD.match(text) or (text[-1] in _CLOSING and text.count(text[-1]) % 2):
            raise RepairError("a text has a quote or a type too many")
        return self._plain(text)

    def _last(self, begin: int) -> int:
        """Where a text ends that is the last of all: before what closes everything that is open."""
        end = len(self._source.rstrip())
        for closer in self._open:
            if end > begin and self._source[end - 1] == closer:
                end = len(self._source[: end - 1].rstrip())
            elif not self._closed or re.search(r"[{}]", self._source[begin:end]):
                raise RepairError("it was cut off")
        return end


def _escaped(text: str, at: int) -> bool:
    return (len(text[:at]) - len(text[:at].rstrip("\\"))) % 2 == 1


def _unescaped(text: str, quote: str) -> str:
    """Text as JSON or Python would read it; backslashes that escape nothing stay."""
    if quote == '"':
        try:
            return str(json.loads(f'"{text}"', strict=False))
        except ValueError:
            return text.replace('\\"', '"')
    return text.replace(f"\\{quote}", quote).replace(MARK, '"')
