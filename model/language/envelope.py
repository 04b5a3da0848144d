"""Find calls that a reply wraps in another envelope than its format's own.

Small models write a call of a known tool as bare JSON, in a fence (```` ```json ````, ```` ```tool_code ````), between
tags of their own (``<function>``, ``<tools>``), as Python, or with its marker forgotten (`docs/tool-calls.md` has
each). A reply, or its end from the beginning of a line on, that is nothing but such calls is taken for them; what prose
follows is an example, and stays text.
"""

from __future__ import annotations

import ast
import html
import json
import re
from collections.abc import Iterator
from typing import Any, cast

from deskhand.model.language.calls import CallError, new_call_id
from deskhand.model.language.json_calls import DECODER, json_calls, json_values
from deskhand.model.language.literals import MAX_DEPTH, QUOTE, too_deep
from deskhand.model.language.repair import MARK, RepairError, Tools, repaired
from deskhand.model.types import ToolCall

MOST_CHARACTERS = 400_000
"""Longer text is not looked through for Python."""

EVERY_TOKEN = 1000
"""Characters held back up to which each new token is looked at."""

_TAGS = (
    *("tool", "tools", "tool_call", "tool_calls", "tool-call", "tool-calls", "toolcall", "tool_code", "tool_use"),
    *("function", "functions", "function_call", "function_calls", "function-call", "function-calls", "functioncall"),
    *("call", "calls", "invoke", "json", "tool_request"),
)
_FENCE = re.compile(r"(?P<mark>`{3,}|~{3,})(?:[ \t]*[\w+.-]*[ \t]*(?:\r?\n|(?=[{\[<]))\s*|\s*(?=[{\[<]))")
_FENCE_BEGUN = re.compile(r"`+|~+|(?:`{3,}|~{3,})[ \t]*[\w+.-]*[ \t]*\r?")
_TAG = re.compile(rf"<\|?(?P<name>{'|'.join(sorted(_TAGS, key=len, reverse=True))})\|?>\s*", re.IGNORECASE)
_TAG_END = re.compile(rf"<(?:/|\|)?/?(?:{'|'.join(sorted(_TAGS, key=len, reverse=True))})?[\w|-]*>?", re.IGNORECASE)
_BETWEEN = re.compile(rf"(?<=```|~~~)\s*\n\s*(?=```|~~~)|(?<=>)\s*(?=<(?:{'|'.join(_TAGS)})[>= ])", re.IGNORECASE)
_NAMING = r"<(?:function|tool|invoke|tool_call|function_call)[= ]"
_NAMED_TAG = re.compile(rf"{_NAMING}(?:name=)?[\"']?(?P<name>[\w.:-]+)[\"']?>\s*(?P<body>.*)", re.DOTALL)
_PARAMETER = re.compile(
    r"\s*<parameter[= ](?:name=)?[\"']?(?P<key>[\w.-]+)[\"']?>\n?(?P<value>.*?)\n?</parameter>", re.DOTALL
)
_LABEL = re.compile(r"(?:tool_code|json(?=\s*[\[{])|<\|python_tag\|>|\[TOOL_CALLS?\])\s*")
_STRAY_TAG = re.compile(r"</?\|?[\w-]*\|?>?")
_BEFORE_NAME = re.compile(
    r"(?:print\s*\(|default_api\.|functions?[.:]|tools?[.:]|call\s*:\s*|[A-Za-z_]\w*\s*=(?!=)\s*)*"
)
_BEFORE_NAMES = ("print(", "default_api.", "functions.", "tools.", "call:")
_NAME_BEGUN = re.compile(r"[A-Za-z_]\w*\s*=?\s*")
_PREFIXES = (
    "print(",
    "default_api.",
    "call:",
    "tool_code\n",
    "json\n",
    "<|python_tag|>",
    "[TOOL_CALLS]",
    "[TOOL_CALL]",
)
_KEYS = ("name", "arguments", "parameters", "function", "tool", "tool_name", "tool_call", "tool_calls", "action", "id")
_FIRST_KEYS = (*(f'{{"{key}":' for key in _KEYS), '{"type":"function"')
_NAME = re.compile(r"""["'](?:name|tool|tool_name|function|function_name|action)["']\s*:\s*["']([^"']*)["']""")
_OTHER_TOOL = re.compile(r"(?P<name>[a-z]+(?:_[a-z]+)+)\s*(?P<body>\{.*\})\s*", re.DOTALL)
_OTHER_BEGUN = re.compile(r"[a-z]+(?:_[a-z]*)*|[a-z]+(?:_[a-z]+)+\s*(?:\{.*)?", re.DOTALL)
_CURLY = str.maketrans("“”„", '"""')
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None, "none": None}


