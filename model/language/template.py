"""Gemma 4's prompt format, written by us: the stock template loses parameters, images and the border to untrusted text.

The wire form is that of google/gemma-4-12B-it's template of 2026-07-09, with these deliberate differences, all of them
so that a rendered conversation begins with the rendered conversation of the turn before plus what the model generated,
and the KV cache is kept:

- **The empty thought stays.** Without thinking a generation prompt ends with an empty thought channel. The stock
  template drops it once the answer is in the history, which would change the text before every old answer and cost a
  second evaluation of all that follows, screenshots included. Nothing demands that: an empty channel holds no thought
  to be stripped. So without thinking every model turn begins with it. ``keep_empty_thought=False`` renders as the stock
  template does.
- **Real thoughts are stripped** before the last user message, as the format demands, and cost that evaluation; after it
  they stay, whether a call follows or not.
- **Text before calls stays before them**, where it was generated; the stock template moves it behind the results.
- **Assistant text is not trimmed**; user and system text is.
- **Tools are declared even when none may be called**: they stand at the very beginning, and leaving them out would
  evaluate the whole conversation twice. The grammar forbids the call instead.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

from deskhand.model.errors import PromptError
from deskhand.model.language.dialect import Grammar, Growing, Piece
from deskhand.model.language.grammar import GemmaNotation, Rules, literal
from deskhand.model.language.literals import CONTROL_TOKENS, Pieces, too_deep
from deskhand.model.language.parser import GemmaParser
from deskhand.model.language.schema import normalise
from deskhand.model.language.shape import Shape, canonical
from deskhand.model.types import Audio, Image, Message, Request, ToolSpec

_CALL = "<|tool_call>"
_END_OF_CALL = "<tool_call|>"
_THOUGHT = "<|channel>thought\n"
_END_OF_THOUGHT = "<channel|>"


class Gemma4Dialect:
    """Messages and tools ↔ Gemma 4's tokens. `grammar` and `parser` belong to the same notation.

    Args:
        keep_empty_thought: see the module.
    """

    def __init__(self, *, keep_empty_thought: bool = True) -> None:
        self._keep_empty_thought = keep_empty_thought

    def render(self, request: Request) -> tuple[Piece, ...]:
        """The prompt, from ``<bos>`` on, with everything it needs: nothing is to be added when it is tokenised.

        An unfinished request ends with the last part of its last message; the system turn is always whole.

        Raises:
            SchemaError: a tool's parameters can't be understood.
            PromptError: arguments or a result are nested too deeply.
        """
        return _Rendering(request, keep_empty_thought=self._keep_empty_thought).pieces()

    def grammar(self, request: Request) -> Grammar | None:
        """Calls as the tools' schemas allow them.

        ``auto`` gives a lazy grammar from the call's token on, ``required`` one from the first token (a thought may
        come before the call if thinking is on), ``none`` one that forbids the call's token and nothing else. Without
        tools nothing is constrained.

        Raises:
            SchemaError: a tool's parameters can't be understood.
            PromptError: a call is required and there is no tool.
        """
        if not request.tools:
            if request.tool_choice == "required":
                raise PromptError("A tool call was demanded, but no tool was given.")
            return None
        rules = Rules()
        if request.tool_choice == "none":
            return Grammar(rules.text(f"(!{_CALL} | [\\x80-\\U0010FFFF])*"))
        notation = GemmaNotation(rules)
        ways = [
            f"{literal(f'call:{tool.name}')} {notation.object(normalise(tool.parameters, tool.name))}"
            for tool in request.tools
        ]
        call = rules.add(f"{_CALL} ({' | '.join(ways)}) {_END_OF_CALL}", "call")
        if request.tool_choice == "auto":
            return Grammar(rules.text(f"{call} {call}*"), trigger=_CALL)
        thought = f'(<|channel> "thought\\n" {rules.without(CONTROL_TOKENS)} {_END_OF_THOUGHT})? '
        return Grammar(rules.text(f"{thought if request.thinking else ''}{call} {call}*"))

    def parser(self, request: Request) -> GemmaParser:
        """A parser for one completion of ``request``."""
        return GemmaParser(request.tools, calls_allowed=request.tool_choice != "none")


class _Rendering:
    def __init__(self, request: Request, *, keep_empty_thought: bool) -> None:
        self._request = request
        self._empty_thought = keep_empty_thought and not request.thinking
        self._goes_on = False
        self._out = Pieces()

    def pieces(self) -> tuple[Piece, ...]:
        messages = self._request.messages
        leading = next((i for i, message in enumerate(messages) if message.role != "system"), len(messages))
        self._out.control("<bos>")
        self._system(messages[:leading])
        last_user = max((i for i, message in enumerate(messages) if message.role == "user"), default=-1)
        in_turn = False
        for index, message in enumerate(messages[leading:], leading):
            self._goes_on = self._request.unfinished and index == len(messages) - 1
            if message.role == "assistant":
                self._assistant(message, in_turn=in_turn, thought=index > last_user)
                in_turn = bool(message.calls) and index + 1 < len(messages) and messages[index + 1].role == "tool"
                if not in_turn and not self._goes_on:
                    self._out.control("<turn|>\n")
            elif message.role == "tool":
                if not in_turn:
                    self._open_model_turn()
                    in_turn = True
                self._result(message, messages[:index])
            else:
                if in_turn:
                    self._out.control("<turn|>\n")
                    in_turn = False
                self._out.control(f"<|turn>{message.role}\n")
                self._content(message)
                if not self._goes_on:
                    self._out.control("<turn|>\n")
        if not in_turn and not self._request.unfinished:
            self._out.control("<|turn>model\n")
            if not self._request.thinking:
                self._out.control(_THOUGHT + _END_OF_THOUGHT)
        return self._out.done()

    def _system(self, messages: Sequence[Message]) -> None:
        if not messages and not self._request.tools and not self._request.thinking:
            return
        self._out.control("<|turn>system\n")
        if self._request.thinking:
            self._out.control("<|think|>\n")
        self._out.plain("\n\n".join(text for message in messages if (text := message.text.strip())))
        for message in messages:
            self._media(message, Image)
            self._media(message, Audio)
        for tool in self._request.tools:
            self._declaration(tool)
        self._out.control("<turn|>\n")

    def _open_model_turn(self) -> None:
        self._out.control("<|turn>model\n")
        if self._empty_thought:
            self._out.control(_THOUGHT + _END_OF_THOUGHT)

    def _assistant(self, message: Message, *, in_turn: bool, thought: bool) -> None:
        shown = message.thought if thought else ""
        if not in_turn:
            if shown:
                self._out.control("<|turn>model\n")
            else:
                self._open_model_turn()
        if shown:
            self._out.control(_THOUGHT)
            self._out.plain(shown + "\n")
            self._out.control(_END_OF_THOUGHT)
        self._out.plain(message.text)
        for call in message.calls:
            self._out.control(_CALL)
            self._out.plain(f"call:{call.name}")
            self._out.mapping(call.arguments)
            self._out.control(_END_OF_CALL)

    def _result(self, message: Message, before: Sequence[Message]) -> None:
        name = _called(message.call_id, before) or message.name or "unknown"
        self._out.control("<|tool_response>")
        self._out.plain(f"response:{name}")
        self._out.mapping(_result_mapping(message.text))
        self._out.control("<tool_response|>")
        self._media(message, Image)
        self._media(message, Audio)

    def _content(self, message: Message) -> None:
        self._media(message, Image)
        self._out.plain(message.text.strip())
        self._media(message, Audio)

    def _media(self, message: Message, kind: type[Image | Audio]) -> None:
        found = [part for part in message.parts if isinstance(part, kind)]
        for index, part in enumerate(found):
            last = self._goes_on and index == len(found) - 1
            self._out.media(Growing(part) if last and isinstance(part, Audio) and part.growing else part)

    def _declaration(self, tool: ToolSpec) -> None:
        shape = normalise(tool.parameters, tool.name)
        self._out.control("<|tool>")
        self._out.plain(f"declaration:{tool.name}{{description:")
        self._out.quoted(tool.description.strip())
        self._out.plain(",parameters:")
        self._shape(shape)
        self._out.plain("}")
        self._out.control("<tool|>")

    def _shape(self, shape: Shape) -> None:
        """Declare a shape; its fields stand in alphabetical order."""
        out = self._out
        fields = 0

        def begin(name: str) -> None:
            nonlocal fields
            out.plain(f"{',' if fields else '{'}{name}:")
            fields += 1

        if shape.description:
            begin("description")
            out.quoted(shape.description)
        if shape.kind == "string" and shape.enum:
            begin("enum")
            out.value([value for value in shape.enum if isinstance(value, str)])
        if shape.items is not None and shape.kind == "array":
            begin("items")
            self._shape(shape.items)
        if shape.nullable:
            begin("nullable")
            out.plain("true")
        properties = dict(shape.properties)
        if properties:
            begin("properties")
            out.plain("{")
            for index, name in enumerate(canonical(properties)):
                out.plain("," if index else "")
                out.key(name)
                out.plain(":")
                self._shape(properties[name])
            out.plain("}")
        if shape.required:
            begin("required")
            out.value(shape.required)
        begin("type")
        out.quoted(_declared_type(shape))
        out.plain("}")


def _declared_type(shape: Shape) -> str:
    """The format has one type a parameter: a union declares its first, an unknown one STRING (a note says the rest)."""
    if shape.variants:
        return _declared_type(shape.variants[0])
    return {"any": "STRING", "null": "STRING"}.get(shape.kind, shape.kind.upper())


def _called(call_id: str, before: Sequence[Message]) -> str:
    for message in reversed(before):
        for call in message.calls:
            if call.id == call_id:
                return call.name
    return ""


def _result_mapping(text: str) -> dict[str, Any]:
    """A result that is a JSON object as it is, anything else under the key ``value``."""
    if text.lstrip().startswith("{"):
        try:
            found: object = json.loads(text)
        except (ValueError, RecursionError):
            return {"value": text}
        if isinstance(found, dict) and not too_deep(cast("dict[str, Any]", found)):
            return cast("dict[str, Any]", found)
    return {"value": text}