def next_look(length: int) -> int:
    """The length at which text that was looked at is worth the next look: long text costs few looks, not thousands."""
    return length + max(1, length // 16 if length > EVERY_TOKEN else 1)


class Envelope:
    """Tells calls of these tools in other envelopes from text.

    Args:
        tools: that may be called.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._names = frozenset(tools.names)
        self._first_keys = (*_FIRST_KEYS, *(f'{{"{name}":{{' for name in tools.names))

    def may_begin(self, text: str, *, whole: bool = False) -> bool:
        """Whether text may be the beginning of calls, or all of them.

        Args:
            text: from the beginning of a line on, without white space before it.
            whole: it is the reply's beginning, too.
        """
        if not self._names:
            return False
        if not text or _FENCE_BEGUN.fullmatch(text) or (whole and _OTHER_BEGUN.fullmatch(text) and len(text) < 4000):
            return True
        if any(prefix.startswith(text) for prefix in _PREFIXES):
            return True
        if fence := _FENCE.match(text):
            inside, closed, after = text[fence.end() :].partition(fence["mark"])
            possible = self._may_be_inside(inside) or _NAME_BEGUN.fullmatch(inside) or (closed and not inside)
            return bool(possible) and (not after.strip() or (after[:1].isspace() and self.may_begin(after.strip())))
        if (end := self.closed(text)) and (after := text[end:].strip()):
            return self.may_begin(after)
        return self._may_be_inside(text)

    def _may_be_inside(self, text: str) -> bool:
        if label := _LABEL.match(text):
            text = text[label.end() :]
        if text.startswith("<"):
            return self._may_be_tagged(text)
        if text.startswith(("{", "[")):
            return self._may_be_json(text) or (text.startswith("[") and self._may_be_named(text[1:].lstrip()))
        return not text or self._may_be_named(text)

    def _may_be_tagged(self, text: str) -> bool:
        if tag := _TAG.match(text):
            inside = _untagged(text[tag.end() :])
            return not inside or inside.startswith("<") or self._may_be_inside(inside)
        begun = re.sub(r"^<\|?", "", text).lower()
        if any(name.startswith(begun.removesuffix("|")) for name in _TAGS) and ">" not in text:
            return True
        named = re.match(rf"{_NAMING}(?:name=)?[\"']?([\w.:-]*)([\"']?>?)", text)
        if named is None or "name=".startswith(named[1] or "-"):
            return named is not None
        return named[1] in self._names if named[2] else any(name.startswith(named[1]) for name in self._names)

    def _may_be_json(self, text: str) -> bool:
        dense = re.sub(r"\s|&\w*$", "", _straight(text[:400])).replace("'", '"').lstrip("[")
        if not any(dense.startswith(key) or key.startswith(dense) for key in self._first_keys):
            return False
        named = _NAME.search(_straight(text))
        if named and named[1] not in self._names and not any(name.endswith(f".{named[1]}") for name in self._names):
            return False
        try:
            _, end = DECODER.raw_decode(text)
        except (ValueError, RecursionError):
            return True
        after = re.split(r"\n\{|^\s*,\s*\{", text[end : end + 200], maxsplit=1)[0]
        return not re.search(r"[^\s{}\[\],`~]", _STRAY_TAG.sub("", after))

    def _may_be_named(self, text: str) -> bool:
        before = _BEFORE_NAME.match(text)
        rest = text[before.end() if before else 0 :]
        if any(word.startswith(rest) for word in (*self._names, *_BEFORE_NAMES)):
            return True
        for name in self._names:
            if rest.startswith(name) and (
                after := re.match(r"\(|\s*(?:\{|$)|\s*:\s*(?P<block>\w{0,9})", rest[len(name) :])
            ):
                return "BEGIN_ARG".startswith(after["block"] or "") and not prose_follows(rest)
        return False

    def closed(self, text: str) -> int:
        """Where tags that are calls' own are closed; 0 if the text has none, or they are still open."""
        tag = _TAG.match(text) or _NAMED_TAG.match(text)
        if tag is None:
            return 0
        name = tag["name"] if tag.re is _TAG else re.match(r"<(\w+)", text)[1]  # type: ignore[index]
        end = re.compile(rf"</{re.escape(name)}>", re.IGNORECASE).search(text, tag.start())
        return end.end() if end else 0

    def calls(self, text: str, *, whole: bool = False) -> list[ToolCall]:
        """The calls that text is; empty if it is something else.

        Args:
            text: as for `may_begin`, to its end.
            whole: it is the whole reply.

        Raises:
            CallError: it is a call that can't be read, or of a tool that is not there.
        """
        parts = [self._in_one(self._peeled(part)) for part in _BETWEEN.split(text.strip())]
        found = [call for part in parts for call in part] if all(parts) else self._in_one(self._peeled(text.strip()))
        if found and all(call.name in self._names for call in found):
            return found
        if whole and (other := _OTHER_TOOL.fullmatch(text.strip())) and _is_object(other["body"]):
            raise CallError(f"There is no tool {other['name']}.")
        return []

    def _in_one(self, body: str) -> list[ToolCall]:
        return [*self._json(body), *self._named_tags(body)] or self.python(body) or self._gemma(body)

    def _peeled(self, body: str) -> str:
        """The text without the fences, tags and labels around it."""
        while True:
            inner = body
            if fence := _FENCE.match(inner):
                inner = inner[fence.end() :].strip()
                inner = inner.rstrip().rstrip("`~")
            if label := _LABEL.match(inner):
                inner = inner[label.end() :]
            if tag := _TAG.match(inner):
                inner = inner[tag.end() :]
            if tag or inner.startswith(("{", "[")):
                inner = _untagged(inner)
            inner = inner.strip()
            if inner == body:
                return body
            body = inner

    def _json(self, body: str) -> list[ToolCall]:
        if not body.startswith(("{", "[")):
            return []
        body = _straight(body)
        try:
            values = json_values(f"[{body}]" if re.search(r"\}\s*,\s*\{", body) else body)
            return [call for value in values for call in self._keyed(value) or json_calls(value)]
        except CallError:
            if not self._begun(body):
                return []
            try:
                return list(json_calls(ast.literal_eval(body)))  # Python's quotes and words
            except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
                pass
            raise

    def _keyed(self, value: object) -> list[ToolCall]:
        """The call of a tool whose name is the only key of an object."""
        pairs = cast("dict[str, Any]", value).items() if isinstance(value, dict) else ()
        found = [_made(key, inner) for key, inner in pairs if key in self._names and isinstance(inner, dict)]
        return found if len(found) == len(pairs) == 1 else []

    def _begun(self, body: str) -> bool:
        """Whether a known tool's call begins the text and is not whole; a whole one with prose after it is prose."""
        names = "|".join(map(re.escape, self._names))
        if not re.match(rf"""\[?\s*\{{\s*["']name["']\s*:\s*["'](?:{names})["']\s*,\s*["']\w+["']""", body):
            return False
        try:
            DECODER.raw_decode(body)
        except (ValueError, RecursionError):
            return True
        return False

    def _named_tags(self, body: str) -> list[ToolCall]:
        tag = _NAMED_TAG.match(body)
        if tag is None or tag["name"] not in self._names:
            return []
        inside = re.sub(r"\s*</(?:function|tool|invoke|tool_call|function_call)>\s*$", "", tag["body"]).strip()
        if inside.startswith("{"):
            try:
                (value,) = json_values(inside)
            except (CallError, ValueError):
                return []
            return [_made(tag["name"], cast("dict[str, Any]", value))] if isinstance(value, dict) else []
        arguments = {found["key"]: found["value"] for found in _PARAMETER.finditer(inside)}
        return [] if _PARAMETER.sub("", inside).strip() else [_made(tag["name"], arguments)]

    def python(self, body: str) -> list[ToolCall]:
        """Calls written as Python statements, each of a known tool with literal arguments."""
        if "(" not in body or len(body) > MOST_CHARACTERS:
            return []
        try:
            return [call for statement in ast.parse(body).body for call in self._called(statement)]
        except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
            return []

    def _called(self, statement: ast.stmt) -> Iterator[ToolCall]:
        node = statement.value if isinstance(statement, ast.Expr | ast.Assign) else None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            if len(node.args) != 1 or node.keywords:
                raise ValueError("more is printed than a call")
            node = node.args[0]
            if isinstance(node, ast.Name):
                return  # what a call before it gave
        for call in node.elts if isinstance(node, ast.List) else [node]:
            if not isinstance(call, ast.Call):
                raise ValueError("not only calls")  # noqa: TRY004 - a reading that fails, not a type of ours
            name = self._name(ast.unparse(call.func))
            arguments = {self._key(keyword): _literal(keyword.value) for keyword in call.keywords}
            for key, value in zip(self._positions(name, len(call.args)), call.args, strict=True):
                arguments[key] = _literal(value)
            yield _made(name, arguments)

    def _name(self, written: str) -> str:
        """The tool that a dotted name means, which may begin with what models put before it."""
        for name in (written, re.sub(r"^(?:default_api|functions?|tools?)\.", "", written)):
            if name in self._names:
                return name
        raise ValueError("no tool")

    def _positions(self, name: str, count: int) -> tuple[str, ...]:
        """Names of arguments that have none: of one that is the tool's only parameter, or the only one it needs."""
        if not count:
            return ()
        known, required = self._tools.parameters(name)
        only = required if len(required) == 1 else known
        if count > 1 or len(only) != 1:
            raise ValueError("arguments without names")
        return tuple(only)

    def _key(self, keyword: ast.keyword) -> str:
        if keyword.arg is None:
            raise ValueError("arguments that are not written out")
        return keyword.arg

    def _gemma(self, body: str) -> list[ToolCall]:
        """Calls in Gemma's notation without their marker."""
        try:
            return [_made(*each) for each in repaired_calls(body.replace(QUOTE, MARK), self._tools, closed=False)]
        except RepairError:
            return []


def repaired_calls(source: str, tools: Tools, *, closed: bool) -> list[tuple[str, dict[str, Any]]]:
    """The calls that stand one behind the other where one should, in Gemma's notation (see `repaired`).

    Raises:
        RepairError: they can't be told.
    """
    try:
        return [repaired(source, tools, closed=closed)]
    except RepairError:
        names = "|".join(re.escape(name) for name in sorted(tools.names, key=len, reverse=True))
        starts = [found.start() for found in re.finditer(rf"(?<=[}})])\s*(?:call\s*:\s*)?(?:{names})\s*[{{(]", source)]
        if not starts or not names:
            raise
        ends = [*starts, len(source)]
        parts = [source[begin:end] for begin, end in zip([0, *starts], ends, strict=True)]
        return [repaired(part, tools, closed=closed and part is parts[-1]) for part in parts]


def opens_fence(line: str, *, inside: bool) -> bool:
    """Whether a fence is open behind a line of text, which began ``inside`` of one or outside."""
    return inside != line.lstrip().startswith("```")


def prose_follows(text: str) -> bool:
    """Whether more than white space follows where the first bracket is closed again: an example, and no call."""
    depth = 0
    for at, character in enumerate(text):
        depth += (character in "{(") - (character in "})")
        if not depth and character in "})":
            rest = text[at + 1 :].strip().removesuffix("```").lstrip(")]},").strip()
            return bool(rest) and not re.match(r"[\w.:]*[({]|[\w.:]*$|`|<", rest)
    return False


def _untagged(text: str) -> str:
    """The text without a closing tag, whole or cut, at its end; only the end is looked at, however long it is."""
    text = text.rstrip()
    at = text.rfind("<", max(0, len(text) - 40))
    return text[:at].rstrip() if at >= 0 and _TAG_END.fullmatch(text, at) else text


def _straight(text: str) -> str:
    """JSON whose quotes were all made curly or escaped for a page, with the quotes that they were."""
    return text if '"' in text else html.unescape(text).translate(_CURLY)


def _literal(node: ast.expr) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(node, ast.Name) and node.id in _WORDS:
        return _WORDS[node.id]
    # Sets, bytes and complex numbers are no arguments; two halves of a character are one.
    return json.loads(json.dumps(ast.literal_eval(node)))


def _made(name: str, arguments: dict[str, Any]) -> ToolCall:
    if too_deep(arguments):
        raise CallError(f"It is nested more than {MAX_DEPTH} levels deep.")
    return ToolCall(new_call_id(), name, arguments)


def _is_object(text: str) -> bool:
    try:
        return isinstance(DECODER.decode(text), dict)
    except (ValueError, RecursionError):
        return False
